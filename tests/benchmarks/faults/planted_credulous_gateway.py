"""A gateway with a planted fault: it believes every message whose envelope can be read."""

from __future__ import annotations

import sys

import edge_agent.uplink.courier
from edge_agent.__main__ import main
from edge_agent.remote import manager
from tests.benchmarks.faults.credulous import believe

if __name__ == "__main__":
    edge_agent.uplink.courier.unseal = believe
    manager.unseal = believe
    sys.exit(main(sys.argv[1:]))
