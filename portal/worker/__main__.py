"""`python -m portal.worker`."""

import sys

from portal.worker.app import main

if __name__ == "__main__":
    sys.exit(main())
