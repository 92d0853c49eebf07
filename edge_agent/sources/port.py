"""What every source offers and what it hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from edge_agent.sample import AuxSample, Sample


class Observation(NamedTuple):
    """What one record of a device says.

    `repeated`: the device told it before (it streams its memory again at each connection), so it is kept once and
    not judged again. `discontinuity`: the device's clock was restarted or set before it, elapsed time is unknown.
    `marks` are what the source wants to remember, committed together with the samples.
    """

    samples: tuple[Sample, ...] = ()
    aux: tuple[AuxSample, ...] = ()
    repeated: bool = False
    discontinuity: bool = False
    marks: Mapping[str, str] = {}


Sink = Callable[[Sequence[Observation]], None]
"""Takes observations and returns when they are on the disk; raises sqlite3.Error when they are not."""

Recall = Callable[[str], str | None]
"""What a mark of this name last said."""


class Source(Protocol):
    """One device; it calls its sink from a thread of its own and waits for it, so the device is the buffer."""

    def start(self, sink: Sink) -> None:
        """Begins to read for ever; returns at once."""

    def stop(self) -> None:
        """Ends the thread, within a second or two."""

    def is_connected(self) -> bool:
        """Whether the device answers now."""
