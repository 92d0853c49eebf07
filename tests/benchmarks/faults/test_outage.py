from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from benchmarks.faults import outage
from benchmarks.faults.outage import GROWTH_BYTES_MAX, MEBIBYTE, Watched, watch

if TYPE_CHECKING:
    from benchmarks.faults.fleet_line import FleetLine

FLAT = [80 * MEBIBYTE] * 100


def test_an_ingest_that_waits_quietly_did_nothing_wrong() -> None:
    quiet = Watched(FLAT, 2_000, 0, "write readings: away")
    assert quiet.problems() == []
    assert (quiet.growth_bytes, quiet.trend_bytes) == (0, 0)
    assert "write readings: away" in str(quiet)


@pytest.mark.parametrize(
    ("watched", "words"),
    [
        (Watched([*FLAT, FLAT[0] + GROWTH_BYTES_MAX + 1], 0, 0, "away"), "memory grew by 64.0 MiB"),
        (Watched([80 * MEBIBYTE + n * MEBIBYTE // 2 for n in range(100)], 0, 0, "away"), "still grew"),
        (Watched(FLAT, 9_000, 0, "away"), "9000 messages in the inbox"),
        (Watched(FLAT, 0, 3, "away"), "3 messages were acknowledged"),
        (Watched(FLAT, 0, 0, ""), "did not say"),
    ],
)
def test_each_wrong_is_told(watched: Watched, words: str) -> None:
    assert [words in problem for problem in watched.problems()] == [True]


def test_of_something_slow_only_memory_is_judged() -> None:
    assert Watched(FLAT, 0, 3, "").problems(is_dead=False) == []
    grown = Watched([*FLAT, 10 * GROWTH_BYTES_MAX], 0, 3, "")
    assert "memory grew" in grown.problems(is_dead=False)[0]


def test_an_outage_too_short_to_tell_has_no_trend() -> None:
    assert Watched([MEBIBYTE, 2 * MEBIBYTE, 90 * MEBIBYTE], 0, 0, "away").trend_bytes == 0


class Outboxes:
    """One message more is settled each time somebody looks."""

    def __init__(self, *, is_settling: bool) -> None:
        self._is_settling = is_settling
        self._settled = 0

    @property
    def settled(self) -> int:
        self._settled += self._is_settling
        return self._settled


class Line:
    """Says what a line would say."""

    def __init__(self, *said: dict[str, object], is_settling: bool = False) -> None:
        self._said = list(said)
        self.outboxes = Outboxes(is_settling=is_settling)
        self.fleet = self

    def memory_bytes(self) -> int:
        return 50 * MEBIBYTE

    def health(self) -> dict[str, object]:
        return self._said.pop(0) if len(self._said) > 1 else self._said[0]


def watched(line: Line, *, is_dead: bool = True) -> Watched:
    return watch(cast("FleetLine", line), 0.2, is_dead=is_dead)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "SAID_SECONDS_MAX", 0.3)
    monkeypatch.setattr(outage, "SAMPLE_SECONDS", 0.05)
    monkeypatch.setattr(outage, "SETTLE_SECONDS", 0.0)


def test_it_is_waited_until_the_health_page_tells() -> None:
    well: dict[str, object]
    away: dict[str, object]
    well, away = {"ok": True, "problem": None, "waiting": 7}, {"problem": "away", "waiting": 12}
    found = watched(Line(well, {}, well, away))
    assert (found.said, found.waiting_max, found.acknowledged) == ("away", 12, 0)
    assert found.problems() == []


def test_a_health_page_that_falls_silent_before_the_end_is_not_telling() -> None:
    found = watched(Line({"problem": "away"}, {"problem": None}))
    assert found.said == ""


def test_what_is_acknowledged_meanwhile_is_counted() -> None:
    assert watched(Line({"problem": "away"}, is_settling=True)).acknowledged == 1
    assert watched(Line({"problem": None}, is_settling=True), is_dead=False).problems(is_dead=False) == []
