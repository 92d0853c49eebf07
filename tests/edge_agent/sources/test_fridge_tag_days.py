from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from edge_agent.sources.fridge_tag import parse_fridge_tag
from tests.edge_agent.exports import BERLIN, KOLKATA, Day, export, line_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from edge_agent.sources.logged_file import LoggedDay, LoggedFile

HOUR_MS = 3_600_000


def parse(text: str, zone: ZoneInfo = KOLKATA) -> LoggedFile:
    return parse_fridge_tag(text.encode(), zone)


def only(day: Day) -> LoggedDay:
    file = parse(export(day))
    assert file.problems == []
    (found,) = file.days
    return found


def local_ms(text: str, zone: ZoneInfo = KOLKATA) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1_000)


def messages(file: LoggedFile) -> list[str]:
    return [one.message for one in file.problems]


def test_a_day_carries_all_that_the_device_says_of_it() -> None:
    day = only(
        Day(
            date="2026-02-28",
            low="-1.2",
            high="+12.4",
            below="t Acc: 95, TS A: 03:30, C A: 0",
            above="t Acc: 620, TS A: 2026-02-28 22:10, C A: 2",
            timeout="12",
            events="26",
            checked="  Checked:\n   TS AM: 08:02\n   TS PM: 16:30\n",
        )
    )
    assert (day.centi_celsius_min, day.centi_celsius_max, day.centi_celsius_average) == (-120, 1_240, 410)
    assert (day.minutes_below, day.minutes_above, day.minutes_unknown) == (95, 620, 12)
    assert day.low_alarm_at_ms == local_ms("2026-02-28 03:30")
    assert day.high_alarm_at_ms == local_ms("2026-02-28 22:10")
    assert (day.low_alarm_checked, day.high_alarm_checked) == (False, True)
    assert day.events == 26
    assert day.checks_ms == (local_ms("2026-02-28 08:02"), local_ms("2026-02-28 16:30"))


def test_a_whole_day_runs_from_midnight_to_midnight_of_its_zone() -> None:
    day = only(Day(date="2026-02-28"))
    assert (day.starts_at_ms, day.ends_at_ms) == (local_ms("2026-02-28 00:00"), local_ms("2026-03-01 00:00"))


def test_today_ends_with_the_report_and_the_first_day_begins_with_the_activation() -> None:
    file = parse(export(Day(date="2026-03-02"), Day(date="2026-02-20")))
    assert file.days[0].ends_at_ms == local_ms("2026-03-02 17:00")
    assert file.days[0].starts_at_ms == local_ms("2026-03-02 00:00")
    assert file.days[1].starts_at_ms == local_ms("2026-02-20 09:30")
    assert file.days[1].ends_at_ms == local_ms("2026-02-21 00:00")


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_the_days_of_a_clock_change_are_shorter_and_longer(date: str, hours: int) -> None:
    text = export(Day(date=date)).replace("TS Report Creation: 2026-03-02", "TS Report Creation: 2026-12-31")
    (day,) = parse(text, BERLIN).days
    assert day.ends_at_ms - day.starts_at_ms == hours * HOUR_MS


def test_no_alarm_and_no_value_are_none() -> None:
    day = only(Day(low="---", high="--.-"))
    assert (day.centi_celsius_min, day.centi_celsius_max) == (None, None)
    assert (day.low_alarm_at_ms, day.high_alarm_at_ms) == (None, None)


def test_of_two_sensors_the_longer_time_out_counts() -> None:
    text = export(Day(timeout="5")).replace("  Events:", "  Ext Sensor timeout:\n   t AccST: 30\n  Events:")
    assert parse(text).days[0].minutes_unknown == 30


@pytest.mark.parametrize(
    ("day", "part", "says"),
    [
        (Day(low="abc"), "Min T", "Min T: 'abc' is not a temperature"),
        (Day(high="+999.9"), "Max T", "beyond what a probe can measure"),
        (Day(events="many"), "Events", "Events: 'many' is not a number"),
        (Day(timeout="all"), "t AccST", "t AccST: 'all' is not a number of minutes"),
        (Day(below="t Acc: 5, TS A: noon, C A: 0"), "noon", "TS A: 'noon' is not a time"),
        (Day(below="t Acc: 5, TS A: 29:10, C A: 0"), "29:10", "TS A: '29:10' is not a time"),
    ],
)
def test_one_bad_value_is_named_and_the_rest_of_its_day_is_kept(day: Day, part: str, says: str) -> None:
    text = export(day)
    file = parse(text)
    (message,) = messages(file)
    assert message.startswith(f"line {line_of(text, part)}: ")
    assert says in message
    assert len(file.days) == 1


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (Day(date="2026-02-30"), "Date: '2026-02-30' is not a date"),
        (Day(below="t Acc: x"), "t Acc: 'x' is not a number of minutes in a day"),
        (Day(above="t Acc: 1501"), "t Acc: '1501' is not a number of minutes in a day"),
        (Day(above="TS A: 10:00"), "day block 1 has no t Acc of alarm 1"),
    ],
)
def test_a_day_without_its_date_or_minutes_is_left_out_and_named(day: Day, says: str) -> None:
    file = parse(export(day, Day(date="2026-03-01")))
    assert any(says in message for message in messages(file))
    assert [one.date for one in file.days] == ["2026-03-01"]


def test_a_day_that_lacks_a_line_in_the_middle_of_the_file_is_not_called_cut() -> None:
    text = export(Day(), Day(date="2026-03-01")).replace("  Avrg T: +4.1\n", "", 1)
    block = text[: text.index("  Date: 2026-03-02")].count("\n")
    assert messages(parse(text)) == [f"line {block}: day block 1 has no Avrg T"]


def test_a_day_that_stands_twice_is_taken_once() -> None:
    file = parse(export(Day(low="+2.0"), Day(low="+3.0")))
    assert [day.centi_celsius_min for day in file.days] == [200]
    assert "day 2026-03-02 stands twice" in messages(file)[0]


def test_a_missing_day_is_noted() -> None:
    file = parse(export(Day(date="2026-03-02"), Day(date="2026-02-27")))
    assert file.problems == []
    assert [note.text for note in file.notes] == ["2026-03-02 is not the day after 2026-02-27"]


def test_a_day_on_which_the_clock_was_set_is_noted() -> None:
    file = parse(export(Day(events="2")))
    assert [note.text for note in file.notes] == ["the clock or date was changed on 2026-03-02"]
    assert parse(export(Day(events="24"))).notes == []


def test_an_alarm_in_an_hour_shown_twice_is_noted() -> None:
    day = Day(date="2026-10-25", below="t Acc: 70, TS A: 02:30, C A: 0")
    file = parse(export(day), BERLIN)
    assert "twice or never" in file.notes[0].text
    assert file.days[0].low_alarm_at_ms == local_ms("2026-10-25 02:30", BERLIN)
