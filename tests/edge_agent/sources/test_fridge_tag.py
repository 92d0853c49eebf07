from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.fridge_tag import HIGH_DEFAULT, LOW_DEFAULT, is_fridge_tag, parse_fridge_tag
from edge_agent.sources.logged_file import AlarmSetting, LoggedFile
from tests.edge_agent.exports import BERLIN, KOLKATA, REAL, Day, export, line_of

FIVE_ROWS = "".join(f"\t2026-03-01 10:{minute:02d}\t4.{minute // 5}\n" for minute in range(0, 25, 5))


def parse(text: str) -> LoggedFile:
    return parse_fridge_tag(text.encode(), KOLKATA)


def local_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=KOLKATA).timestamp() * 1_000)


def messages(file: LoggedFile) -> list[str]:
    return [one.message for one in file.problems]


def test_a_good_export_is_read_whole() -> None:
    file = parse(export(Day("2026-03-02"), Day("2026-03-01"), rows=FIVE_ROWS))
    assert messages(file) == []
    assert file.notes == []
    assert file.kind == "fridge_tag"
    assert file.serial == "990000000001"
    assert [day.date for day in file.days] == ["2026-03-02", "2026-03-01"]
    assert [row.centi_celsius for row in file.rows] == [400, 410, 420, 430, 440]
    assert file.rows[0].measured_at_ms == local_ms("2026-03-01 10:00")


def test_settings_are_the_devices_own() -> None:
    settings = parse(export(Day())).settings
    assert settings is not None
    assert settings.device == "Q-tag Fridge-tag 2 L"
    assert (settings.format_version, settings.firmware) == ("0.5", "4.0p0o")
    assert (settings.low, settings.high) == (AlarmSetting(-50, 60), AlarmSetting(800, 600))
    assert settings.interval_minutes == 5
    assert settings.activated_at_ms == local_ms("2026-02-20 09:30")
    assert settings.reported_at_ms == local_ms("2026-03-02 17:00")
    assert settings.others["Conf/Lot"] == "made up"


def test_a_file_without_limits_takes_the_usual_ones_and_says_so() -> None:
    file = parse("Device: Fridge-tag 2\nConf:\n Serial: 1\nHist:\n TS Actv: 2026-01-01 00:00\n")
    assert file.settings is not None
    assert (file.settings.low, file.settings.high) == (LOW_DEFAULT, HIGH_DEFAULT)
    assert [note.text for note in file.notes] == [
        "no limit of alarm 0 in the file: the usual -0.5 °C, 60 min is taken",
        "no limit of alarm 1 in the file: the usual +8.0 °C, 600 min is taken",
    ]


def test_a_missing_temperature_is_a_row_without_value() -> None:
    file = parse(export(Day(), rows="\t2026-03-01 10:00\t4.1\n\t2026-03-01 10:05\t--.-\tx\n"))
    assert [row.centi_celsius for row in file.rows] == [410, None]
    assert file.problems == []


def test_the_third_column_may_be_empty_present_or_missing() -> None:
    rows = "\t2026-03-01 10:00\t4.1\t\n\t2026-03-01 10:05\t4.2\n\t2026-03-01 10:10\t9.2\tx\n"
    assert [row.centi_celsius for row in parse(export(Day(), rows=rows)).rows] == [410, 420, 920]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("\t2026-03-01 10:05\tabc\n", "'abc' is not a temperature"),
        ("\t2026-03-01 10:05\n", "the row has no temperature"),
        ("\t2026-13-01 10:05\t4.1\n", "'2026-13-01 10:05' is not a date and time"),
        ("\t2026-03-01 10:05\t412.0\n", "beyond what a probe can measure"),
        ("\t\t4.1\n", "'' is not a date and time"),
    ],
)
def test_a_bad_row_is_named_and_its_neighbours_are_kept(bad: str, says: str) -> None:
    text = export(Day(), rows=f"\t2026-03-01 10:00\t4.1\n{bad}\t2026-03-01 10:10\t4.3\n")
    file = parse(text)
    assert [row.centi_celsius for row in file.rows] == [410, 430]
    (message,) = messages(file)
    assert message.startswith(f"line {line_of(text, '10:00') + 1}: ")
    assert says in message


def test_fahrenheit_devices_are_read_in_celsius() -> None:
    text = export(Day(low="39.2", high="42.8"), rows="\t2026-03-01 10:00\t41.0\n")
    text = text.replace("Temp unit: C", "Temp unit: F").replace("T AL: -0.5", "T AL: 31.1").replace("+8.0", "46.4")
    file = parse(text)
    assert file.rows[0].centi_celsius == 500
    assert (file.days[0].centi_celsius_min, file.days[0].centi_celsius_max) == (400, 600)
    assert file.settings is not None
    assert (file.settings.low.centi_celsius, file.settings.high.centi_celsius) == (-50, 800)


def test_an_unknown_unit_is_named() -> None:
    assert "Temp unit 'K'" in messages(parse(export(Day()).replace("Temp unit: C", "Temp unit: K")))[0]


def test_a_missing_serial_is_named_with_the_block_it_belongs_to() -> None:
    text = export(Day()).replace(" Serial: 990000000001\n", "")
    file = parse(text)
    assert file.serial is None
    assert messages(file) == [f"line {line_of(text, 'Conf:')}: no Serial below Conf: the device is not known"]
    assert len(file.days) == 1


def test_a_misplaced_serial_is_one_problem_not_two() -> None:
    text = export(Day()).replace(" Serial:", "Serial:")
    assert messages(parse(text)) == [
        f"line {line_of(text, 'Serial:')}: wrong indentation: 'Serial: 990000000001' cannot stand here"
    ]


def test_an_interval_that_is_no_number_is_named_and_the_rows_are_kept() -> None:
    file = parse(export(Day(), rows=FIVE_ROWS).replace("Logging Interval: 5", "Logging Interval: often"))
    assert "Logging Interval 'often'" in messages(file)[0]
    assert len(file.rows) == 5


def test_a_stamp_that_is_no_time_is_named() -> None:
    text = export(Day()).replace("TS Actv: 2026-02-20 09:30", "TS Actv: yesterday")
    file = parse(text)
    assert messages(file) == [f"line {line_of(text, 'TS Actv')}: TS Actv: 'yesterday' is not a date and time"]
    assert file.settings is not None
    assert file.settings.activated_at_ms is None


def test_a_file_that_ends_before_its_history_says_where() -> None:
    file = parse("Device: Fridge-tag 2\nVers: 0.5\nConf:\n Serial: 1\n")
    assert messages(file)[-1] == "line 4: the file ends before any history"


def test_a_file_cut_in_a_row_loses_only_that_row() -> None:
    text = export(Day(), rows=FIVE_ROWS, tail="")
    file = parse(text[:-2])
    assert len(file.rows) == 4
    (message,) = messages(file)
    assert message == f"line {line_of(text, '10:20')}: the file is cut inside this line"


def test_a_signature_without_its_newline_is_no_cut() -> None:
    assert messages(parse(export(Day())[:-1])) == []


def test_every_cut_inside_the_last_day_is_named_and_costs_only_that_day() -> None:
    text = export(Day("2026-03-02"), Day("2026-03-01"), tail="")
    begins = text.index(" 2:\n") + len(" 2:\n")
    for end in range(begins, len(text)):
        file = parse(text[:end])
        assert "2026-03-02" in [day.date for day in file.days]
        assert len(file.days) + len(file.problems) >= 2
        assert any("cut" in message for message in messages(file)), text[begins:end]
    assert messages(parse(text)) == []


def test_a_local_clock_in_a_zone_with_summer_time_is_placed_by_the_order_of_rows() -> None:
    rows = "".join(f"\t2026-10-25 {time}\t4.1\n" for time in ["01:55", *[f"02:{m:02d}" for m in range(0, 60, 5)] * 2])
    file = parse_fridge_tag(export(Day(), rows=rows).encode(), BERLIN)
    stamps = [row.measured_at_ms for row in file.rows]
    assert len(stamps) == 25
    assert {later - earlier for earlier, later in itertools.pairwise(stamps)} == {300_000}
    assert stamps[0] == round(datetime(2026, 10, 24, 23, 55, tzinfo=UTC).timestamp() * 1_000)
    assert "placed by the order" in file.notes[0].text


def test_a_byte_order_mark_and_odd_bytes_do_not_stop_it() -> None:
    file = parse_fridge_tag(b"\xef\xbb\xbf" + export(Day()).replace("made up", "caf\\xe9").encode(), KOLKATA)
    assert file.serial == "990000000001"
    broken = parse_fridge_tag(export(Day()).encode().replace(b"made up", b"caf\xe9"), KOLKATA)
    assert broken.problems == []


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("Device: Q-tag Fridge-tag 2\n", True),
        ("\n Device: Fridge-tag 2\n", True),
        ("timestamp,value\n", False),
        ("", False),
    ],
)
def test_the_kind_is_told_by_the_first_line(text: str, *, yes: bool) -> None:
    assert is_fridge_tag(text) is yes


def test_the_same_bytes_have_the_same_hash() -> None:
    assert parse(export(Day())).sha256 == parse(export(Day())).sha256
    assert parse(export(Day())).sha256 != parse(export(Day(low="+2.5"))).sha256


@given(st.data())
def test_a_file_damaged_anywhere_is_answered_and_never_raises(data: st.DataObject) -> None:
    text = export(Day("2026-03-02"), Day("2026-03-01"), rows=FIVE_ROWS)
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 60)))
    damaged = text[:begin] + data.draw(st.text(max_size=10)) + text[end:]
    file = parse_fridge_tag(damaged.encode("utf-8", errors="replace"), KOLKATA)
    assert len(file.rows) <= 6
    assert len(file.days) <= 3
    for one in file.problems:
        assert isinstance(one.facts["line"], int)


@given(st.integers(0, 4), st.text(st.characters(exclude_characters="\t\r\n", codec="utf-8"), max_size=12))
def test_a_damaged_row_never_costs_another(number: int, rubbish: str) -> None:
    rows = [f"\t2026-03-01 10:{minute:02d}\t4.0\n" for minute in range(0, 25, 5)]
    rows[number] = f"\t2026-03-01 10:{number * 5:02d}\tx{rubbish}\n"
    file = parse(export(Day(), rows="".join(rows)))
    assert len(file.rows) == 4
    assert len(file.problems) == 1


real = pytest.mark.stack


@real
@pytest.mark.parametrize(
    ("name", "serial", "days", "rows"),
    [
        ("fixture-valid__alarm_breaches.txt", "160400000004", 2, 0),
        ("fixture-valid__full.txt", "160400000005", 2, 0),
        ("fixture-valid__minimal.txt", "100000000001", 1, 0),
        ("fixture-valid__missing_temps.txt", "160400000003", 3, 0),
        ("fixture-valid__negative_temps.txt", "160400000002", 2, 0),
        ("fixture-valid__single_record.txt", "160400000001", 1, 0),
        ("fridge-tag-2-160400343949_202503171012.txt", "160400343949", 5, 0),
        ("fridge-tag-2-160400343949_202504070923.txt", "160400343949", 26, 0),
        ("fridge-tag-2-160400343949_202511281530.txt", "160400343949", 60, 0),
        ("fridge-tag-2-160400343951_202506111034_20250611T083422Z.txt", "160400343951", 60, 0),
        ("fridge-tag-2L-excerpt.txt", "130500109088", 1, 24),
    ],
)
def test_a_real_export_is_read_without_a_problem(name: str, serial: str, days: int, rows: int) -> None:
    file = parse_fridge_tag((REAL / name).read_bytes(), KOLKATA)
    assert messages(file) == []
    assert (file.serial, len(file.days), len(file.rows)) == (serial, days, rows)


@real
@pytest.mark.parametrize(
    ("name", "line", "says"),
    [
        ("fixture-invalid__bad_indent.txt", 4, "wrong indentation"),
        ("fixture-invalid__malformed_temp.txt", 10, "'abc' is not a temperature"),
        ("fixture-invalid__truncated.txt", 9, "cut inside day block 1"),
    ],
)
def test_a_real_broken_export_names_its_line(name: str, line: int, says: str) -> None:
    file = parse_fridge_tag((REAL / name).read_bytes(), KOLKATA)
    assert messages(file)[0].startswith(f"line {line}: ")
    assert says in messages(file)[0]


@real
def test_the_good_part_of_a_broken_day_is_kept() -> None:
    file = parse_fridge_tag((REAL / "fixture-invalid__malformed_temp.txt").read_bytes(), KOLKATA)
    (day,) = file.days
    assert (day.centi_celsius_min, day.centi_celsius_max) == (None, 600)


@real
def test_an_unchecked_real_alarm_is_found_on_its_day() -> None:
    name = "fridge-tag-2-160400343951_202506111034_20250611T083422Z.txt"
    file = parse_fridge_tag((REAL / name).read_bytes(), KOLKATA)
    today = file.days[0]
    assert (today.date, today.minutes_above) == ("2025-06-11", 633)
    assert today.high_alarm_at_ms == local_ms("2025-06-11 00:00")
    assert not today.high_alarm_checked
