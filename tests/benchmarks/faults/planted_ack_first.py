"""ingest with a planted fault: it acknowledges before anything is durable."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ingest.app import main
from ingest.conflicts import by_sensor
from ingest.pipeline import Pipeline, Stored
from ingest.writer import Written

if TYPE_CHECKING:
    from ingest.load import Load

_store, _tell = Pipeline._store, Pipeline._tell


def _tell_then_store(self: Pipeline, load: Load) -> list[Stored]:
    _tell(self, Stored(load, Written(load.readings, [], [], [], by_sensor(load.readings))))
    time.sleep(0.3)
    return _store(self, load)


if __name__ == "__main__":
    Pipeline._store = _tell_then_store
    Pipeline._tell = lambda *_: None
    sys.exit(main())
