from __future__ import annotations

import pytest

from benchmarks.faults import audit_tamper
from sheetal.ledger import audit, seals
from sheetal.ledger.audit import ChainReport
from tests.benchmarks.faults.tiers import plain, stack


def test_every_change_is_told() -> None:
    assert audit_tamper.run(0, plain(audit_tamper.FULL), audit_tamper.FILES) == 0


@pytest.mark.stack
def test_every_change_is_told_in_postgresql() -> None:
    assert audit_tamper.run(1_000, stack(audit_tamper.FULL), audit_tamper.SERVER) == 0


def test_every_way_meets_every_cover() -> None:
    ways, covers = len(audit_tamper.TAMPERS), len(audit_tamper.COVERS)
    assert (ways, covers) == (5, 3)
    assert len({(number % ways, number // ways % covers) for number in range(ways * covers)}) == ways * covers


def test_a_verification_without_seals_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chained anew, every change passes for who looks at the chain alone."""
    alone = audit.verify_chain
    monkeypatch.setattr(seals, "verify_chain", lambda conn, place, _sealed=None: alone(conn, place))
    number = len(audit_tamper.TAMPERS)
    with audit_tamper.written(audit_tamper.FILES) as house:
        assert not audit_tamper.is_told(house, number)
    monkeypatch.undo()
    with audit_tamper.written(audit_tamper.FILES) as house:
        assert audit_tamper.is_told(house, number)


def test_a_verification_that_always_cries_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "verify_chain", lambda _conn, _place, _sealed=None: ChainReport(0, 1))
    assert audit_tamper.run(0, 5, audit_tamper.FILES) >= 5
