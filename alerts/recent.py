"""The last day of each sensor as forecasts need it: a value each five minutes and the newest, in a few KB (pure).

It is fed with the newest values that ingest keeps, so ten thousand sensors cost one query a minute. Late rows do not
belong here: a forecast is about now.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sheetal.thermal.runs import Sample

STEP_MS = 5 * MINUTE_MS
KEPT_MAX = DAY_MS // STEP_MS
MOVED_CENTI_CELSIUS = 20
SLACK = 32
"""The oldest go by this many at a time, since each going moves all the others."""


class Recent:
    """One sensor's last day. `is_seeded` is whether its past has been read from the store."""

    __slots__ = ("_instants", "_newest", "_values", "is_seeded")

    def __init__(self) -> None:
        self._instants = array("q")
        self._values = array("i")
        self._newest: Sample | None = None
        self.is_seeded = False

    @property
    def newest(self) -> Sample | None:
        """The newest sample."""
        return self._newest

    @property
    def oldest(self) -> Sample | None:
        """The oldest sample that is remembered."""
        return (self._instants[0], self._values[0]) if self._instants else None

    def add(self, ms: int, centi_celsius: int) -> None:
        """Remember a newer sample; an older one changes nothing."""
        if self._newest is not None and ms <= self._newest[0]:
            return
        self._newest = (ms, centi_celsius)
        if not self._instants or ms - self._instants[-1] >= STEP_MS:
            self._instants.append(ms)
            self._values.append(centi_celsius)
        if len(self._instants) >= KEPT_MAX + SLACK:
            del self._instants[:SLACK], self._values[:SLACK]

    def seed(self, older: Iterable[Sample]) -> None:
        """Put a past before what is remembered; of `older`, in order of time, only what lies before it counts."""
        known = self.samples()
        begins_ms = known[0][0] if known else None
        del self._instants[:], self._values[:]
        self._newest = None
        self.is_seeded = True
        for ms, centi_celsius in older:
            if begins_ms is None or ms < begins_ms:
                self.add(ms, centi_celsius)
        for ms, centi_celsius in known:
            self.add(ms, centi_celsius)

    def before(self, ms: int) -> Sample | None:
        """The newest remembered sample at or before an instant."""
        for instant, value in zip(reversed(self._instants), reversed(self._values), strict=True):
            if instant <= ms:
                return instant, value
        return None

    def has_moved(self) -> bool:
        """Whether it stands elsewhere than an hour ago, by more than noise."""
        if self._newest is None:
            return False
        earlier = self.before(self._newest[0] - HOUR_MS) or self.oldest
        return earlier is not None and abs(self._newest[1] - earlier[1]) >= MOVED_CENTI_CELSIUS

    def samples(self) -> list[Sample]:
        """All that is remembered, in order; the newest last."""
        found = list(zip(self._instants, self._values, strict=True))
        if self._newest is not None and (not found or found[-1][0] < self._newest[0]):
            found.append(self._newest)
        return found
