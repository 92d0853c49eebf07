from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from portal.orchestration import store
from portal.orchestration.rules import Session

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

SESSION = Session("s-1", "F-101", "covishield", 1_000, 2_000, 40)


def test_a_session_comes_back_as_it_went_in(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        store.add_session(conn, SESSION, 5)
        assert store.session_by_id(conn, "s-1") == SESSION
        assert store.session_by_id(conn, "s-2") is None


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "found"), [(0, 1_000, 0), (0, 1_001, 1), (1_999, 3_000, 1), (2_000, 3_000, 0)]
)
def test_sessions_are_found_where_they_overlap(stage: Stage, from_ms: int, until_ms: int, found: int) -> None:
    with stage.ledger.write() as conn:
        store.add_session(conn, SESSION, 5)
        assert len(store.sessions(conn, None, from_ms, until_ms)) == found
        assert len(store.sessions(conn, "F-101", from_ms, until_ms)) == found
        assert store.sessions(conn, "F-102", from_ms, until_ms) == []


@pytest.mark.parametrize("broken", [Session("s", "F-101", "p", 2, 2, 1), Session("s", "F-101", "p", 1, 2, 0)])
def test_an_impossible_session_is_refused_by_the_database(stage: Stage, broken: Session) -> None:
    with stage.ledger.write() as conn, pytest.raises(IntegrityError), conn.begin_nested():
        store.add_session(conn, broken, 5)


def test_a_holding_goes_out_and_comes_back_once(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        store.add_session(conn, SESSION, 5)
        store.issue_holding(conn, "s-1", "H-3", 10)
        store.issue_holding(conn, "s-1", "H-1", 11)
        assert store.holdings_of_session(conn, "s-1") == ["H-3", "H-1"]
        with pytest.raises(IntegrityError), conn.begin_nested():
            store.issue_holding(conn, "s-1", "H-3", 12)
        assert store.return_holding(conn, "s-1", "H-3", 13)
        assert not store.return_holding(conn, "s-1", "H-3", 14)
        assert store.holdings_of_session(conn, "s-1") == ["H-1"]


def test_figures_count_what_stands_in_each_facility(seeded: Stage) -> None:
    with seeded.ledger.read() as conn:
        figures = store.figures(conn)
    assert figures["F-101"] == {"appliances": 2, "gateways": 1, "gateways_online": 1, "doses": 3780}
    assert figures["F-102"] == {"appliances": 3, "gateways": 1, "doses": 43_970}
