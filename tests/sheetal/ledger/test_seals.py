from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, update

from sheetal.ledger import audit, seals
from sheetal.ledger.audit import AuditEntry, ChainReport
from sheetal.ledger.judgement_tables import audit as audit_table
from sheetal.ledger.judgement_tables import audit_head
from sheetal.ledger.judgement_tables import seal as seal_table
from tests.sheetal.ledger.seeds import FACILITY, NOW_MS, OTHER_FACILITY

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def sign(digest: bytes) -> str:
    return hmac.new(b"sealer", digest, hashlib.sha256).hexdigest()


def act(ledger: Ledger, subject: str = "x") -> None:
    with ledger.write() as conn:
        audit.append(conn, FACILITY, AuditEntry(NOW_MS, "staff-1", "tested", subject))


def seal(ledger: Ledger) -> seals.Seal:
    with ledger.write() as conn:
        return seals.add_seal(conn, sign, NOW_MS)


def test_a_seal_signs_every_head(house: Ledger) -> None:
    act(house)
    made = seal(house)
    assert (made.number, made.previous_hash) == (1, audit.GENESIS_HASH)
    assert made.signature == sign(made.hash.encode())
    with house.read() as conn:
        assert list(made.sealed_heads().values()) == audit.heads(conn)
        assert list(made.sealed_heads()) == [FACILITY, OTHER_FACILITY]
        assert seals.latest_seal(conn) == made


def test_there_is_no_seal_before_the_first(house: Ledger) -> None:
    with house.read() as conn:
        assert seals.latest_seal(conn) is None
        assert seals.verify_seals(conn) == ChainReport(0, None)


def test_seals_follow_each_other(house: Ledger) -> None:
    first, second = seal(house), seal(house)
    assert (second.number, second.previous_hash) == (2, first.hash)
    with house.read() as conn:
        assert seals.verify_seals(conn) == ChainReport(2, None)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("column", ["heads", "hash", "previous_hash", "sealed_at_ms", None])
def test_a_changed_or_missing_seal_is_found(house: Ledger, number: int, column: str | None) -> None:
    for _ in range(4):
        seal(house)
    with house.write() as conn:
        chosen = seal_table.c.number == number
        if column is None:
            conn.execute(delete(seal_table).where(chosen))
        else:
            value: object = 7 if column == "sealed_at_ms" else "[]"
            conn.execute(update(seal_table).where(chosen).values({column: value}))
        assert seals.verify_seals(conn).broken_at == number


def test_a_seal_kept_outside_convicts_a_rewritten_chain(house: Ledger) -> None:
    act(house)
    act(house)
    outside = seal(house)
    act(house)
    with house.read() as conn:
        assert seals.verify_against(conn, outside) == {}
    with house.write() as conn:
        conn.execute(delete(audit_table))
        conn.execute(update(audit_head).values(number=0, hash=audit.GENESIS_HASH))
    for _ in range(3):
        act(house, "rewritten")
    with house.read() as conn:
        assert audit.verify_chain(conn, FACILITY).broken_at is None
        assert seals.verify_against(conn, outside) == {FACILITY: ChainReport(1, 2)}


def test_a_seal_is_known_by_number_and_hash(house: Ledger) -> None:
    first, second = seal(house), seal(house)
    with house.write() as conn:
        assert seals.knows(conn, first)
        assert seals.knows(conn, second)
        conn.execute(delete(seal_table).where(seal_table.c.number == second.number))
        assert not seals.knows(conn, second)
        assert not seals.knows(conn, replace(first, hash="0" * 64))


def fits(one: seals.Seal) -> bool:
    return one.signature == sign(one.hash.encode())


def covered(ledger: Ledger, outside: seals.Seal | None = None, place: str = FACILITY) -> seals.Coverage:
    with ledger.read() as conn:
        return seals.coverage(conn, place, fits, outside)


def test_coverage_says_up_to_which_entry_and_minute(house: Ledger) -> None:
    act(house)
    act(house)
    outside = seal(house)
    act(house)
    said = covered(house, outside)
    assert (said.entries, said.broken_at, said.sealed_number, said.sealed_at_ms) == (3, None, 2, NOW_MS)
    assert (said.outside, said.outside_at_ms, said.is_whole) == (seals.Outside.AGREES, NOW_MS, True)
    assert (said.seals, said.seals_broken_at, said.signature_fits) == (1, None, True)
    assert covered(house, outside, OTHER_FACILITY).entries == 0


def test_without_a_seal_nothing_is_covered(house: Ledger) -> None:
    act(house)
    said = covered(house)
    assert (said.entries, said.sealed_number, said.sealed_at_ms) == (1, 0, None)
    assert (said.outside, said.outside_at_ms, said.is_whole) == (seals.Outside.NONE, None, True)


def test_a_chain_cut_off_below_its_seal_is_broken_where_it_was_cut(house: Ledger) -> None:
    for _ in range(3):
        act(house)
    seal(house)
    cut(house, to=1)
    assert (covered(house).broken_at, covered(house).is_whole) == (2, False)


def test_what_came_after_the_seal_can_be_cut_off_unseen_and_coverage_says_so(house: Ledger) -> None:
    act(house)
    seal(house)
    act(house)
    cut(house, to=1)
    said = covered(house)
    assert (said.is_whole, said.entries, said.sealed_number) == (True, 1, 1)


def test_a_copy_outside_convicts_seals_that_were_cut_off_too(house: Ledger) -> None:
    for _ in range(3):
        act(house)
    seal(house)
    outside = seal(house)
    cut(house, to=1)
    with house.write() as conn:
        conn.execute(delete(seal_table))
    said = covered(house, outside)
    assert (said.outside, said.broken_at, said.is_whole) == (seals.Outside.CONTRADICTS, 2, False)


@pytest.mark.parametrize("of", ["inside", "outside"])
def test_a_seal_that_nobody_signed_is_told(house: Ledger, of: str) -> None:
    act(house)
    outside = seal(house)
    if of == "inside":
        with house.write() as conn:
            conn.execute(update(seal_table).values(signature="forged"))
    forged = replace(outside, signature="forged") if of == "outside" else outside
    said = covered(house, forged)
    assert (said.signature_fits, said.is_whole) == (False, False)


def test_broken_seals_are_told(house: Ledger) -> None:
    seal(house)
    seal(house)
    with house.write() as conn:
        conn.execute(delete(seal_table).where(seal_table.c.number == 1))
    assert (covered(house).seals_broken_at, covered(house).is_whole) == (1, False)


def test_a_chain_cut_off_before_a_later_seal_is_still_convicted_by_the_earlier_one(house: Ledger) -> None:
    for _ in range(3):
        act(house)
    seal(house)
    cut(house, to=1)
    outside = seal(house)
    said = covered(house, outside)
    assert (said.entries, said.broken_at, said.is_whole) == (1, 2, False)
    for _ in range(3):
        act(house, "instead")
    assert (covered(house, seal(house)).broken_at, covered(house).is_whole) == (3, False)


def test_a_chain_rewritten_before_a_later_seal_is_still_convicted_by_the_earlier_one(house: Ledger) -> None:
    act(house)
    act(house)
    seal(house)
    with house.write() as conn:
        conn.execute(delete(audit_table).where(audit_table.c.facility_id == FACILITY))
        conn.execute(
            update(audit_head).where(audit_head.c.facility_id == FACILITY).values(number=0, hash=audit.GENESIS_HASH)
        )
    for _ in range(4):
        act(house, "rewritten")
    said = covered(house, seal(house))
    assert (said.seals_broken_at, said.signature_fits, said.broken_at) == (None, True, 2)


def test_a_chain_gone_with_its_head_before_a_later_seal_is_missed(house: Ledger) -> None:
    act(house)
    seal(house)
    with house.write() as conn:
        conn.execute(delete(audit_table).where(audit_table.c.facility_id == FACILITY))
        conn.execute(delete(audit_head).where(audit_head.c.facility_id == FACILITY))
    said = covered(house, seal(house))
    assert (said.entries, said.sealed_number, said.broken_at, said.is_whole) == (0, 0, 1, False)


def test_an_earlier_seal_made_anew_to_fit_has_no_signature(house: Ledger) -> None:
    for _ in range(3):
        act(house)
    seal(house)
    cut(house, to=1)
    with house.write() as conn:
        conn.execute(delete(seal_table))
        seals.add_seal(conn, lambda _digest: "forged", NOW_MS)
    said = covered(house, seal(house))
    assert (said.broken_at, said.seals_broken_at, said.signature_fits, said.is_whole) == (None, None, False, False)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("heads", ["not JSON", "[7]", '[{"facility_id":"F-101"}]'])
def test_heads_that_cannot_be_read_are_a_broken_seal_and_no_failure(house: Ledger, number: int, heads: str) -> None:
    act(house)
    seal(house)
    outside = seal(house)
    with house.write() as conn:
        conn.execute(update(seal_table).where(seal_table.c.number == number).values(heads=heads))
    said = covered(house, outside)
    assert (said.seals_broken_at, said.is_whole) == (number, False)


def test_a_copy_outside_whose_heads_cannot_be_read_contradicts(house: Ledger) -> None:
    act(house)
    outside = seal(house)
    said = covered(house, replace(outside, heads="not JSON"))
    assert (said.outside, said.is_whole) == (seals.Outside.CONTRADICTS, False)


def cut(ledger: Ledger, to: int) -> None:
    """Cut a chain off after an entry and make its head fit."""
    with ledger.write() as conn:
        conn.execute(delete(audit_table).where(audit_table.c.facility_id == FACILITY, audit_table.c.number > to))
        last = audit.entries(conn, FACILITY, 1)[0]
        whose = audit_head.c.facility_id == FACILITY
        conn.execute(update(audit_head).where(whose).values(number=last.number, hash=last.hash))
