from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from sheetal.ledger import telemetry as reads
from sheetal.ledger import telemetry_letters as letters
from sheetal.ledger.telemetry_letters import CHECKED_EVERY, HEAD_BYTES_MAX, NOBODY, DeadLetterRow, Old, Room, share
from sheetal.ledger.telemetry_tables import dead_letter, dead_letter_dropped

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

SMALL = Room(letters=2 * CHECKED_EVERY, head_bytes=1_000 * HEAD_BYTES_MAX)


def letter(number: int, gateway: str | None = "gw-01", reason: str = "bad_json", size: int = 20) -> DeadLetterRow:
    return DeadLetterRow(
        gateway, f"cc/v1/{gateway}/data", f"{gateway} {number} ".encode().ljust(size, b"x"), reason, ""
    )


def held(conn: Connection) -> dict[str | None, int]:
    query = select(dead_letter.c.gateway_id, func.count()).group_by(dead_letter.c.gateway_id)
    return {one.gateway_id: one[1] for one in conn.execute(query)}


def dropped(conn: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (one.gateway_id, one.reason): (one.dropped, one.last_at_ms) for one in conn.execute(select(dead_letter_dropped))
    }


def test_a_thousand_letters_come_at_once(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        assert letters.add_dead_letters(conn, [], 1) == 0
        assert letters.add_dead_letters(conn, [letter(number) for number in range(1_000)], 5) == 0
        kept = reads.dead_letters(conn, 5_000)
    assert len(kept) == len({one.sha256 for one in kept}) == 1_000
    assert {(one.gateway_id, one.topic, one.reason, one.repeats) for one in kept} == {
        ("gw-01", "cc/v1/gw-01/data", "bad_json", 0)
    }


def test_a_letter_keeps_hash_size_and_head_and_is_bounded(telemetry: Ledger) -> None:
    payload = b"\xff\x00" * 10_000
    with telemetry.write() as conn:
        letters.add_dead_letters(conn, [DeadLetterRow(None, "t" * 70_000, payload, "bad_json", "ü" * 9_000)], 5)
        (kept,) = reads.dead_letters(conn, 10)
    assert (kept.sha256, kept.size_bytes) == (hashlib.sha256(payload).hexdigest(), 20_000)
    assert kept.head == payload[:HEAD_BYTES_MAX]
    assert (len(kept.topic), len(kept.detail), kept.gateway_id) == (500, 500, None)


def test_the_same_message_only_counts_up_in_one_call_and_in_many(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        letters.add_dead_letters(conn, [letter(1), letter(1), letter(1, reason="wrong_mac"), letter(2)], 5)
        letters.add_dead_letters(conn, [letter(1)._replace(detail="other"), letter(1)], 9)
        kept = {(one.head[:7], one.reason): one for one in reads.dead_letters(conn, 10)}
    twice = kept[b"gw-01 1", "bad_json"]
    assert (twice.repeats, twice.first_at_ms, twice.last_at_ms, twice.detail) == (3, 5, 9, "")
    assert kept[b"gw-01 1", "wrong_mac"].repeats == kept[b"gw-01 2", "bad_json"].repeats == 0


def test_what_comes_without_end_is_counted_to_the_end_of_the_column(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        letters.add_dead_letters(conn, [letter(1)], 5)
        conn.execute(dead_letter.update().values(repeats=2**31 - 2))
        letters.add_dead_letters(conn, [letter(1)] * 3, 6)
        assert reads.dead_letters(conn, 1)[0].repeats == 2**31 - 1


def test_beyond_the_room_the_oldest_go_and_are_counted(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for load in range(10):
            letters.add_dead_letters(conn, [letter(100 * load + number) for number in range(100)], load, SMALL)
            assert held(conn)["gw-01"] <= SMALL.letters
        kept = {int(one.head.split()[1]) for one in reads.dead_letters(conn, 5_000)}
        gone, last_ms = dropped(conn)["gw-01", "bad_json"]
    assert gone + len(kept) == 1_000
    whole_loads_from = min(kept) // 100 + 1
    assert kept >= set(range(100 * whole_loads_from, 1_000)), "those that came last stay"
    assert SMALL.letters - CHECKED_EVERY <= len(kept)
    assert 0 < last_ms <= 9


def test_heads_are_bounded_in_bytes(telemetry: Ledger) -> None:
    room = Room(letters=10_000, head_bytes=(CHECKED_EVERY + 10) * HEAD_BYTES_MAX)
    with telemetry.write() as conn:
        letters.add_dead_letters(conn, [letter(number, "gw-02", size=900) for number in range(20)], 1, room)
        for first in range(0, 600, 40):
            big = [letter(first + number, size=HEAD_BYTES_MAX + 900) for number in range(40)]
            letters.add_dead_letters(conn, big, 2 + first, room)
            assert conn.execute(select(func.sum(func.length(dead_letter.c.head)))).scalar_one() <= room.head_bytes
        assert held(conn)["gw-02"] == 20
        assert dropped(conn)["gw-01", "bad_json"][0] == 600 - held(conn)["gw-01"]


def test_a_loud_gateway_pushes_out_nobody_else(telemetry: Ledger) -> None:
    quiet = [letter(number, f"gw-{name:02d}") for name in range(2, 12) for number in range(5)]
    with telemetry.write() as conn:
        letters.add_dead_letters(conn, quiet, 1, SMALL)
        letters.add_dead_letters(conn, [letter(n, None, "unknown_gateway") for n in range(30)], 2, SMALL)
        for load in range(6):
            loud = [letter(400 * load + number) for number in range(400)]
            letters.add_dead_letters(conn, loud, 10 + load, SMALL)
        now = held(conn)
        assert {owner: count for owner, count in now.items() if owner != "gw-01"} == {
            None: 30,
            **{f"gw-{name:02d}": 5 for name in range(2, 12)},
        }
        assert dropped(conn) == {("gw-01", "bad_json"): (2_400 - now["gw-01"], 15)}


def test_those_of_nobody_share_one_room(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        strangers = [letter(number, None, "unknown_gateway") for number in range(700)]
        letters.add_dead_letters(conn, strangers, 1, SMALL)
        assert held(conn) == {None: 2 * CHECKED_EVERY - CHECKED_EVERY}
        assert dropped(conn) == {(NOBODY, "unknown_gateway"): (700 - CHECKED_EVERY, 1)}


def test_counts_of_what_is_gone_are_bounded_too(telemetry: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "DROPPED_ROWS_MAX", 3)
    with telemetry.write() as conn:
        letters.add_dead_letters(conn, [letter(n, f"gw-{n % 40:02d}") for n in range(600)], 1, Room(0, 0))
        counted = dropped(conn)
    assert len(counted) <= 4
    assert sum(count for count, _ in counted.values()) == 600


def test_what_goes_is_counted_as_often_as_it_came(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        letters.add_dead_letters(conn, [letter(1)] * 5 + [letter(2)], 1, SMALL)
        letters.add_dead_letters(conn, [letter(number) for number in range(3, 300)], 2, Room(0, 0))
        assert dropped(conn) == {("gw-01", "bad_json"): (6 + 297, 2)}


def test_letters_that_went_through_are_removed_and_not_counted_as_gone(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        assert reads.last_letter(conn) == 0
        letters.add_dead_letters(conn, [letter(number) for number in range(5)], 1)
        numbers = [one.id for one in reads.letters_after(conn, 0, 9)]
        assert reads.last_letter(conn) == numbers[-1]
        assert letters.remove_letters(conn, [*numbers[:2], 10**6]) == 2
        assert [one.id for one in reads.letters_after(conn, 0, 9)] == numbers[2:]
        assert dropped(conn) == {}


def test_looks_are_not_forgotten_over_many_small_calls(telemetry: Ledger) -> None:
    """Neither what one process remembers nor the size of a call decides when the table is looked over."""
    for number in range(SMALL.letters + 2 * CHECKED_EVERY):
        with telemetry.write() as conn:
            letters.add_dead_letters(conn, [letter(number)], number, SMALL)
    with telemetry.read() as conn:
        count = held(conn)["gw-01"]
        assert count + dropped(conn)["gw-01", "bad_json"][0] == SMALL.letters + 2 * CHECKED_EVERY
    assert count <= SMALL.letters


def test_workers_that_let_go_at_once_count_each_letter_once(telemetry: Ledger) -> None:
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for load in range(5):
                with telemetry.write() as conn:
                    letters.add_dead_letters(conn, [letter(200 * load + n, name) for n in range(200)], load, SMALL)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(f"gw-0{number}",)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with telemetry.read() as conn:
        assert sum(held(conn).values()) + sum(count for count, _ in dropped(conn).values()) == 2_000


@given(
    owners=st.lists(st.sampled_from([None, "gw-01", "gw-02", "gw-03"]), max_size=40),
    sizes=st.lists(st.integers(0, 9), min_size=40, max_size=40),
    letters_max=st.integers(0, 40),
    bytes_max=st.integers(0, 200),
)
def test_what_stays_fits_and_nothing_goes_without_need(
    owners: list[str | None], sizes: list[int], letters_max: int, bytes_max: int
) -> None:
    old = [Old(number, owner, size) for number, (owner, size) in enumerate(zip(owners, sizes, strict=False))]
    gone = set(letters.to_let_go(old, Room(letters_max, bytes_max)))
    staying = [one for one in old if one.number not in gone]
    assert len(staying) <= letters_max
    assert sum(one.head_bytes for one in staying) <= bytes_max
    if len(old) <= letters_max and sum(one.head_bytes for one in old) <= bytes_max:
        assert gone == set()
    for owner in set(owners):
        of_owner = [one.number in gone for one in old if one.owner == owner]
        assert of_owner == sorted(of_owner, reverse=True), "of each owner those that came longest ago go"


def test_ten_thousand_owners_of_one_letter_lose_only_what_does_not_fit() -> None:
    old = [Old(number, f"gw-{number}", 100) for number in range(10_000)]
    assert letters.to_let_go(old, Room(9_000, 10**9)) == list(range(1_000))


def taken(held: Iterable[int], most: int) -> int:
    return sum(min(one, most) for one in held)


@given(held=st.lists(st.integers(0, 50), max_size=12), room=st.integers(0, 200))
def test_a_share_fills_the_room_and_no_more(held: list[int], room: int) -> None:
    most = share(held, room)
    assert taken(held, most) <= room
    if sum(held) > room:
        assert taken(held, most + 1) > room
    else:
        assert taken(held, most) == sum(held)


@given(
    held=st.lists(st.integers(1, 50), min_size=1, max_size=12), more=st.integers(0, 10_000), room=st.integers(0, 200)
)
def test_one_that_holds_less_than_an_equal_part_loses_nothing(held: list[int], more: int, room: int) -> None:
    loud = [*held, more]
    most = share(loud, room)
    assert all(one <= most for one in loud if one <= room // len(loud))
