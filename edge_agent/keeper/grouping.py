"""Calm readings that are written together, to spare the flash (pure).

At one reading a minute a commit for each writes 12.6 MB a day to the device, groups of ten 1.8 MB (edge.md section 9).
What is held here is not kept yet: it is lost when the power fails, so only readings inside their limits are held, and
briefly.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from edge_agent.outbox.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Iterable


class Group:
    """One intake that grows until a probe has `rows_max` readings in it or the first of them is `seconds_max` old."""

    def __init__(self, rows_max: int, seconds_max: float) -> None:
        self._rows_max = rows_max
        self._seconds_max = seconds_max
        self._held = Intake()
        self._since_seconds: float | None = None

    def __bool__(self) -> bool:
        return self._since_seconds is not None

    def __len__(self) -> int:
        return len(self._held.rows) + len(self._held.aux)

    def with_more(self, more: Intake, at_seconds: float) -> Intake:
        """What is held and this, to be committed at once; a sensor's readings stand together, in order of time."""
        held_seconds = 0.0 if self._since_seconds is None else at_seconds - self._since_seconds
        return Intake(
            rows=sorted([*self._held.rows, *more.rows], key=lambda row: row.sensor),
            aux=[*self._held.aux, *more.aux],
            days=[*self._held.days, *more.days],
            alarms=[*self._held.alarms, *more.alarms],
            marks={**self._held.marks, **more.marks},
            held_ms=max(0, round(held_seconds * 1_000)),
            at_once=self._held.at_once or more.at_once,
        )

    def hold(self, more: Intake, at_seconds: float) -> None:
        """Takes it without a commit."""
        self._held = self.with_more(more, at_seconds)
        self._since_seconds = at_seconds if self._since_seconds is None else self._since_seconds

    def take_over(self, before: Group) -> None:
        """What another group held is held here, for as long as it was already."""
        self._held, self._since_seconds = before._held, before._since_seconds
        before.clear()

    def is_due(self, at_seconds: float, more: Intake | None = None) -> bool:
        """Whether what is held must be committed now, or with `more` would have to be."""
        whole = self._held if more is None else self.with_more(more, at_seconds)
        since_seconds = at_seconds if self._since_seconds is None else self._since_seconds
        if self._since_seconds is None and more is None:
            return False
        return at_seconds - since_seconds >= self._seconds_max or _most(whole) >= self._rows_max

    def clear(self) -> None:
        """It was committed."""
        self._held = Intake()
        self._since_seconds = None


def is_calm(intake: Intake) -> bool:
    """Whether nothing in it is outside its limits, a change of state, an alarm or wanted at once."""
    notable: Iterable[bool] = [*(row.notable for row in intake.rows), *(value.notable for value in intake.aux)]
    return not (intake.at_once or intake.alarms or intake.days or any(notable))


def _most(intake: Intake) -> int:
    """The most readings of one probe, or values of one field, in it."""
    names = [row.sensor for row in intake.rows] + [f"{value.source} {value.field}" for value in intake.aux]
    return max(Counter(names).values(), default=0)
