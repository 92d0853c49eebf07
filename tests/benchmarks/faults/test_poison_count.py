from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.poison_bytes import shape
from benchmarks.faults.poison_corpus import hostile, made_by
from benchmarks.faults.poison_count import Due, Left, due, letters_in, mad_rows, wrong
from benchmarks.faults.poison_rows import all_kinds_bad, contradicting_spans, one_key
from benchmarks.faults.poison_topics import elsewhere, ends_a_connection, unconfirmed
from sheetal.contracts.reading import Reading
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.schema import upgrade
from sheetal.ledger.telemetry_letters import DeadLetterRow, Room, add_dead_letters
from tests.ingest.given import NOW_MS

if TYPE_CHECKING:
    from pathlib import Path

ZERO = dict.fromkeys(("conflicts", "aux_values", "day_summaries", "unplaced", "thinned", "dead_letters"), 0)


def summed(*made: object) -> Due:
    total = Due()
    for maker in made:
        total.add(made_by(maker, 3), NOW_MS)  # type: ignore[arg-type]
    return total


def test_what_is_due_is_summed_over_all_that_ingest_hears() -> None:
    total = summed(shape, all_kinds_bad, contradicting_spans, one_key, elsewhere)
    assert total.letters == Counter(
        ["bad_json", "foreign_sensor", "implausible", "future_stamp", "contradicting"],
    )
    assert (total.messages, total.perhaps, total.readings) == (4, 0, 2)
    assert total.counts["thinned"] == 2
    assert total.counts["conflicts"] == 4


def test_what_a_broker_may_swallow_is_due_perhaps() -> None:
    total = summed(ends_a_connection, unconfirmed)
    assert (total.messages, total.perhaps) == (0, 2)
    assert total.letters_perhaps == Counter(["bad_topic", "bad_json"])


def test_a_range_of_the_corpus_is_due_number_by_number() -> None:
    total = due(40, 60, NOW_MS)
    heard = [hostile(number).fate for number in range(40, 100)]
    assert total.messages == sum(fate.heard and fate.certain for fate in heard)
    assert total.readings == sum(fate.readings for fate in heard if fate.heard)


def test_what_agrees_is_not_told() -> None:
    expected = Due(
        letters=Counter(a=3), letters_perhaps=Counter(a=1, b=1), perhaps=2, readings=7, counts=Counter(aux_values=2)
    )
    for found in (Counter(a=3), Counter(a=4), Counter(a=4, b=1)):
        left = Left(found, 1, 7, {**ZERO, "aux_values": 2, "dead_letters": found.total()})
        assert wrong(expected, left) == []


@pytest.mark.parametrize(
    ("letters", "readings", "counts", "told"),
    [
        (
            Counter(a=2),
            7,
            {"dead_letters": 2},
            "2 letters for a, due are 3 to 3; 2 letters, due are 3 and perhaps 0 more",
        ),
        (
            Counter(a=4),
            7,
            {"dead_letters": 4},
            "4 letters for a, due are 3 to 3; 4 letters, due are 3 and perhaps 0 more",
        ),
        (
            Counter(a=3, c=1),
            7,
            {"dead_letters": 4},
            "1 letters for c, due are 0 to 0; 4 letters, due are 3 and perhaps 0 more",
        ),
        (Counter(a=3), 6, {"dead_letters": 3}, "6 rows of mad gateways are stored, due are 7"),
        (Counter(a=3), 7, {"dead_letters": 3, "thinned": 1}, "1 thinned, due are 0"),
        (Counter(a=3), 7, {"dead_letters": 5}, "ingest counts 5 letters, 3 stand"),
    ],
)
def test_what_does_not_agree_is_told(letters: Counter[str], readings: int, counts: dict[str, int], told: str) -> None:
    expected = Due(letters=Counter(a=3), readings=7, counts=Counter({"thinned": 0, "aux_values": 0}))
    assert "; ".join(wrong(expected, Left(letters, 1, readings, {**ZERO, **counts}))) == told


def test_letters_are_counted_with_their_repeats_and_with_those_that_went(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/telemetry.db")
    told = [DeadLetterRow("mad-00", "t", b"%d" % (number % 900), "bad_json", "") for number in range(1_000)]
    told += [DeadLetterRow(None, "t", b"x", "too_big", "")] * 5
    with closing(open_telemetry(f"sqlite:///{tmp_path}/telemetry.db")) as telemetry:
        for first in range(0, len(told), 100):
            with telemetry.write() as connection:
                add_dead_letters(connection, told[first : first + 100], NOW_MS, Room(letters=600))
    letters, kept = letters_in(tmp_path / "telemetry.db")
    assert letters == Counter(bad_json=1_000, too_big=5)
    assert 0 < kept < 600
    with closing(sqlite3.connect(tmp_path / "telemetry.db")) as store:
        store.execute("DELETE FROM dead_letter WHERE reason = 'too_big'")
        store.commit()
    assert letters_in(tmp_path / "telemetry.db")[0]["too_big"] == 0


def test_rows_of_mad_gateways_are_told_from_others() -> None:
    rows = [Reading(sensor, 1, 400, 0, 1, 1) for sensor in ("mad-01.p0", "fl-00001.p0", "madam.p0", "mad-00.new-1")]
    assert mad_rows(rows) == 2
