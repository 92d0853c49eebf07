from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, rejudge
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check, manual_checks
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

CHECK = ManualCheck(
    appliance_id="A-1",
    checked_at_ms=NOW_MS - 5,
    centi_celsius=450,
    centi_celsius_min=380,
    centi_celsius_max=None,
    actor=ACTOR,
)


def test_a_check_is_kept_traced_and_judged(house: Ledger) -> None:
    with house.write() as conn:
        add_manual_check(conn, CHECK, NOW_MS)
    with house.read() as conn:
        assert manual_checks(conn, "A-1", 0, NOW_MS) == [CHECK]
        assert manual_checks(conn, "A-2", 0, NOW_MS) == []
        (mark,) = rejudge.pending(conn, 10)
        assert (mark.appliance_id, mark.from_ms) == ("A-1", NOW_MS - 5)
        assert audit.entries(conn, FACILITY, 1)[0].act == "manual_check"


def test_checks_come_oldest_first_in_a_half_open_span(house: Ledger) -> None:
    with house.write() as conn:
        for at_ms in (30, 10, 20):
            add_manual_check(conn, replace(CHECK, checked_at_ms=at_ms), NOW_MS)
        assert [one.checked_at_ms for one in manual_checks(conn, "A-1", 10, 30)] == [10, 20]


@pytest.mark.parametrize(("changes", "reason"), [({}, "exists"), ({"checked_at_ms": NOW_MS + 1}, "future")])
def test_a_check_is_made_once_and_not_in_the_future(house: Ledger, changes: dict[str, int], reason: str) -> None:
    with house.write() as conn:
        add_manual_check(conn, CHECK, NOW_MS)
        with pytest.raises(Refused) as caught:
            add_manual_check(conn, replace(CHECK, **changes), NOW_MS)  # type: ignore[arg-type]
    assert caught.value.facts["reason"] == reason


def test_an_unknown_appliance_has_no_checks(house: Ledger) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        add_manual_check(conn, replace(CHECK, appliance_id="A-404"), NOW_MS)
