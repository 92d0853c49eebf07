from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.disposition import RefusalReason
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import NotFound
from sheetal.ledger import audit, rejudge, vvm_readings
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.deciding import reason_of
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def read(ledger: Ledger, stage: int = 1, at_ms: int = NOW_MS - 10, holding_id: str = "H-1") -> int:
    with ledger.write() as conn:
        return vvm_readings.record(conn, holding_id, stage, at_ms, ACTOR, NOW_MS)


def stages(ledger: Ledger, holding_id: str) -> list[int]:
    with ledger.read() as conn:
        return [one.stage for one in vvm_readings.readings_of(conn, holding_id)]


def test_a_look_closes_the_gate_until_it_is_judged(stocked: Ledger) -> None:
    number = read(stocked, 2)
    refused = seeds.refusal(stocked)
    assert refused is not None
    assert refused.facts["reason"] is RefusalReason.NOT_REJUDGED
    with stocked.read() as conn:
        (found,) = vvm_readings.readings_of(conn, "H-1")
        (mark,) = rejudge.pending(conn, 9)
        assert audit.entries(conn, FACILITY, 1)[0].act == "vvm_read"
    assert (found.id, found.stage, found.read_at_ms, found.actor) == (number, 2, NOW_MS - 10, ACTOR)
    assert (mark.holding_id, mark.from_ms) == ("H-1", NOW_MS - 10)


@pytest.mark.parametrize("stage", [0, 5, -1])
def test_a_monitor_has_four_stages(stocked: Ledger, stage: int) -> None:
    assert reason_of(lambda: read(stocked, stage)) == "stage"


def test_nobody_looks_in_the_future(stocked: Ledger) -> None:
    assert reason_of(lambda: read(stocked, at_ms=NOW_MS + 1)) == "future"
    assert stages(stocked, "H-1") == []


def test_an_unknown_holding_has_no_vials(house: Ledger) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        vvm_readings.record(conn, "H-404", 1, NOW_MS, ACTOR, NOW_MS)


def test_looks_come_in_order_of_time(stocked: Ledger) -> None:
    read(stocked, 2, NOW_MS - 1)
    read(stocked, 1, NOW_MS - 9)
    assert stages(stocked, "H-1") == [1, 2]
    with stocked.read() as conn:
        assert vvm_readings.worst_stage(conn, "H-1") == 2


def test_a_monitor_never_grows_lighter(stocked: Ledger) -> None:
    read(stocked, 3, NOW_MS - 9)
    read(stocked, 1, NOW_MS - 1)
    with stocked.read() as conn:
        assert vvm_readings.worst_stage(conn, "H-1") == 3


def test_a_look_before_the_split_is_a_look_at_its_part_too(stocked: Ledger) -> None:
    read(stocked, 1, NOW_MS - HOUR_MS)
    seeds.split(stocked, "H-1", "H-2", 3, at_ms=NOW_MS - 100)
    seeds.split(stocked, "H-2", "H-3", 1, at_ms=NOW_MS - 50)
    read(stocked, 2, NOW_MS - 60)
    read(stocked, 3, NOW_MS - 60, "H-2")
    read(stocked, 4, NOW_MS - 40, "H-2")
    assert stages(stocked, "H-1") == [1, 2]
    assert stages(stocked, "H-2") == [1, 3, 4]
    assert stages(stocked, "H-3") == [1, 3]
    with stocked.read() as conn:
        assert vvm_readings.worst_stage(conn, "H-3") == 3


def test_a_look_that_is_written_down_late_closes_the_gate_of_what_was_split_off_since(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2", 3, at_ms=NOW_MS - 100)
    seeds.split(stocked, "H-2", "H-3", 1, at_ms=NOW_MS - 50)
    seeds.split(stocked, "H-1", "H-4", 1, at_ms=NOW_MS - 90)
    with stocked.write() as conn:
        rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 99)])
    read(stocked, 3, NOW_MS - 95)
    with stocked.read() as conn:
        assert sorted(str(mark.holding_id) for mark in rejudge.pending(conn, 99)) == ["H-1", "H-4"]
    read(stocked, 3, NOW_MS - 100)
    read(stocked, 3, NOW_MS - 101)
    with stocked.read() as conn:
        marked = [mark.holding_id for mark in rejudge.pending(conn, 99) if mark.from_ms == NOW_MS - 101]
    assert sorted(map(str, marked)) == ["H-1", "H-2", "H-3", "H-4"]


def test_nobody_looked_is_no_stage(stocked: Ledger) -> None:
    with stocked.read() as conn:
        assert vvm_readings.worst_stage(conn, "H-1") is None
