"""ingest with a planted fault: it believes every batch whose envelope can be read."""

from __future__ import annotations

import sys

from ingest.app import main
from ingest.decode import seal
from tests.benchmarks.faults.credulous import believe

if __name__ == "__main__":
    seal.unseal = believe
    sys.exit(main())
