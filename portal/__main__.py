"""`python -m portal`: the web process."""

from __future__ import annotations

import sys

from portal.serve import main

if __name__ == "__main__":
    sys.exit(main())
