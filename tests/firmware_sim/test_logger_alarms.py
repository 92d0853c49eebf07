from __future__ import annotations

import pytest

from firmware_sim.logger_alarms import AlarmMinutes


def codes(field: str, values: list[float | None], doors: list[int] | None = None) -> list[tuple[str, ...]]:
    counter = AlarmMinutes(field)
    open_seconds = doors or [0] * len(values)
    return [counter.count(60, celsius, door) for celsius, door in zip(values, open_seconds, strict=True)]


def first(told: list[tuple[str, ...]], code: str) -> int | None:
    return next((minute for minute, said in enumerate(told) if code in said), None)


@pytest.mark.parametrize(
    ("field", "celsius", "code", "minutes"),
    [("TVC", -0.5, "FRZE", 60), ("TVC", 8.1, "HEAT", 600), ("TFRZ", -14.9, "HEAT", 60)],
)
def test_an_alarm_stands_after_more_than_its_minutes(field: str, celsius: float, code: str, minutes: int) -> None:
    assert first(codes(field, [celsius] * (minutes + 5)), code) == minutes


@pytest.mark.parametrize(("field", "celsius"), [("TVC", -0.4), ("TVC", 8.0), ("TFRZ", -15.0), ("TFRZ", -40.0)])
def test_a_value_on_the_right_side_of_the_limit_never_alarms(field: str, celsius: float) -> None:
    assert not any(codes(field, [celsius] * 700))


@pytest.mark.parametrize("between", [4.0, None])
def test_a_run_ends_at_a_value_in_range_and_at_a_missing_one(between: float | None) -> None:
    assert not any(codes("TVC", [-1.0] * 50 + [between] + [-1.0] * 50))


def test_an_alarm_clears_with_the_first_value_in_range() -> None:
    told = codes("TVC", [-1.0] * 70 + [3.0])
    assert told[-2] == ("FRZE",)
    assert told[-1] == ()


def test_a_door_open_for_more_than_five_minutes_alarms() -> None:
    assert codes("TVC", [4.0] * 6, [60] * 6) == [()] * 5 + [("DOOR",)]
    assert not any(codes("TVC", [4.0] * 20, [40] * 20))
