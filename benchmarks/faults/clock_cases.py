"""The clock matrix: what is wrong with a gateway's clocks, and what happens to it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SINCE_1970 = None
"""The wall clock woke in 1970."""
CALM_SECONDS = 3.0
COLD_SECONDS = 9.0
"""Longer than the five seconds that are a minute of the alarm rule here."""


class Stage(Protocol):
    """What a case can do to its gateway."""

    def start(self, *, wall_off_ms: int | None = 0, rate: float = 1.0) -> None:
        """Boots the machine, whose wall clock is so far off, and the gateway on it."""

    def link(self) -> None:
        """From now on the broker can be reached."""

    def kill(self) -> None:
        """Kills the gateway's process and starts another on the same machine."""

    def cut_power(self) -> None:
        """Kills the process, and the machine with it: its clock since boot begins anew."""

    def set_wall(self, off_ms: int) -> None:
        """Sets the wall clock."""

    def calm(self, seconds: float) -> None:
        """The refrigerator is well for so long."""

    def cold(self, seconds: float) -> None:
        """It freezes for so long."""


class Case(NamedTuple):
    """One row of the matrix; `is_lost` where what was measured before the power cut has no instant."""

    name: str
    play: Callable[[Stage], None]
    is_lost: bool = False


def _excursion(stage: Stage) -> None:
    stage.calm(CALM_SECONDS)
    stage.cold(COLD_SECONDS)
    stage.calm(CALM_SECONDS)


def _without_rtc_with_a_link(stage: Stage) -> None:
    stage.link()
    stage.start(wall_off_ms=SINCE_1970)
    _excursion(stage)


def _without_rtc_killed(stage: Stage) -> None:
    stage.start(wall_off_ms=SINCE_1970)
    _excursion(stage)
    stage.kill()
    stage.calm(CALM_SECONDS)
    stage.link()
    stage.calm(CALM_SECONDS)


def _killed_while_the_time_is_found(stage: Stage) -> None:
    """A move is one transaction: whatever instant the process ends at, it happened or it did not."""
    stage.start(wall_off_ms=2 * HOUR_MS)
    _excursion(stage)
    stage.link()
    for seconds in (0.1, 0.3, 0.5):
        stage.calm(seconds)
        stage.kill()
    stage.calm(CALM_SECONDS)


def _without_rtc_power_cut(stage: Stage) -> None:
    stage.start(wall_off_ms=SINCE_1970)
    _excursion(stage)
    stage.cut_power()
    stage.calm(CALM_SECONDS)
    stage.link()
    stage.calm(CALM_SECONDS)


def _rtc_off(off_ms: int) -> Callable[[Stage], None]:
    def play(stage: Stage) -> None:
        stage.start(wall_off_ms=off_ms)
        _excursion(stage)
        stage.link()
        stage.calm(CALM_SECONDS)

    return play


def _rtc_ahead_power_cut(stage: Stage) -> None:
    stage.start(wall_off_ms=3 * DAY_MS)
    _excursion(stage)
    stage.cut_power()
    stage.calm(CALM_SECONDS)
    stage.link()
    stage.calm(CALM_SECONDS)


def _rtc_right_power_cut(stage: Stage) -> None:
    stage.start()
    _excursion(stage)
    stage.cut_power()
    stage.calm(CALM_SECONDS)
    stage.link()
    stage.calm(CALM_SECONDS)


def _stepping_wall(stage: Stage) -> None:
    """Before the link in the middle of an excursion, and again once the time is known."""
    stage.start()
    stage.calm(CALM_SECONDS)
    stage.cold(COLD_SECONDS / 3)
    stage.set_wall(-2 * HOUR_MS)
    stage.cold(COLD_SECONDS / 3)
    stage.set_wall(2 * HOUR_MS)
    stage.cold(COLD_SECONDS / 3)
    stage.calm(CALM_SECONDS)
    stage.link()
    stage.calm(CALM_SECONDS)
    stage.set_wall(-2 * HOUR_MS)
    stage.calm(CALM_SECONDS)
    stage.set_wall(2 * HOUR_MS)
    stage.calm(CALM_SECONDS)


def _drifting(stage: Stage) -> None:
    """Two hundred times the 500 ppm of a bad crystal, asked six hundred times as often as shipped."""
    stage.link()
    stage.start(wall_off_ms=SINCE_1970, rate=0.9)
    _excursion(stage)
    stage.calm(6 * CALM_SECONDS)


CASES = (
    Case("no battery clock (1970), with a link", _without_rtc_with_a_link),
    Case("1970 without a link, process killed and started anew, then a link", _without_rtc_killed),
    Case("1970 without a link, power cut, then a link", _without_rtc_power_cut, is_lost=True),
    Case("process killed three times while the time is found", _killed_while_the_time_is_found),
    Case("wall stepping 2 h back and forward, before and after the anchor", _stepping_wall),
    Case("battery clock 3 days ahead, power cut, then a link", _rtc_ahead_power_cut, is_lost=True),
    Case("battery clock 2 h ahead", _rtc_off(2 * HOUR_MS)),
    Case("battery clock 3 days ahead", _rtc_off(3 * DAY_MS)),
    Case("battery clock a year behind", _rtc_off(-365 * DAY_MS)),
    Case("battery clock right, power cut, then a link", _rtc_right_power_cut),
    Case("crystal 10 % slow", _drifting),
)
