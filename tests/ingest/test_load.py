from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.load import BYTES_MAX, DETAIL_LENGTH_MAX, MESSAGES_MAX, Letter, Load, Part, acks, letter, take_apart
from ingest.reasons import Reason
from sheetal.contracts.batch import Ack, AuxRow, DaySummary, RefusedRange
from sheetal.contracts.problem import Unavailable
from tests.ingest.given import (
    BOOT,
    GATEWAY,
    KEYS,
    NOW_MS,
    POISON,
    batch,
    day,
    message,
    minutes,
    row,
    sealed,
    span,
    unplaced,
)


def part(
    *rows_of: int, boot: int = BOOT, aux: list[AuxRow] | None = None, days: list[DaySummary] | None = None
) -> Part:
    rows = [row(number, NOW_MS + number) for number in rows_of]
    found = take_apart(message(sealed(batch(rows, boot=boot, aux=aux, days=days))), KEYS.get)
    assert isinstance(found, Part)
    return found


def loaded(*parts: Part | Letter) -> Load:
    load = Load()
    for one in parts:
        load.add(one.message if isinstance(one, Part) else message(one.payload), one)
    return load


@pytest.mark.parametrize("name", POISON)
def test_poison_becomes_a_letter_with_its_whole_payload(name: str) -> None:
    payload, reason = POISON[name]
    found = take_apart(message(payload), KEYS.get)
    assert isinstance(found, Letter)
    assert (found.topic, found.payload, found.reason) == (f"cc/v1/{GATEWAY}/data", payload, reason)


def test_an_absent_ledger_is_no_poison() -> None:
    def away(_gateway: str) -> bytes:
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        take_apart(message(sealed(batch(minutes(1, 1)))), away)


def test_refused_rows_become_one_letter_for_each_reason_with_their_ranges() -> None:
    rows = [row(n, sensor="gw-02.x") for n in (1, 2, 3, 7)] + [row(4), row(5, NOW_MS * 2)]
    found = take_apart(message(sealed(batch(rows))), KEYS.get)
    load = loaded(found)
    assert [(one.reason, one.detail) for one in load.letters] == [
        (Reason.FOREIGN_SENSOR, "rows 1–3, 7"),
        (Reason.FUTURE_STAMP, "rows 5"),
    ]
    assert {one.payload for one in load.letters} == {load.items[0][0].payload}
    assert [reading.sequence for reading in load.readings] == [4]


def test_a_letters_text_is_fit_for_any_database() -> None:
    odd = letter(message(b"x")._replace(topic="a\x00b"), Reason.BAD_JSON, "x\x00y\n" + "z" * 10_000)
    assert odd.topic == "a b"
    assert odd.detail.startswith("x y z")
    assert len(odd.detail) == DETAIL_LENGTH_MAX


def test_a_load_is_full_by_rows_messages_or_bytes() -> None:
    by_rows = Load()
    while not by_rows.is_full:
        by_rows.add(message(b""), part(*range(1, 1001)))
    assert len(by_rows.readings) == 4_000
    by_messages = Load()
    while not by_messages.is_full:
        by_messages.add(message(b""), part())
    assert len(by_messages.items) == MESSAGES_MAX
    by_letters = Load()
    while not by_letters.is_full:
        by_letters.add(message(b""), letter(message(b""), Reason.BAD_JSON, ""))
    assert len(by_letters.letters) == 250, "a flood of refusals travels in small loads"
    by_bytes = loaded(letter(message(b"x" * BYTES_MAX), Reason.TOO_BIG, ""))
    assert by_bytes.is_full
    assert not Load().is_full


def test_the_ack_names_every_stored_row_aux_value_and_day() -> None:
    one = part(1, 2, 3, aux=[AuxRow(4, NOW_MS, "ilr1", "TAMB", 30.0)], days=[day(5)])
    (answer,) = acks([one], [], NOW_MS)
    assert answer.key == KEYS[GATEWAY]
    assert (answer.ack.gateway, answer.ack.boot) == (GATEWAY, BOOT)
    assert (answer.ack.stored, answer.ack.refused) == ([(1, 5)], [])


def test_messages_of_one_boot_share_an_ack_and_boots_do_not() -> None:
    answers = acks([part(1, 2), part(3), part(3, boot=BOOT + 1)], [], NOW_MS)
    assert [(answer.ack.boot, answer.ack.stored) for answer in answers] == [(BOOT, [(1, 3)]), (BOOT + 1, [(3, 3)])]


def test_refused_rows_are_named_with_their_reason() -> None:
    found = take_apart(message(sealed(batch([row(1), row(2, 0), row(3, 0), row(4)]))), KEYS.get)
    assert isinstance(found, Part)
    (answer,) = acks([found], [(found.accepted.readings[-1], "implausible")], NOW_MS)
    assert answer.ack.stored == []
    assert sorted(answer.ack.refused, key=lambda one: one.first) == [
        RefusedRange(1, 1, "store_refused"),
        RefusedRange(2, 3, "implausible"),
        RefusedRange(4, 4, "store_refused"),
    ]


def test_a_sequence_that_was_refused_once_is_never_called_stored() -> None:
    found = take_apart(message(sealed(batch([row(1), row(1, 0)]))), KEYS.get)
    assert isinstance(found, Part)
    (answer,) = acks([found], [], NOW_MS)
    assert (answer.ack.stored, answer.ack.refused) == ([], [RefusedRange(1, 1, "implausible")])


def test_an_answer_longer_than_a_broker_takes_goes_in_several_acks() -> None:
    numbers = range(2**63 - 20_000, 2**63 - 1, 2)
    rows = [row(number, NOW_MS if number < numbers[4_000] else 0) for number in numbers]
    found = [take_apart(message(sealed(batch(rows[at : at + 1_000]))), KEYS.get) for at in range(0, len(rows), 1_000)]
    answers = acks([one for one in found if isinstance(one, Part)], [], NOW_MS)
    assert max(len(msgspec.json.encode(one.ack)) for one in answers) <= 130_000
    stored = [span_of for one in answers for span_of in one.ack.stored]
    refused = [(one.first, one.last) for answer in answers for one in answer.ack.refused]
    assert [*stored, *refused] == [(number, number) for number in numbers]
    assert len(stored) == 4_000
    assert {(one.key, one.ack.gateway, one.ack.boot) for one in answers} == {(KEYS[GATEWAY], GATEWAY, BOOT)}


def test_an_empty_batch_that_asks_nothing_needs_no_answer() -> None:
    assert acks([part()], [], NOW_MS) == []


def asking(monotonic_ms: int, *rows_of: int, boot: int = BOOT) -> Part:
    asked = msgspec.structs.replace(batch([row(n) for n in rows_of], boot=boot), monotonic_ms=monotonic_ms)
    found = take_apart(message(sealed(asked)), KEYS.get)
    assert isinstance(found, Part)
    return found


def test_an_empty_batch_that_asks_for_the_time_is_told_it() -> None:
    (answer,) = acks([asking(77)], [], NOW_MS + 5)
    assert answer.ack == Ack(gateway=GATEWAY, boot=BOOT, at_ms=NOW_MS + 5, monotonic_ms=77)


def test_the_newest_question_of_each_boot_is_answered() -> None:
    answers = acks([asking(9, 1), asking(30), asking(20, 2), asking(4, boot=BOOT + 1), part(3)], [], NOW_MS)
    assert [(one.ack.boot, one.ack.monotonic_ms, one.ack.stored) for one in answers] == [
        (BOOT, 30, [(1, 3)]),
        (BOOT + 1, 4, []),
    ]


def test_a_gateway_that_does_not_ask_is_answered_in_the_words_it_knows() -> None:
    (answer,) = acks([part(1)], [], NOW_MS)
    assert msgspec.json.decode(msgspec.json.encode(answer.ack)) == {
        "gateway": GATEWAY,
        "boot": BOOT,
        "stored": [[1, 1]],
    }


def test_rows_without_an_instant_and_thinned_spans_are_named_too() -> None:
    told = msgspec.structs.replace(
        batch(), unplaced=[unplaced(1), unplaced(2, sensor="gw-02.x")], thinned=[span(3), span(4, rows=0)]
    )
    found = take_apart(message(sealed(told)), KEYS.get)
    load = loaded(found)
    assert (load.unplaced, load.thinned) == ([(BOOT, unplaced(1))], [span(3)])
    (answer,) = acks(load.parts, [], NOW_MS)
    assert answer.ack.stored == [(1, 1), (3, 3)]
    assert answer.ack.refused == [RefusedRange(2, 2, "foreign_sensor"), RefusedRange(4, 4, "implausible")]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), unique_by=lambda item: item[0]))
def test_the_ack_names_exactly_the_sequences_of_the_batch(rows: list[tuple[int, bool]]) -> None:
    offered = [row(number, NOW_MS + number if good else 0) for number, good in rows]
    found = take_apart(message(sealed(batch(offered))), KEYS.get)
    assert isinstance(found, Part)
    stored: set[int] = set()
    refused: set[int] = set()
    for answer in acks([found], [], NOW_MS):
        stored |= {number for first, last in answer.ack.stored for number in range(first, last + 1)}
        refused |= {number for no in answer.ack.refused for number in range(no.first, no.last + 1)}
    assert stored == {number for number, good in rows if good}
    assert refused == {number for number, good in rows if not good}
