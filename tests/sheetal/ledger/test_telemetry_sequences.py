from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from sheetal.contracts.batch import ranges
from sheetal.ledger import telemetry_sequences as sequences
from sheetal.ledger.telemetry_sequences import Settled, merged, settle_ranges, within
from sheetal.ledger.telemetry_tables import coverage, sequence_range
from sheetal.ledger.telemetry_writes import add_coverage
from tests.sheetal.ledger.telemetry_rows import COVERAGE

if TYPE_CHECKING:
    import pytest
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

BOOT = ("gw-01", (3 << 32) + 7)
NUMBERS = st.sets(st.integers(0, 40))
Told = list[tuple[int, int]]


def standing(conn: Connection, boot: tuple[str, int] = BOOT) -> list[Settled]:
    table = sequence_range.c
    columns = (table.first_sequence, table.last_sequence, table.missing, table.missing_since_ms)
    query = select(*columns).where(table.gateway_id == boot[0], table.boot == boot[1]).order_by(table.first_sequence)
    return [Settled(*row) for row in conn.execute(query)]


def named(found: list[Settled]) -> set[int]:
    return {number for one in found for number in range(one.first, one.last + 1)}


def holes(found: list[Settled]) -> set[int]:
    return {number for one in found for number in range(one.first - one.missing, one.first)}


@st.composite
def tellings(draw: st.DrawFn) -> tuple[set[int], list[Told]]:
    """Numbers, and how they may be told: cut anywhere, repeated, in any order and any number of calls."""
    numbers = draw(NUMBERS)
    pieces: Told = []
    for first, last in ranges(sorted(numbers)):
        cuts = sorted(draw(st.sets(st.integers(first, last), max_size=3)))
        begins = [first, *(cut + 1 for cut in cuts if cut < last)]
        pieces += [(begin, end - 1) for begin, end in zip(begins, [*begins[1:], last + 1], strict=True)]
        wide = draw(st.tuples(st.integers(first, last), st.integers(first, last)))
        pieces.append((min(wide), max(wide)))
    pieces = draw(
        st.permutations(pieces + draw(st.lists(st.sampled_from(pieces), max_size=4) if pieces else st.just([])))
    )
    calls = draw(st.integers(1, 4))
    return numbers, [list(pieces[number::calls]) for number in range(calls)]


@given(told=tellings())
def test_no_order_repetition_or_cutting_changes_the_ranges(told: tuple[set[int], list[Told]]) -> None:
    numbers, calls = told
    found: list[Settled] = []
    for now_ms, call in enumerate(calls):
        found = merged(found, call, now_ms)
    assert [(one.first, one.last) for one in found] == ranges(sorted(numbers))


@given(told=tellings())
def test_missing_is_every_number_below_the_last_that_is_not_settled(told: tuple[set[int], list[Told]]) -> None:
    numbers, calls = told
    found: list[Settled] = []
    for now_ms, call in enumerate(calls):
        found = merged(found, call, now_ms)
    assert holes(found) == set(range(1, max(numbers, default=0))) - numbers
    assert all((one.missing > 0) is (one.since_ms is not None) for one in found)


@given(told=tellings())
def test_a_gap_is_as_old_as_its_oldest_part_and_never_grows_younger(told: tuple[set[int], list[Told]]) -> None:
    found: list[Settled] = []
    known: dict[int, int] = {}
    for now_ms, call in enumerate(told[1]):
        found = merged(found, call, now_ms)
        since = {number: one.since_ms or 0 for one in found for number in range(one.first - one.missing, one.first)}
        assert all(since[number] == known.get(number, now_ms) for number in since)
        known = since


def test_a_gap_shows_and_goes_when_it_is_filled() -> None:
    found = merged([], [(1, 5), (9, 12)], 100)
    assert found == [Settled(1, 5), Settled(9, 12, 3, 100)]
    narrowed = merged(found, [(7, 7)], 200)
    assert narrowed == [Settled(1, 5), Settled(7, 7, 1, 100), Settled(9, 12, 1, 100)]
    assert merged(narrowed, [(6, 8)], 300) == [Settled(1, 12)]


def test_a_boot_begins_with_one() -> None:
    assert merged([], [(4, 5)], 9) == [Settled(4, 5, 3, 9)]
    assert merged([], [(1, 5)], 9) == [Settled(1, 5)]
    assert merged([], [(0, 5)], 9) == [Settled(0, 5)]
    assert merged([], [(0, 0), (2, 2)], 9) == [Settled(0, 0), Settled(2, 2, 1, 9)]


def test_the_largest_numbers_are_numbers() -> None:
    most = 2**63 - 1
    assert merged([], [(most, most)], 9) == [Settled(most, most, most - 1, 9)]


@given(numbers=NUMBERS, ranges_max=st.integers(1, 6))
def test_at_the_bound_a_gap_grows_and_none_is_hidden(numbers: set[int], ranges_max: int) -> None:
    found = merged([], [(number, number) for number in numbers], 5)
    kept = within(found, ranges_max, 9)
    assert len(kept) == min(len(found), ranges_max)
    assert named(kept) <= numbers
    last = max(named(kept), default=0)
    assert holes(kept) == set(range(1, last)) - named(kept)
    assert {one.last - one.first for one in found if one.first not in {a.first for a in kept}} <= set(
        range(min((one.last - one.first for one in kept), default=0) + 1)
    )
    assert all(one.since_ms in {5, 9, None} for one in kept)


def test_ranges_of_many_boots_are_kept_apart(telemetry: Ledger) -> None:
    boots = [(f"gw-{number:03d}", number % 7) for number in range(450)]
    with telemetry.write() as conn:
        assert settle_ranges(conn, {}, 1) == 0
        assert settle_ranges(conn, {boot: [(1, 3), (6, 6)] for boot in boots}, 1) == 0
        assert settle_ranges(conn, {boots[0]: [(4, 5)], boots[1]: [(7, 9)], boots[2]: []}, 2) == 0
        assert standing(conn, boots[0]) == [Settled(1, 6)]
        assert standing(conn, boots[1]) == [Settled(1, 3), Settled(6, 9, 2, 1)]
        assert all(standing(conn, boot) == [Settled(1, 3), Settled(6, 6, 2, 1)] for boot in boots[2:])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=tellings())
def test_the_tables_hold_what_the_law_says(telemetry: Ledger, told: tuple[set[int], list[Told]]) -> None:
    numbers, calls = told
    with telemetry.write() as conn:
        conn.execute(delete(sequence_range))
        for now_ms, call in enumerate(calls):
            settle_ranges(conn, {BOOT: call}, now_ms)
        found = standing(conn)
    assert [(one.first, one.last) for one in found] == ranges(sorted(numbers))
    assert holes(found) == set(range(1, max(numbers, default=0))) - numbers


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=tellings(), ranges_max=st.integers(1, 9))
def test_at_the_bound_the_tables_hide_no_gap_either(
    telemetry: Ledger, told: tuple[set[int], list[Told]], ranges_max: int
) -> None:
    numbers, calls = told
    with telemetry.write() as conn:
        conn.execute(delete(sequence_range))
        for now_ms, call in enumerate(calls):
            settle_ranges(conn, {BOOT: call}, now_ms, ranges_max)
        found = standing(conn)
    assert len(found) <= ranges_max
    assert named(found) <= numbers
    assert holes(found) == set(range(1, max(named(found), default=0))) - named(found)
    assert all((one.missing > 0) is (one.since_ms is not None) for one in found)


def test_what_is_settled_again_is_not_written_again(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        settle_ranges(conn, {BOOT: [(1, 9)]}, 1)
        settle_ranges(conn, {BOOT: [(2, 5)]}, 2)
        assert conn.execute(select(sequence_range.c.settled_at_ms)).scalars().all() == [1]


def test_a_boot_without_end_of_gaps_is_bounded_and_told(telemetry: Ledger) -> None:
    odd = [(number, number) for number in range(1, 41, 2)]
    with telemetry.write() as conn:
        assert settle_ranges(conn, {BOOT: odd}, 1, ranges_max=8) == 14
        assert standing(conn) == [Settled(29, 29, 28, 1), *(Settled(n, n, 1, 1) for n in range(31, 41, 2))]
        assert settle_ranges(conn, {BOOT: [(1, 40)]}, 2, ranges_max=8) == 0
        assert standing(conn) == [Settled(1, 40)]


def test_a_gateway_that_invents_boots_is_bounded(telemetry: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "RANGES_A_GATEWAY_MAX", 20)
    with telemetry.write() as conn:
        settle_ranges(conn, {BOOT: [(1, 5)]}, 1)
        for now_ms in range(2, 12):
            invented = {("gw-02", 1_000 * now_ms + number): [(1, 1), (3, 3)] for number in range(5)}
            add_coverage(conn, [replace(COVERAGE, gateway_id=gateway, boot=boot) for gateway, boot in invented])
            settle_ranges(conn, invented, now_ms)
        kept = conn.execute(select(sequence_range.c.gateway_id, sequence_range.c.boot)).all()
        covered = set(conn.execute(select(coverage.c.boot)).scalars())
    assert (BOOT[0], BOOT[1]) in {tuple(one) for one in kept}
    invented_boots = {one.boot for one in kept if one.gateway_id == "gw-02"}
    assert len(invented_boots) == 10
    assert min(invented_boots) >= 10_000, "those settled last stay"
    assert covered == invented_boots


def test_workers_that_settle_one_boot_at_once_lose_nothing(telemetry: Ledger) -> None:
    failed: list[BaseException] = []

    def work(part: int) -> None:
        try:
            for step in range(10):
                first = 1 + 3 * (4 * step + part)
                with telemetry.write() as conn:
                    settle_ranges(conn, {BOOT: [(first, first + 2)]}, step)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with telemetry.read() as conn:
        assert standing(conn) == [Settled(1, 120)]
