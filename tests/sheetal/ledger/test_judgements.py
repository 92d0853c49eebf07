from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from sheetal.contracts.limits import Side
from sheetal.contracts.verdict import Finding, Run, StayEvidence
from sheetal.ledger import judgement_writes as writes
from sheetal.ledger import judgements as reads
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

RUN = Run(
    sensor=seeds.SENSOR,
    side=Side.COLD,
    limit_centi_celsius=-50,
    first_ms=1,
    last_ms=2,
    earliest_possible_start_ms=0,
    confirmed_half_ms=2,
    possible_half_ms=4,
    extreme_centi_celsius=-120,
    samples=2,
    open=False,
)


def test_a_verdict_comes_back_whole_and_the_newest_first(stocked: Ledger) -> None:
    said = [seeds.verdict(finding=finding) for finding in (Finding.USABLE, Finding.HOLD)]
    with stocked.write() as conn:
        numbers = [writes.append_verdict(conn, one, NOW_MS + nth) for nth, one in enumerate(said)]
    with stocked.read() as conn:
        newest, first = reads.verdicts_of(conn, "H-1")
        assert (newest.verdict, first.verdict) == (said[1], said[0])
        assert [newest.id, first.id] == numbers[::-1]
        assert newest.found_at_ms == NOW_MS + 1
        assert reads.latest_verdict(conn, "H-1") == newest
        assert reads.verdict_by_id(conn, first.id) == first
        assert len(reads.verdicts_of(conn, "H-1", limit=1)) == 1


def test_there_is_no_verdict_before_the_first(stocked: Ledger) -> None:
    with stocked.read() as conn:
        assert reads.latest_verdict(conn, "H-1") is None
        assert reads.verdict_by_id(conn, 1) is None


def test_a_digest_tells_what_is_said_not_how_far_it_looked() -> None:
    said = seeds.verdict()
    evidence = StayEvidence(
        stay=1,
        appliance="A-1",
        evidence_kind="telemetry",
        from_ms=1,
        until_ms=None,
        sensors=[],
        readings=9,
        centi_celsius_min=1,
        centi_celsius_max=2,
        minutes_unknown=0,
        known_through_ms=5,
    )
    replace = msgspec.structs.replace
    further = replace(said, judged_through_ms=NOW_MS + 1, known_through_ms=None, stays=[evidence])
    assert reads.verdict_digest(further) == reads.verdict_digest(said)
    others = [
        replace(said, finding=Finding.USABLE),
        replace(said, holding="H-2"),
        replace(said, rule_version="test/2"),
        replace(said, product_version=2),
        replace(said, noted=[RUN]),
    ]
    assert len({reads.verdict_digest(one) for one in [said, *others]}) == len(others) + 1


def test_the_digest_is_kept_with_the_verdict(stocked: Ledger) -> None:
    with stocked.write() as conn:
        writes.append_verdict(conn, seeds.verdict(), NOW_MS)
        latest = reads.latest_verdict(conn, "H-1")
    assert latest is not None
    assert latest.digest == reads.verdict_digest(seeds.verdict())


def test_the_newest_hold_stands_whatever_was_found_since(stocked: Ledger) -> None:
    found = (Finding.HOLD, Finding.HOLD, Finding.EXCURSION_NOTED, Finding.USABLE)
    with stocked.write() as conn:
        assert reads.latest_hold_id(conn, "H-1") is None
        numbers = [writes.append_verdict(conn, seeds.verdict(finding=finding), NOW_MS) for finding in found]
        assert reads.latest_hold_id(conn, "H-1") == numbers[1]
        assert reads.latest_hold_id(conn, "H-2") is None


def test_compromises_are_followed_by_number(stocked: Ledger) -> None:
    with stocked.write() as conn:
        number = writes.append_verdict(conn, seeds.verdict(), NOW_MS)
        made = [writes.add_compromise(conn, "H-1", number, Side.COLD, at_ms, NOW_MS) for at_ms in (50, 20, 30)]
        assert [one.id for one in reads.compromises(conn)] == made
        assert [one.id for one in reads.compromises(conn, made[0])] == made[1:]
        assert reads.compromises(conn, limit=1)[0].compromised_from_ms == 50
        assert reads.compromises(conn)[0].side == "cold"


def test_a_holding_was_unfit_from_the_earliest_compromise_not_withdrawn(stocked: Ledger) -> None:
    with stocked.write() as conn:
        assert reads.compromised_from_ms(conn, "H-1") is None
        number = writes.append_verdict(conn, seeds.verdict(), NOW_MS)
        _, early = (writes.add_compromise(conn, "H-1", number, Side.COLD, at_ms, NOW_MS) for at_ms in (50, 20))
        assert reads.compromised_from_ms(conn, "H-1") == 20
        assert writes.withdraw_compromise(conn, early, NOW_MS)
        assert not writes.withdraw_compromise(conn, early, NOW_MS)
        assert reads.compromised_from_ms(conn, "H-1") == 50
        assert reads.compromises(conn)[1].withdrawn_at_ms == NOW_MS


def test_notices_show_newest_first(house: Ledger) -> None:
    with house.write() as conn:
        for key in ("a", "b", "c"):
            assert writes.add_notice(conn, key, "freeze", seeds.FACILITY, {"holding": key, "n": 1}, NOW_MS)
        assert [one.facts["holding"] for one in reads.notices(conn)] == ["c", "b", "a"]
        assert [one.deduplication_key for one in reads.notices(conn, 2)] == ["c", "b"]


@pytest.mark.parametrize("reader", [reads.appliance_judgements, reads.gateway_states])
def test_nothing_is_known_at_first(house: Ledger, reader: object) -> None:
    with house.read() as conn:
        assert callable(reader)
        assert reader(conn) == {}


def test_an_appliance_is_judged_through_an_instant_or_not_yet(stocked: Ledger) -> None:
    with stocked.write() as conn:
        judged = reads.ApplianceJudgement(
            appliance_id="A-1", judged_through_ms=NOW_MS + 5, known_through_ms=NOW_MS, state="in_range"
        )
        writes.put_appliance_judgement(conn, judged)
    with stocked.read() as conn:
        assert reads.judged_through_ms(conn, "A-1") == NOW_MS + 5
        assert reads.judged_through_ms(conn, "A-none") is None
