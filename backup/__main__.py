"""`python -m backup make|verify|restore|make-keys|restore-keys FOLDER`; see docs/backup.md."""

from __future__ import annotations

import sys
from functools import partial

from backup.app import main
from sheetal.contracts.clock import now_ms

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], now_ms, partial(print, flush=True), partial(print, file=sys.stderr)))
