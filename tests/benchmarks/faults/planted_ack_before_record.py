"""ingest with a planted fault: it acknowledges what its readings store has, before its own transaction."""

from __future__ import annotations

import sys
import time

from ingest.app import main
from ingest.pipeline import Pipeline, Stored

_record, _tell = Pipeline._record, Pipeline._tell


def _tell_then_record(self: Pipeline, stored: Stored) -> None:
    _tell(self, stored)
    time.sleep(0.3)
    _record(self, stored)


if __name__ == "__main__":
    Pipeline._record = _tell_then_record
    Pipeline._tell = lambda *_: None
    sys.exit(main())
