"""`python -m benchmarks.faults.failpoint`: the real ingest, which kills itself at a chosen point of a chosen load.

`FAULT_POINT` is `stored` (the readings are durable, nothing else is), `marked` (inside ingest's own transaction),
`recorded` (everything is durable, nothing was answered) or `answered` (the acks were handed over, some may be on their
way); `FAULT_LOAD` counts loads from 1.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import ingest.pipeline
import ingest.writer
from ingest.app import main
from sheetal.ledger import telemetry_writes

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = ("stored", "marked", "recorded", "answered")

P = ParamSpec("P")
T = TypeVar("T")


def killing_after(step: Callable[P, T], load: int) -> Callable[P, T]:
    """The step, after whose return for the n-th time the process is gone, as by kill -9."""
    left = load

    def stepped(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal left
        result = step(*args, **kwargs)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return stepped


def arm(point: str, load: int) -> None:
    """Puts the fail-point into the pipeline."""
    pipeline, writer = ingest.pipeline, ingest.writer
    if point == "stored":
        writer.Writer.write = killing_after(writer.Writer.write, load)  # type: ignore[method-assign]
    elif point == "marked":
        telemetry_writes.mark_dirty = killing_after(telemetry_writes.mark_dirty, load)
    elif point == "recorded":
        pipeline.record = killing_after(pipeline.record, load)  # type: ignore[attr-defined]
    elif point == "answered":
        pipeline.Pipeline._count = killing_after(pipeline.Pipeline._count, load)  # type: ignore[method-assign]  # noqa: SLF001 - the step after the acks
    else:
        raise SystemExit(f"FAULT_POINT is not one of {', '.join(POINTS)}")


if __name__ == "__main__":
    arm(os.environ["FAULT_POINT"], int(os.environ["FAULT_LOAD"]))
    sys.exit(main())
