from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.cold_chain import chart, service
from portal.cold_chain.rules import State, Trouble
from portal.cold_chain.snapshot import Snapshots
from portal.identity.service import Role, Staff
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, stock, telemetry_writes
from sheetal.ledger.telemetry_tables import dead_letter_dropped

if TYPE_CHECKING:
    from portal.cold_chain.views import HoldingPage, Overview
    from tests.portal.conftest import Stage

OFFICER = Staff("s-1", "Officer", Role.COLD_CHAIN_OFFICER, "F-101", "en")
HANDLER = Staff("s-2", "Handler", Role.HANDLER, "F-101", "en")


def overview(stage: Stage, who: Staff = OFFICER, only: str = "") -> Overview:
    return service.overview(stage.ledger, stage.telemetry, Snapshots(), who, stage.now_ms, only)


def holding_page(stage: Stage, holding: str, who: Staff = OFFICER) -> HoldingPage:
    return service.holding_page(stage.ledger, stage.telemetry, who, holding, stage.now_ms)


def test_the_overview_leads_with_the_worst(seeded: Stage) -> None:
    seen = overview(seeded)
    assert [row.key for row in seen.rows] == ["held-H-58213", "nodata-A-102-2", "freeze-A-101-1", "warm-A-102-1"]
    assert seen.rows_total == 4
    assert (seen.counts.in_range, seen.counts.warm, seen.counts.freezing, seen.counts.no_data) == (2, 1, 1, 1)
    assert seen.rows[2].move_to == "ILR-2"
    assert seen.newest_ms == seeded.now_ms - 38_000


def test_the_overview_may_show_one_trouble_and_still_count_all(seeded: Stage) -> None:
    seen = overview(seeded, only="freeze")
    assert [row.trouble for row in seen.rows] == [Trouble.FREEZING]
    assert seen.counts.appliances == 5


def test_a_handler_sees_the_own_facility(seeded: Stage) -> None:
    seen = overview(seeded, HANDLER)
    assert {row.appliance.place.facility_id for row in seen.rows} == {"F-101"}
    assert [district.name for district in seen.districts] == ["North"]
    assert service.open_alarm_count(seeded.ledger, HANDLER) == 1
    assert service.open_alarm_count(seeded.ledger, OFFICER) == 2


def test_others_records_do_not_exist_for_a_handler(seeded: Stage) -> None:
    stores = (seeded.ledger, seeded.telemetry)
    with pytest.raises(NotFound):
        service.appliance_page(*stores, seeded.readings, HANDLER, "A-102-1", seeded.now_ms)
    with pytest.raises(NotFound):
        service.chart_of(seeded.ledger, seeded.readings, HANDLER, "A-102-1", chart.SPANS["24h"], None, seeded.now_ms)
    with pytest.raises(NotFound):
        holding_page(seeded, "H-4", HANDLER)
    with pytest.raises(NotFound):
        service.quarantine(seeded.ledger, HANDLER, "H-4", "seen frozen", seeded.now_ms)
    with pytest.raises(NotFound):
        service.lot_page(*stores, HANDLER, "covishield/CS-2207", seeded.now_ms)


def test_an_appliance_page_has_its_figures(seeded: Stage) -> None:
    page = service.appliance_page(seeded.ledger, seeded.telemetry, seeded.readings, OFFICER, "A-102-1", seeded.now_ms)
    assert page.state is State.WARM
    assert page.row is not None
    assert page.row.limit is not None
    assert page.row.limit.minutes_used == 104
    assert page.row.move_to == "ILR-3"
    assert page.since_ms == seeded.now_ms - 104 * 60_000 - 38_000
    assert [line.inside.holding for line in page.holdings] == ["H-5", "H-4"]
    assert page.readings_answer
    assert [alarm.kind for alarm in page.alarms] == ["heat"]


def test_an_appliance_in_range_has_nothing_to_do(seeded: Stage) -> None:
    page = service.appliance_page(seeded.ledger, seeded.telemetry, seeded.readings, OFFICER, "A-101-2", seeded.now_ms)
    assert page.state is State.IN_RANGE
    assert page.row is None


@pytest.mark.parametrize("span", ["24h", "7d", "30d"])
def test_a_chart_tells_gap_and_runs_at_every_width(seeded: Stage, span: str) -> None:
    found = service.chart_of(seeded.ledger, seeded.readings, OFFICER, "A-102-1", chart.SPANS[span], None, seeded.now_ms)
    assert any(gap.until_ms - gap.from_ms == 77 * 60_000 for gap in found.drawn.gaps)
    hot = [run for run in found.drawn.runs if run.side.value == "hot"]
    assert [run.open for run in hot] == [False, True]
    assert found.drawn.points
    assert found.watched.centi_celsius_max == 800


def test_a_chart_shows_how_many_holdings_stood_inside(seeded: Stage) -> None:
    found = service.chart_of(seeded.ledger, seeded.readings, OFFICER, "A-102-1", chart.SPANS["7d"], None, seeded.now_ms)
    assert [count for _, _, count in found.stays] == [0, 2]
    assert found.stays[-1][1] == seeded.now_ms


def test_a_chart_of_another_appliances_sensor_is_not_found(seeded: Stage) -> None:
    with pytest.raises(NotFound):
        service.chart_of(
            seeded.ledger, seeded.readings, OFFICER, "A-102-1", chart.SPANS["24h"], "gw-01.a-101-1-tvc", seeded.now_ms
        )


def test_a_held_holding_shows_verdict_history_and_closed_gate(seeded: Stage) -> None:
    page = holding_page(seeded, "H-58213")
    assert page.refusal == "held"
    assert page.verdict is not None
    assert page.verdict.verdict.reached[0].minutes_confirmed == 74
    assert page.judged_by is not None
    assert page.compromised_from_ms is not None
    assert page.compromised_from_ms < page.verdict.verdict.reached[0].run.first_ms  # type: ignore[union-attr]  # a run rule has a run
    assert [event.act for event in page.events] == ["holding_received", "held"]


def test_the_same_lot_elsewhere_is_shown_as_far_as_one_may_see(seeded: Stage) -> None:
    assert [line.inside.holding for line in holding_page(seeded, "H-1").elsewhere] == ["H-4"]
    assert holding_page(seeded, "H-1", HANDLER).elsewhere == []


def test_quarantine_closes_the_gate_and_names_the_person(seeded: Stage) -> None:
    who = seeded.add_person(Role.HANDLER)
    service.quarantine(seeded.ledger, who, "H-3", "  vial found frozen ", seeded.now_ms)
    page = holding_page(seeded, "H-3")
    assert page.holding.disposition is Disposition.QUARANTINED
    assert page.refusal == "held"
    assert (page.events[-1].act, page.events[-1].actor_name) == ("held", who.display_name)
    assert page.events[-1].detail["reason"] == "vial found frozen"
    with seeded.ledger.read() as conn:
        assert audit.verify_chain(conn, "F-101").broken_at is None


def test_what_is_held_is_not_held_again(seeded: Stage) -> None:
    with pytest.raises(Refused) as caught:
        service.quarantine(seeded.ledger, OFFICER, "H-58213", "again", seeded.now_ms)
    assert caught.value.facts["reason"] == "not_usable"
    with seeded.ledger.read() as conn:
        assert stock.holding_by_id(conn, "H-58213").disposition is Disposition.QUARANTINED


def test_lots_are_sums_and_open_into_holdings(seeded: Stage) -> None:
    lines = service.lot_lines(seeded.ledger, seeded.telemetry, OFFICER, seeded.now_ms)
    assert sum(line.doses for line in lines) == 47_750
    line, inside = service.lot_page(seeded.ledger, seeded.telemetry, OFFICER, "covishield/CS-2301", seeded.now_ms)
    assert line.holdings == len(inside) == 2


def test_refused_messages_are_listed(seeded: Stage) -> None:
    with seeded.telemetry.write() as conn:
        letter = telemetry_writes.DeadLetterRow("gw-01", "cc/v1/gw-01/data", b"{", "bad_json", "not an envelope")
        telemetry_writes.add_dead_letters(conn, [letter], seeded.now_ms)
        gone = {"gateway_id": "gw-02", "reason": "wrong_mac", "dropped": 7, "last_at_ms": seeded.now_ms}
        conn.execute(dead_letter_dropped.insert().values(**gone))
    letters, dropped = service.dead_letters(seeded.telemetry)
    assert [one.reason for one in letters] == ["bad_json"]
    assert dropped == [("gw-02", "wrong_mac", 7, seeded.now_ms)]
