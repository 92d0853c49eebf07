"""`python -m tests.benchmarks.faults.planted_long_lease`: alerts whose lease outlives it, so that nobody takes over."""

from __future__ import annotations

import sys

from alerts import engine
from alerts.__main__ import main

if __name__ == "__main__":
    engine.LEASE_MS = 3_600_000
    sys.exit(main())
