from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound
from sheetal.ledger import stock, vvm_readings
from sheetal.ledger.histories import IDS_A_QUERY, Kin, histories, history_of, holding_ids_in, in_chunks, touched
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import APPLIANCE, NOW_MS, SECOND_APPLIANCE

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


@pytest.fixture
def family(stocked: Ledger) -> Ledger:
    """H-1 moved; H-2 split off it and moved; H-3 split off H-2; H-9 apart from them."""
    seeds.receive(stocked, "H-9", appliance_id=SECOND_APPLIANCE)
    seeds.move(stocked, "H-1", SECOND_APPLIANCE, at_ms=NOW_MS - 40 * MINUTE_MS)
    seeds.split(stocked, "H-1", "H-2", at_ms=NOW_MS - 30 * MINUTE_MS)
    seeds.move(stocked, "H-2", SECOND_APPLIANCE, at_ms=NOW_MS - 20 * MINUTE_MS)
    seeds.split(stocked, "H-2", "H-3", doses=1, at_ms=NOW_MS - 10 * MINUTE_MS)
    seeds.move(stocked, "H-1", APPLIANCE, at_ms=NOW_MS - 5 * MINUTE_MS)
    with stocked.write() as conn:
        for minutes, label, stage in ((50, "H-1", 1), (25, "H-1", 2), (15, "H-2", 2), (5, "H-3", 3), (1, "H-9", 1)):
            vvm_readings.record(conn, label, stage, NOW_MS - minutes * MINUTE_MS, seeds.ACTOR, NOW_MS)
    return stocked


@pytest.mark.parametrize("holding_id", ["H-1", "H-2", "H-3", "H-9"])
def test_a_history_says_what_the_readings_of_one_holding_say(family: Ledger, holding_id: str) -> None:
    with family.read() as conn:
        found = histories(conn, ["H-1", "H-2", "H-3", "H-9"])[holding_id]
        assert found == history_of(conn, holding_id)
        assert found.holding == stock.holding_by_id(conn, holding_id)
        assert list(found.stays) == stock.stays_of(conn, holding_id)
        looks = [(one.read_at_ms, one.stage) for one in vvm_readings.readings_of(conn, holding_id)]
    assert [tuple(one) for one in found.vvm_looks] == looks


def test_the_past_is_shared_up_to_each_split(family: Ledger) -> None:
    with family.read() as conn:
        found = history_of(conn, "H-3")
    assert found.kin == (
        Kin("H-3", None),
        Kin("H-2", NOW_MS - 10 * MINUTE_MS),
        Kin("H-1", NOW_MS - 30 * MINUTE_MS),
    )
    assert [stay.holding_id for stay in found.stays] == ["H-1", "H-1", "H-2", "H-2", "H-3"]
    assert found.stays[3].until_ms == NOW_MS - 10 * MINUTE_MS
    assert [one.stage for one in found.vvm_looks] == [1, 2, 3]


def test_a_holding_that_is_not_there_is_absent(family: Ledger) -> None:
    with family.read() as conn:
        assert list(histories(conn, ["H-1", "H-none"])) == ["H-1"]
        assert histories(conn, []) == {}
        with pytest.raises(NotFound):
            history_of(conn, "H-none")


@pytest.mark.parametrize(
    ("place", "from_minutes", "until_minutes"),
    [(APPLIANCE, 60, None), (APPLIANCE, 60, 50), (SECOND_APPLIANCE, 45, 35), (SECOND_APPLIANCE, 15, None)],
)
def test_all_that_an_appliance_touches_is_found(
    family: Ledger,
    place: str,
    from_minutes: int,
    until_minutes: int | None,
) -> None:
    from_ms = NOW_MS - from_minutes * MINUTE_MS
    until_ms = None if until_minutes is None else NOW_MS - until_minutes * MINUTE_MS
    with family.read() as conn:
        found = holding_ids_in(conn, place, from_ms, until_ms)
        assert found == [one.id for one in stock.holdings_in(conn, place, from_ms, until_ms)]
    assert found


def test_an_appliance_that_nothing_stood_in_touches_nothing(family: Ledger) -> None:
    with family.read() as conn:
        assert holding_ids_in(conn, seeds.OTHER_APPLIANCE, 0) == []
        assert holding_ids_in(conn, APPLIANCE, 0, NOW_MS - 2 * HOUR_MS) == []


def test_more_than_one_query_takes_are_read_all(family: Ledger) -> None:
    asked = ["H-1", "H-2", *(f"none-{number}" for number in range(2 * IDS_A_QUERY))]
    assert [len(chunk) for chunk in in_chunks(asked)] == [IDS_A_QUERY, IDS_A_QUERY, 2]
    with family.read() as conn:
        assert sorted(histories(conn, asked)) == ["H-1", "H-2"]


def test_windows_of_many_appliances_are_looked_into_together(family: Ledger) -> None:
    windows = {
        APPLIANCE: (NOW_MS - 60 * MINUTE_MS, NOW_MS - 50 * MINUTE_MS),
        SECOND_APPLIANCE: (NOW_MS - 15 * MINUTE_MS, None),
        seeds.OTHER_APPLIANCE: (0, None),
    }
    with family.read() as conn:
        found = touched(conn, windows)
        assert touched(conn, {}) == {}
    from_ms = {"H-1": 60, "H-2": 60, "H-3": 60, "H-9": 15}
    assert found == {label: NOW_MS - minutes * MINUTE_MS for label, minutes in from_ms.items()}
