from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.beyond import Beyond, Hanging, is_beyond, rules_of
from alerts.server_rules import Probe
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.reading import Quality, Reading
from sheetal.readings.memory import MemoryReadings
from tests.alerts.given import FRIDGE, OTHER, TVC, appliance, at


class Counted(MemoryReadings):
    """Says what was asked of it, and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, int]] = []
        self.is_away = False

    def read(
        self, sensor: str, start_ms: int, end_ms: int, *, limit: int | None = None, after_ms: int | None = None
    ) -> list[Reading]:
        if self.is_away:
            raise Unavailable("away")
        self.asked.append((start_ms, end_ms))
        return super().read(sensor, start_ms, end_ms, limit=limit, after_ms=after_ms)


@pytest.fixture
def readings() -> Counted:
    return Counted()


def write(store: Counted, first: int, last: int, value: int) -> None:
    store.write([Reading(TVC, at(minute), value, Quality.OK, 1, minute) for minute in range(first, last)])


def probe(value: int | None, minute: float) -> Hanging:
    return Hanging(Probe(TVC, at(-10_000), MINUTE_MS, at(minute), value), appliance(FRIDGE))


def test_a_fresh_watch_reads_the_past_that_its_longest_rule_needs(readings: Counted) -> None:
    write(readings, 0, 65, -60)
    (fact,) = Beyond(readings).look([probe(-60, 64)], at(64))[TVC, FRIDGE]
    assert (fact.rule.kind, fact.began_at_ms, fact.fired_at_ms) == (AlarmKind.FREEZE, at(0), at(60))
    assert fact.extreme_centi_celsius == -60
    assert readings.asked == [(at(64) - 603 * MINUTE_MS, at(64) + 1)]


def test_a_watch_that_stands_reads_only_what_is_new(readings: Counted) -> None:
    beyond = Beyond(readings)
    write(readings, 0, 30, -60)
    assert beyond.look([probe(-60, 29)], at(29)) == {}
    write(readings, 30, 61, -90)
    (fact,) = beyond.look([probe(-90, 60)], at(60))[TVC, FRIDGE]
    assert (fact.began_at_ms, fact.extreme_centi_celsius) == (at(0), -90)
    assert readings.asked[1:] == [(at(29) + 1, at(60) + 1)]


def test_a_value_inside_between_two_turns_ends_the_run(readings: Counted) -> None:
    beyond = Beyond(readings)
    write(readings, 0, 61, -60)
    assert beyond.look([probe(-60, 60)], at(60))
    write(readings, 61, 62, 300)
    write(readings, 62, 64, -60)
    assert beyond.look([probe(-60, 63)], at(63)) == {}
    write(readings, 64, 123, -60)
    (fact,) = beyond.look([probe(-60, 122)], at(122))[TVC, FRIDGE]
    assert fact.began_at_ms == at(62)


def test_a_gap_never_extends_a_run(readings: Counted) -> None:
    write(readings, 0, 40, -60)
    write(readings, 50, 70, -60)
    assert Beyond(readings).look([probe(-60, 69)], at(69)) == {}


def test_a_good_appliance_costs_nothing(readings: Counted) -> None:
    write(readings, 0, 61, 450)
    assert Beyond(readings).look([probe(450, 60), probe(None, 60)], at(60)) == {}
    assert readings.asked == []


def test_a_watch_is_forgotten_when_its_run_is_over(readings: Counted) -> None:
    beyond = Beyond(readings)
    write(readings, 0, 10, -60)
    beyond.look([probe(-60, 9)], at(9))
    write(readings, 10, 11, 450)
    beyond.look([probe(450, 10)], at(10))
    asked = len(readings.asked)
    beyond.look([probe(450, 11)], at(11))
    assert len(readings.asked) == asked


def test_a_probe_that_moved_begins_anew(readings: Counted) -> None:
    beyond = Beyond(readings)
    write(readings, 0, 61, -60)
    assert beyond.look([probe(-60, 60)], at(60))
    moved = Hanging(probe(-60, 61).probe._replace(since_ms=at(60.5)), appliance(OTHER))
    assert beyond.look([moved], at(61)) == {}
    assert readings.asked[-1][0] == at(60.5)


def test_nothing_is_lost_while_the_store_is_away(readings: Counted) -> None:
    beyond = Beyond(readings)
    write(readings, 0, 30, -60)
    beyond.look([probe(-60, 29)], at(29))
    readings.is_away = True
    with pytest.raises(Unavailable):
        beyond.look([probe(-60, 45)], at(45))
    readings.is_away = False
    write(readings, 30, 61, -60)
    (fact,) = beyond.look([probe(-60, 60)], at(60))[TVC, FRIDGE]
    assert fact.began_at_ms == at(0)


@pytest.mark.parametrize(("value", "expected"), [(-50, True), (-49, False), (800, False), (801, True), (None, False)])
def test_freezing_is_inclusive_and_heat_strict(value: int | None, *, expected: bool) -> None:
    assert is_beyond(probe(value, 0)) is expected


def test_where_nothing_may_freeze_only_heat_is_watched() -> None:
    freezer = replace(appliance(FRIDGE), freeze_alarm_centi_celsius=None, freeze_alarm_minutes=None)
    assert [rule.kind for rule in rules_of(freezer)] == [AlarmKind.HEAT]
