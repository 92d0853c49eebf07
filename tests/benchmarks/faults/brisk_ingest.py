"""ingest whose chores come every second instead of every ten, so that a test need not wait for them."""

from __future__ import annotations

import sys

from ingest import chores
from ingest.app import main

if __name__ == "__main__":
    chores.TURN_SECONDS = 1.0
    sys.exit(main())
