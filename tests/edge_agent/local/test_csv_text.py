from __future__ import annotations

import csv
import io

from edge_agent.local.csv_text import READINGS_HEAD, RECORD_HEAD, local, reading_lines, record_lines, utc
from edge_agent.local.record import Entry
from edge_agent.outbox.history import Told
from tests.edge_agent.kit import T0_MS
from tests.edge_agent.local.kit import INDIA


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_reading_says_when_what_and_whether_the_portal_has_it() -> None:
    told = [Told(T0_MS + 7, 450, 0, 9, 1), Told(T0_MS + 8, -5, 0, 9, 2), Told(T0_MS + 9, None, 2, 9, 3)]
    first, second, third = rows(READINGS_HEAD + "".join(reading_lines("gw-t.a", told, {(9, 2)}, INDIA)))
    assert first == {
        "sensor": "gw-t.a",
        "utc": "2026-09-21T14:13:20.007Z",
        "local": "2026-09-21T19:43:20+05:30",
        "celsius": "4.50",
        "quality": "OK",
        "boot": "9",
        "sequence": "1",
        "received_by_portal": "yes",
    }
    assert (second["celsius"], second["received_by_portal"]) == ("-0.05", "no")
    assert (third["celsius"], third["quality"]) == ("", "OPEN_CIRCUIT")


def test_an_unknown_quality_is_a_number() -> None:
    [only] = rows(READINGS_HEAD + "".join(reading_lines("a", [Told(T0_MS, None, 99, 1, 1)], set(), INDIA)))
    assert only["quality"] == "99"


def test_the_record_says_what_it_said_first() -> None:
    entries = [
        Entry(T0_MS, T0_MS + 60_000, 310, 790, 61_000, 7, T0_MS + 90_000),
        Entry(T0_MS, T0_MS + 60_000, None, None, 0, 0, T0_MS, T0_MS + 1_000, 310, None),
    ]
    plain, changed = rows(RECORD_HEAD + "".join(record_lines("gw-t.a", entries, INDIA)))
    assert (plain["low_celsius"], plain["high_celsius"], plain["minutes_unknown"]) == ("3.10", "7.90", "2")
    assert (plain["changed_utc"], plain["readings"]) == ("", "7")
    assert (changed["low_celsius"], changed["first_low_celsius"], changed["first_high_celsius"]) == ("", "3.10", "")
    assert changed["changed_utc"] == utc(T0_MS + 1_000)


def test_instants_sort_as_text_and_keep_their_milliseconds() -> None:
    stamps = [utc(T0_MS + number) for number in (0, 1, 10, 100, 1_000)]
    assert stamps == sorted(stamps)
    assert local(T0_MS, INDIA).endswith("+05:30")
