from __future__ import annotations

from typing import TYPE_CHECKING

from portal.cold_chain import store
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import assets, holdings, stock
from tests.sheetal.ledger import decided

if TYPE_CHECKING:
    import pytest

    from portal.cold_chain.rules import ApplianceNow
    from tests.portal.conftest import Stage


def all_of(stage: Stage, **scope: str) -> dict[str, ApplianceNow]:
    with stage.ledger.read() as conn, stage.telemetry.read() as telemetry:
        return {one.id: one for one in store.appliances_now(conn, telemetry, **scope)}


def test_every_appliance_comes_with_all_that_is_known(seeded: Stage) -> None:
    found = all_of(seeded)
    assert list(found) == ["A-101-1", "A-101-2", "A-102-1", "A-102-2", "A-102-3"]
    one = found["A-101-1"]
    assert one.place.facility_name_hindi == "केंद्र 101"
    assert one.judged_state == "freezing"
    assert one.alarms == ("freeze",)
    assert [inside.holding for inside in one.inside] == ["H-2", "H-1"]
    assert one.inside[1].doses == 2180
    assert one.deciding is not None
    assert one.deciding.centi_celsius == -90
    assert one.deciding.position == "coldest point"


def test_a_scope_is_one_facility_or_one_appliance(seeded: Stage) -> None:
    assert set(all_of(seeded, facility_id="F-101")) == {"A-101-1", "A-101-2"}
    assert set(all_of(seeded, appliance_id="A-102-2")) == {"A-102-2"}
    assert all_of(seeded, facility_id="F-999") == {}


def test_a_sensor_taken_away_is_no_longer_shown(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        assets.unassign_sensor(conn, "gw-01.a-101-2-tvc", seeded.now_ms, seeded.now_ms)
    assert all_of(seeded)["A-101-2"].latest == ()


def test_destroyed_stock_stands_nowhere(seeded: Stage) -> None:
    steps = (Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED, Disposition.DESTROYED)
    for target in steps:
        with seeded.ledger.write() as conn:
            decided.set_disposition(conn, "H-58213", target, "s-1", "frozen", seeded.now_ms)
    assert all_of(seeded)["A-102-3"].inside == ()


def test_alarms_are_open_first_and_scoped(seeded: Stage) -> None:
    with seeded.ledger.read() as conn:
        everything = store.alarm_lines(conn)
        assert [line.kind for line in everything] == ["freeze", "heat"]
        assert [line.appliance for line in store.alarm_lines(conn, facility_id="F-102")] == ["A-102-1"]
        assert store.alarm_lines(conn, appliance_id="A-101-2") == []
        assert store.alarm_line(conn, everything[0].id) == everything[0]
        assert store.alarm_line(conn, "none") is None
        assert store.open_alarm_count(conn, None) == 2
        assert store.open_alarm_count(conn, "F-101") == 1


def test_an_old_alarm_stays_while_it_is_open(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        conn.exec_driver_sql("UPDATE alarm SET fired_at_ms = 5 WHERE kind = 'freeze'")
        assert len(store.alarm_lines(conn, since_ms=seeded.now_ms - DAY_MS)) == 2
        conn.exec_driver_sql("UPDATE alarm SET cleared_at_ms = 6 WHERE kind = 'freeze'")
        assert [line.kind for line in store.alarm_lines(conn, since_ms=seeded.now_ms - DAY_MS)] == ["heat"]


def test_a_lot_sums_its_holdings_by_disposition(seeded: Stage) -> None:
    with seeded.ledger.read() as conn:
        sums = {one.id: one for one in store.lot_sums(conn, None)}
        assert sums["covishield/CS-2301"].doses == {"AVAILABLE": 2180 + 4310}
        assert sums["covishield/CS-2301"].holdings == {"AVAILABLE": 2}
        assert sums["covishield/CS-2207"].doses == {"QUARANTINED": 960}
        own = {one.id: one for one in store.lot_sums(conn, "F-101")}
        assert own["covishield/CS-2301"].doses == {"AVAILABLE": 2180}
        assert "covishield/CS-2207" not in own


def test_of_many_lots_the_first_are_listed_whole_and_each_is_found(
    seeded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOTS_MAX", 2)
    with seeded.ledger.write() as conn:
        conn.exec_driver_sql("UPDATE holding SET disposition = 'CONDEMNED' WHERE id = 'H-4'")
        known = [one.id for one in stock.lots(conn)]
        assert store.lot_count(conn, None) == len(known) > 2
        assert store.lot_count(conn, "F-101") < len(known)
        assert [one.id for one in store.lot_sums(conn, None)] == sorted(known)[:2]
        for lot_id in known:
            assert [one.id for one in store.lot_sums(conn, None, lot_id)] == [lot_id]
        (found,) = store.lot_sums(conn, None, "covishield/CS-2301")
        assert found.holdings == {"AVAILABLE": 1, "CONDEMNED": 1}
        assert (
            store.lot_sums(conn, "F-101", "covishield/CS-2207")
            == store.lot_sums(conn, None, "covishield/cs-2301")
            == []
        )


def test_of_a_lots_many_holdings_the_first_come(seeded: Stage) -> None:
    with seeded.ledger.read() as conn:
        lot_id = "covishield/CS-2301"
        assert [inside.holding for inside, _ in store.of_lot(conn, lot_id, limit=1)] == ["H-1"]
        assert [inside.holding for inside, _ in store.of_lot(conn, lot_id, but="H-1")] == ["H-4"]
        assert [inside.holding for inside, _ in store.of_lot(conn, lot_id, "F-102")] == ["H-4"]


def test_a_lots_holdings_come_with_their_places(seeded: Stage) -> None:
    with seeded.ledger.read() as conn:
        found = store.of_lot(conn, "covishield/CS-2301")
    assert [(inside.holding, place.facility_id) for inside, place in found] == [("H-1", "F-101"), ("H-4", "F-102")]


def test_the_acts_on_a_holding_are_in_order(seeded: Stage) -> None:
    with seeded.ledger.read() as conn:
        acts = store.acts_on(conn, "F-102", "H-58213")
        assert [act.act for act in acts] == ["holding_received", "held"]
        assert acts[1].detail["reason"] == "frozen"
        assert store.acts_on(conn, "F-101", "H-58213") == []


def test_stays_are_cut_to_the_span(seeded: Stage) -> None:
    now = seeded.now_ms
    with seeded.ledger.write() as conn:
        holdings.move_holding(conn, "H-4", "A-102-3", EvidenceKind.TELEMETRY, now - HOUR_MS, now, "s-1")
        spans = store.stay_spans(conn, "A-102-1", now - 2 * HOUR_MS, now)
    assert sorted(spans) == [(now - 2 * HOUR_MS, now - HOUR_MS), (now - 2 * HOUR_MS, now)]
