"""`python -m demo`."""

import sys

from demo.app import main

sys.exit(main(sys.argv[1:]))
