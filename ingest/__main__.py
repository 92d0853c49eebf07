"""`python -m ingest` is one worker; `python -m ingest replay` takes dead letters in once more."""

import sys

if sys.argv[1:2] == ["replay"]:
    from ingest.replay_command import main as replay

    sys.exit(replay(sys.argv[2:]))

from ingest.app import main

sys.exit(main())
