from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import Side
from sheetal.contracts.verdict import Finding
from sheetal.ledger import judgement_writes, judgements
from sheetal.ledger.histories import IDS_A_QUERY
from sheetal.ledger.latest_verdicts import OnRecord, newest_verdicts, on_record, standing_compromises
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


@pytest.fixture
def judged(stocked: Ledger) -> Ledger:
    """H-1 was found usable, then held; H-2 was found usable; H-3 was never judged."""
    for label in ("H-2", "H-3"):
        seeds.receive(stocked, label)
    with stocked.write() as conn:
        found = [("H-1", Finding.USABLE, "a"), ("H-2", Finding.USABLE, "b"), ("H-1", Finding.HOLD, "c")]
        for label, finding, digest in found:
            judgement_writes.append_verdicts(conn, [(seeds.verdict(label, finding), digest)], NOW_MS)
    return stocked


def test_the_newest_verdict_of_each_is_on_record(judged: Ledger) -> None:
    with judged.read() as conn:
        found = on_record(conn, ["H-1", "H-2", "H-3", "H-none"])
        newest = {label: judgements.verdicts_of(conn, label)[0] for label in ("H-1", "H-2")}
        assert newest_verdicts(conn, ["H-1", "H-2", "H-3"]) == {label: one.verdict for label, one in newest.items()}
    assert found == {
        "H-1": OnRecord(newest["H-1"].id, Finding.HOLD, "c"),
        "H-2": OnRecord(newest["H-2"].id, Finding.USABLE, "b"),
    }


def test_many_are_asked_for_in_parts(judged: Ledger) -> None:
    asked = ["H-1", *(f"none-{number}" for number in range(IDS_A_QUERY)), "H-2"]
    with judged.read() as conn:
        assert sorted(on_record(conn, asked)) == ["H-1", "H-2"]
        assert sorted(newest_verdicts(conn, asked)) == ["H-1", "H-2"]
        assert on_record(conn, []) == {}


def test_verdicts_appended_together_have_numbers_of_their_own(stocked: Ledger) -> None:
    seeds.receive(stocked, "H-2")
    with stocked.write() as conn:
        together = [(seeds.verdict(label, Finding.USABLE), f"digest of {label}") for label in ("H-2", "H-1")]
        numbers = judgement_writes.append_verdicts(conn, together, NOW_MS)
        assert judgement_writes.append_verdicts(conn, [], NOW_MS) == {}
    with stocked.read() as conn:
        for label in ("H-1", "H-2"):
            (stored,) = judgements.verdicts_of(conn, label)
            assert (stored.id, stored.digest, stored.verdict.holding) == (numbers[label], f"digest of {label}", label)


def test_a_withdrawn_compromise_stands_no_more(judged: Ledger) -> None:
    with judged.write() as conn:
        number = judgements.verdicts_of(conn, "H-1")[0].id
        first = judgement_writes.add_compromise(conn, "H-1", number, Side.COLD, NOW_MS - 5, NOW_MS)
        second = judgement_writes.add_compromise(conn, "H-1", number, Side.HOT, NOW_MS - 3, NOW_MS)
        judgement_writes.withdraw_compromise(conn, first, NOW_MS)
    with judged.read() as conn:
        found = standing_compromises(conn, ["H-1", "H-2"])
    assert {label: [tuple(one) for one in ones] for label, ones in found.items()} == {
        "H-1": [(second, "hot", NOW_MS - 3)]
    }
