from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sample import Sample
from edge_agent.sources.logged_file import (
    PROBLEMS_MAX,
    AlarmSetting,
    LoggedDay,
    LoggedFile,
    LoggedRow,
    LoggerSettings,
    bounded,
    centi_celsius_of,
    problem,
)
from sheetal.contracts.reading import Quality


@pytest.mark.parametrize(
    ("text", "centi_celsius"),
    [("+5.0", 500), ("-0.5", -50), ("4", 400), ("0", 0), ("-0.04", -4), ("4.005", 400), ("4.015", 402), (" 8.1 ", 810)],
)
def test_a_number_becomes_exact_hundredths(text: str, centi_celsius: int) -> None:
    assert centi_celsius_of(text) == centi_celsius


@pytest.mark.parametrize("text", ["", "--.-", "---", "--", "NaN", "null", "None", "n/a", "  "])
def test_a_missing_value_is_none_and_never_zero(text: str) -> None:
    assert centi_celsius_of(text) is None


@pytest.mark.parametrize("text", ["abc", "4,5", "4.", ".5", "1e3", "inf", "4 5", "+-4", "0x10", "٤", "--4"])
def test_anything_else_is_not_a_temperature(text: str) -> None:
    with pytest.raises(ValueError, match="not a temperature"):
        centi_celsius_of(text)


@pytest.mark.parametrize("text", ["-100.01", "150.01", "999999"])
def test_what_no_probe_can_measure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="beyond what a probe can measure"):
        centi_celsius_of(text)


@pytest.mark.parametrize(
    ("text", "centi_celsius"), [("32", 0), ("212", 10_000), ("-40", -4_000), ("69.88083514", 2_104)]
)
def test_fahrenheit_is_turned_into_celsius(text: str, centi_celsius: int) -> None:
    assert centi_celsius_of(text, fahrenheit=True) == centi_celsius


@given(st.integers(-10_000, 15_000))
def test_every_hundredth_survives_being_written_and_read(centi_celsius: int) -> None:
    sign = "-" if centi_celsius < 0 else "+"
    text = f"{sign}{abs(centi_celsius) // 100}.{abs(centi_celsius) % 100:02d}"
    assert centi_celsius_of(text) == centi_celsius


def test_a_problem_begins_with_its_line_and_carries_it() -> None:
    assert problem(7, "bad").message == "line 7: bad"
    assert problem(7, "bad", last_line=9).message == "lines 7 to 9: bad"
    assert problem(0, "the file is empty").message == "the file is empty"
    assert problem(7, "bad", last_line=9).facts == {"line": 7, "last_line": 9}


def test_problems_are_sorted_and_bounded_and_say_how_many_more_there_are() -> None:
    few = bounded([problem(9, "b"), problem(2, "a")])
    assert [one.facts["line"] for one in few] == [2, 9]
    many = bounded([problem(line, "bad") for line in range(1, 1_001)])
    assert len(many) == PROBLEMS_MAX
    assert many[-1].message == f"{1_000 - PROBLEMS_MAX + 1} more problems are not listed"


def test_days_become_drafts_with_the_devices_own_limits() -> None:
    day = LoggedDay(
        line=9,
        date="2026-03-02",
        starts_at_ms=1_000,
        ends_at_ms=2_000,
        centi_celsius_min=-120,
        centi_celsius_max=None,
        centi_celsius_average=300,
        minutes_below=95,
        minutes_above=0,
        minutes_unknown=12,
        low_alarm_at_ms=1_500,
        high_alarm_at_ms=None,
        low_alarm_checked=True,
        high_alarm_checked=False,
        events=24,
        checks_ms=(),
    )
    settings = LoggerSettings(
        device="d",
        format_version="0.5",
        firmware="f",
        low=AlarmSetting(-50, 60),
        high=AlarmSetting(800, 600),
        interval_minutes=None,
        activated_at_ms=None,
        reported_at_ms=None,
        others={},
    )
    (draft,) = LoggedFile(kind="fridge_tag", sha256="", settings=settings, days=[day]).drafts("gw-1.x")
    assert draft.sensor == "gw-1.x"
    assert (draft.starts_at_ms, draft.ends_at_ms) == (1_000, 2_000)
    assert (draft.centi_celsius_min, draft.centi_celsius_max) == (-120, None)
    assert (draft.low_limit_centi_celsius, draft.low_limit_minutes) == (-50, 60)
    assert (draft.high_limit_centi_celsius, draft.high_limit_minutes) == (800, 600)
    assert (draft.minutes_below, draft.minutes_above, draft.minutes_unknown) == (95, 0, 12)
    assert (draft.low_alarm_at_ms, draft.high_alarm_at_ms) == (1_500, None)


def test_a_file_without_a_device_has_no_drafts() -> None:
    assert LoggedFile(kind="csv", sha256="").drafts("gw-1.x") == []


def test_rows_become_samples_and_each_fault_has_its_name() -> None:
    values = [450, None, 8_500, -12_700]
    rows = [LoggedRow(line, line * 1_000, value) for line, value in enumerate(values)]
    assert LoggedFile(kind="csv", sha256="", rows=rows).samples("gw.p") == [
        Sample("gw.p", 0, 450, Quality.OK),
        Sample("gw.p", 1_000, None, Quality.NO_VALUE),
        Sample("gw.p", 2_000, None, Quality.POWER_ON_VALUE),
        Sample("gw.p", 3_000, None, Quality.OPEN_CIRCUIT),
    ]


def test_only_a_row_may_say_that_the_circuit_is_open() -> None:
    assert centi_celsius_of("-127.0", of_row=True) == -12_700
    assert centi_celsius_of("-196.6", of_row=True, fahrenheit=True) == -12_700
    for text, of_row in (("-127.0", False), ("-126.9", True), ("-100.01", True)):
        with pytest.raises(ValueError, match="beyond"):
            centi_celsius_of(text, of_row=of_row)
