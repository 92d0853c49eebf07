"""ingest with a planted fault: it acknowledges before anything is durable."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ingest.app import main
from ingest.pipeline import Pipeline
from ingest.writer import Written

if TYPE_CHECKING:
    from ingest.load import Load

_store, _answer = Pipeline._store, Pipeline._answer


def _answer_then_store(self: Pipeline, load: Load) -> Written:
    _answer(self, load, Written(load.readings, [], [], []))
    time.sleep(0.3)
    return _store(self, load)


if __name__ == "__main__":
    Pipeline._store = _answer_then_store
    Pipeline._answer = lambda *_: None
    sys.exit(main())
