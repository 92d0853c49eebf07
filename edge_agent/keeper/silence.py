"""The alarm that no reading raises: a probe that has had no valid value for too long (pure).

It runs on a monotonic clock, so that no wall clock that is set makes or hides one. A value that a logger tells from its
memory, measured long ago, does not count as heard.
"""

from __future__ import annotations

from typing import NamedTuple

from sheetal.contracts.limits import MINUTE_MS

GRACE_MS = 5 * MINUTE_MS
"""After a restart a probe has so long at least before the alarm, however long it was silent before."""


class SilenceState(NamedTuple):
    """A standing alarm, kept over a restart; both None where none stands."""

    began_at_ms: int | None = None
    fired_at_ms: int | None = None


class SilenceFact(NamedTuple):
    """The alarm fired, or with `cleared_at_ms` ended; `began_at_ms` is the last valid value's instant."""

    began_at_ms: int
    fired_at_ms: int
    cleared_at_ms: int | None


class Silence:
    """Watches one probe; `minutes` of 0 switches it off and ends what stands. `heard_at_ms` is from before a start."""

    def __init__(self, minutes: int, state: SilenceState = SilenceState(), heard_at_ms: int | None = None) -> None:  # noqa: B008 - immutable
        self.minutes = minutes
        self.state = state
        self._heard_at_ms = heard_at_ms
        self._newest_ms: int | None = None
        self._since_ms: int | None = None

    def hear(self, measured_at_ms: int) -> None:
        """A valid value has come."""
        self._newest_ms = max(measured_at_ms, self._newest_ms or measured_at_ms)

    def shift(self, delta_ms: int) -> None:
        """The instants told so far were provisional and are now known to be off by this much."""
        began, fired = self.state
        self.state = SilenceState(_moved(began, delta_ms), _moved(fired, delta_ms))
        self._heard_at_ms = _moved(self._heard_at_ms, delta_ms)
        self._newest_ms = _moved(self._newest_ms, delta_ms)

    def judge(self, at_ms: int, monotonic_ms: int) -> SilenceFact | None:
        """What has happened by now; to be asked regularly. `at_ms` dates it, `monotonic_ms` measures it."""
        limit_ms = self.minutes * MINUTE_MS
        if limit_ms == 0:
            return self._cleared(at_ms)
        if self._since_ms is None:
            told_ms = at_ms - (at_ms if self._heard_at_ms is None else self._heard_at_ms)
            self._since_ms = monotonic_ms - min(max(told_ms, 0), max(limit_ms - GRACE_MS, 0))
        newest_ms, self._newest_ms = self._newest_ms, None
        if newest_ms is not None and at_ms - newest_ms <= limit_ms:
            self._since_ms, self._heard_at_ms = monotonic_ms, newest_ms
            return self._cleared(newest_ms)
        if self.state.fired_at_ms is not None or monotonic_ms - self._since_ms < limit_ms:
            return None
        began_at_ms = at_ms - limit_ms if self._heard_at_ms is None else self._heard_at_ms
        self.state = SilenceState(began_at_ms, max(at_ms, began_at_ms))
        return SilenceFact(began_at_ms, max(at_ms, began_at_ms), None)

    def _cleared(self, at_ms: int) -> SilenceFact | None:
        began, fired = self.state
        if began is None or fired is None:
            return None
        self.state = SilenceState()
        return SilenceFact(began, fired, max(at_ms, fired))


def _moved(at_ms: int | None, delta_ms: int) -> int | None:
    return None if at_ms is None else at_ms + delta_ms
