"""The gateway with two planted faults: it measures its clock once, and gives every old reading some instant."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.faults.lying_gateway import deceive


def careless() -> None:
    from edge_agent.clock import timeline as clock  # noqa: PLC0415 - after the clocks were changed
    from edge_agent.outbox import placing  # noqa: PLC0415 - after the clocks were changed

    hear = clock.Timeline.hear

    def hear_once(timeline: clock.Timeline, answer: clock.Answer) -> clock.Move:
        return clock.NO_MOVE if timeline.line.is_anchored else hear(timeline, answer)

    clock.Timeline.hear = hear_once  # type: ignore[method-assign] # the fault
    # "From a battery clock on" becomes "from no clock on".
    placing.ClockSource = type("Careless", (), {"RTC": clock.ClockSource.NONE})  # type: ignore[assignment,misc,attr-defined] # the fault


if __name__ == "__main__":
    deceive(Path(os.environ["FAULT_CLOCK"]))
    careless()
    from edge_agent.__main__ import main

    sys.exit(main(sys.argv[1:]))
