"""ingest with a planted fault: it believes every batch whose envelope can be read."""

from __future__ import annotations

import sys

from ingest.app import main
from ingest.decode import seal

if __name__ == "__main__":
    seal.prove = lambda *_: None
    sys.exit(main())
