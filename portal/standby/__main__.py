"""`python -m portal.standby`."""

import sys

from portal.standby.serve import main

if __name__ == "__main__":
    sys.exit(main())
