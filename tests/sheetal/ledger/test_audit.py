from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, insert, select, update

from sheetal.contracts.problem import NotFound
from sheetal.ledger import audit
from sheetal.ledger.audit import AuditEntry, AuditHead, ChainReport
from sheetal.ledger.judgement_tables import audit as audit_table
from sheetal.ledger.judgement_tables import audit_head
from tests.sheetal.ledger.seeds import FACILITY, NOW_MS, OTHER_FACILITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

LENGTH = 12
TAMPERS_OF_EACH_KIND = 25


def entry(number: int, **detail: object) -> AuditEntry:
    return AuditEntry(NOW_MS + number, "staff-1", "tested", f"subject-{number}", detail)


def write(ledger: Ledger, count: int, facility_id: str = FACILITY) -> None:
    for number in range(count):
        with ledger.write() as conn:
            audit.append(conn, facility_id, entry(number, nth=number, text="ठंडा", nested={"b": 1, "a": [1, 2]}))


def report(ledger: Ledger, facility_id: str = FACILITY, sealed: AuditHead | None = None) -> ChainReport:
    with ledger.read() as conn:
        return audit.verify_chain(conn, facility_id, sealed)


def test_an_empty_chain_is_whole(house: Ledger) -> None:
    assert report(house) == ChainReport(0, None)


def test_entries_follow_each_other_and_end_in_the_head(house: Ledger) -> None:
    write(house, 3)
    assert report(house) == ChainReport(3, None)
    with house.read() as conn:
        newest, second, first = audit.entries(conn, FACILITY, 10)
        heads = audit.heads(conn)
    assert first.previous_hash == audit.GENESIS_HASH
    assert (second.previous_hash, newest.previous_hash) == (first.hash, second.hash)
    assert heads == [AuditHead(FACILITY, 3, newest.hash), AuditHead(OTHER_FACILITY, 0, audit.GENESIS_HASH)]


def test_the_detail_is_canonical_json(house: Ledger) -> None:
    write(house, 1)
    with house.read() as conn:
        assert audit.entries(conn, FACILITY, 1)[0].detail == '{"nested":{"a":[1,2],"b":1},"nth":0,"text":"ठंडा"}'


def test_entries_come_in_pages_newest_first(house: Ledger) -> None:
    write(house, 5)
    with house.read() as conn:
        assert [one.number for one in audit.entries(conn, FACILITY, 2)] == [5, 4]
        assert [one.number for one in audit.entries(conn, FACILITY, 2, before=4)] == [3, 2]


def test_each_facility_has_its_own_chain(house: Ledger) -> None:
    with house.write() as conn:
        for number, place in enumerate((OTHER_FACILITY, FACILITY, OTHER_FACILITY)):
            audit.append(conn, place, entry(number))
    assert report(house).entries == 1
    assert report(house, OTHER_FACILITY) == ChainReport(2, None)


def test_an_unknown_facility_has_no_chain(house: Ledger) -> None:
    with pytest.raises(NotFound), house.write() as conn:
        audit.append(conn, "F-404", entry(1))


def test_nothing_is_traced_of_an_act_that_failed(house: Ledger) -> None:
    with pytest.raises(RuntimeError, match="power"):
        fail(house)
    assert report(house).entries == 0


def fail(ledger: Ledger) -> None:
    with ledger.write() as conn:
        audit.append(conn, FACILITY, entry(1))
        raise RuntimeError("power")


def test_an_entry_of_a_savepoint_that_rolled_back_goes_with_it(house: Ledger) -> None:
    with house.write() as conn:
        audit.append(conn, FACILITY, entry(1))
        with conn.begin_nested() as savepoint:
            audit.append(conn, FACILITY, entry(2))
            savepoint.rollback()
        with conn.begin_nested():
            audit.append(conn, FACILITY, entry(3))
            with pytest.raises(RuntimeError), conn.begin_nested():  # noqa: PT012 - the entry before it is the point
                audit.append(conn, FACILITY, entry(4))
                raise RuntimeError
            audit.append(conn, FACILITY, entry(5))
    with house.read() as conn:
        subjects = [one.subject for one in audit.entries(conn, FACILITY, 9)]
    assert subjects == ["subject-5", "subject-3", "subject-1"]
    assert report(house).broken_at is None


def test_an_entry_outside_a_transaction_of_the_ledger_is_refused(house: Ledger) -> None:
    with house.read() as conn, pytest.raises(RuntimeError, match="write"):
        audit.append(conn, FACILITY, entry(1))


def test_many_writers_make_one_chain(house: Ledger) -> None:
    writers = [threading.Thread(target=write, args=(house, 8)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert report(house) == ChainReport(32, None)


def edit(conn: Connection, chance: random.Random) -> int:
    number = chance.randint(1, LENGTH)
    changes: dict[str, object] = {
        "at_ms": NOW_MS - chance.randint(1, 10**6),
        "actor": f"staff-{chance.randint(2, 99)}",
        "act": "something else",
        "subject": "another subject",
        "detail": '{"nth":99}',
        "previous_hash": "f" * 64,
        "hash": f"{chance.getrandbits(256):064x}",
    }
    column = chance.choice(sorted(changes))
    conn.execute(update(audit_table).where(audit_table.c.number == number).values({column: changes[column]}))
    return number


def drop(conn: Connection, chance: random.Random) -> int:
    number = chance.randint(1, LENGTH)
    conn.execute(delete(audit_table).where(audit_table.c.number == number))
    return number


def cut_off(conn: Connection, chance: random.Random) -> int:
    number = chance.randint(1, LENGTH)
    conn.execute(delete(audit_table).where(audit_table.c.number >= number))
    return number


def swap(conn: Connection, chance: random.Random) -> int:
    one, other = sorted(chance.sample(range(1, LENGTH + 1), 2))
    for before, after in ((one, 900), (other, one), (900, other)):
        conn.execute(update(audit_table).where(audit_table.c.number == before).values(number=after))
    return one


def add_at_the_end(conn: Connection, chance: random.Random) -> int:
    last = conn.execute(select(audit_table).where(audit_table.c.number == LENGTH)).mappings().one()
    forged = {**last, "number": LENGTH + 1, "subject": f"forged-{chance.random()}", "previous_hash": last["hash"]}
    conn.execute(insert(audit_table).values(**forged))
    return LENGTH + 1


def forget_the_head(conn: Connection, chance: random.Random) -> int:
    del chance
    conn.execute(delete(audit_head))
    return LENGTH + 1


def turn_the_head_back(conn: Connection, chance: random.Random) -> int:
    number = chance.randint(1, LENGTH - 1)
    kept = conn.execute(select(audit_table.c.hash).where(audit_table.c.number == number)).scalar_one()
    conn.execute(update(audit_head).values(number=number, hash=kept))
    return LENGTH + 1


TAMPERS = [edit, drop, cut_off, swap, add_at_the_end, forget_the_head, turn_the_head_back]


@pytest.mark.parametrize("tamper", TAMPERS)
def test_every_tamper_is_found_where_it_is(house: Ledger, tamper: Callable[[Connection, random.Random], int]) -> None:
    write(house, LENGTH)
    chance = random.Random(tamper.__name__)
    for _ in range(TAMPERS_OF_EACH_KIND):
        with house.write() as conn:
            expected = tamper(conn, chance)
            broken_at = audit.verify_chain(conn, FACILITY).broken_at
            conn.rollback()
        assert broken_at == expected
    assert report(house).broken_at is None


def test_a_chain_rewritten_from_end_to_end_contradicts_a_head_kept_outside(house: Ledger) -> None:
    write(house, LENGTH)
    with house.read() as conn:
        kept = audit.heads(conn)[0]
    write(house, 2)
    assert report(house, sealed=kept).broken_at is None
    with house.write() as conn:
        conn.execute(delete(audit_table))
        conn.execute(update(audit_head).values(number=0, hash=audit.GENESIS_HASH))
    write(house, LENGTH + 2)
    assert report(house, sealed=kept).broken_at is None, "the same acts give the same chain"
    with house.write() as conn:
        conn.execute(delete(audit_table))
        conn.execute(update(audit_head).values(number=0, hash=audit.GENESIS_HASH))
        audit.append(conn, FACILITY, entry(99))
    write(house, LENGTH + 1)
    assert report(house).broken_at is None
    assert report(house, sealed=kept).broken_at == kept.number


def test_a_chain_shorter_than_a_head_kept_outside_is_broken(house: Ledger) -> None:
    write(house, 2)
    with house.read() as conn:
        kept = AuditHead(FACILITY, 5, audit.heads(conn)[0].hash)
    assert report(house, sealed=kept) == ChainReport(2, 3)


def test_when_something_was_last_done_is_known(house: Ledger) -> None:
    with house.write() as conn:
        for at_ms in (5, 9, 7):
            audit.append(conn, FACILITY, AuditEntry(at_ms, "a", "gap_opened", "H-1", {}))
    with house.read() as conn:
        assert audit.last_at_ms(conn, "H-1", "gap_opened") == 9
        assert audit.last_at_ms(conn, "H-1", "held") is None
        assert audit.last_at_ms(conn, "H-2", "gap_opened") is None


def test_entries_of_one_act_stand_in_their_order_as_if_they_had_come_one_by_one(house: Ledger) -> None:
    write(house, 2)
    with house.write() as conn:
        for number in range(40):
            audit.append(conn, OTHER_FACILITY if number % 3 == 0 else FACILITY, entry(number))
    write(house, 1)
    with house.read() as conn:
        here, there = (audit.entries(conn, place, 100)[::-1] for place in (FACILITY, OTHER_FACILITY))
    subjects = [entry(number).subject for number in range(40) if number % 3]
    assert [one.subject for one in here][2:-1] == subjects
    assert [one.number for one in here] == list(range(1, len(subjects) + 4))
    assert [one.previous_hash for one in here[1:]] == [one.hash for one in here[:-1]]
    assert len(there) == 14
    assert report(house) == ChainReport(len(here), None)
    assert report(house, OTHER_FACILITY) == ChainReport(14, None)
