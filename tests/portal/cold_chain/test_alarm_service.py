from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from portal.cold_chain import alarm_rules, alarm_service
from portal.cold_chain.alarm_views import Told
from portal.errors import FieldProblem
from portal.identity.service import Role, Staff
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused, Unavailable
from sheetal.ledger import alarms, audit, holdings, judgement_writes, ladders, mutes, sensor_faults, stock
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from sheetal.ledger.programme import load_programme
from sheetal.ledger.watch_tables import contact

if TYPE_CHECKING:
    from portal.cold_chain.alarm_views import AlarmPage, CheckPage
    from tests.portal.conftest import Stage

OFFICER = Staff("s-1", "Officer", Role.COLD_CHAIN_OFFICER, "F-101", "en")
HANDLER = Staff("s-2", "Handler", Role.HANDLER, "F-101", "en")
PROGRAMME = load_programme()
INDIA = "Asia/Kolkata"


def alarm_id(stage: Stage, kind: str) -> str:
    with stage.ledger.read() as conn:
        return next(one.id for one in alarms.alarms(conn) if one.kind == kind)


def page(stage: Stage, kind: str, who: Staff = OFFICER, now_ms: int | None = None) -> AlarmPage:
    at_ms = stage.now_ms if now_ms is None else now_ms
    return alarm_service.alarm_page(stage.ledger, stage.telemetry, who, alarm_id(stage, kind), at_ms, 15)


def acknowledge(stage: Stage, kind: str, *, is_holding: bool = False, who: Staff = OFFICER) -> list[str]:
    said = ("power_cut", "generator on")
    number = alarm_id(stage, kind)
    return alarm_service.acknowledge(
        stage.ledger, stage.telemetry, who, number, said, stage.now_ms, is_holding=is_holding
    )


def notify(stage: Stage, kind: str, at_ms: int) -> None:
    key = f"device_alarm/{alarm_id(stage, kind)}"
    with stage.ledger.write() as conn:
        judgement_writes.add_notice(conn, key, "device_alarm", "F-101", {}, at_ms)


def mute(stage: Stage, who: Staff = OFFICER, facility: str = "F-101", **changes: str) -> int:
    times = {"from": stage.now_ms, "until": stage.now_ms + 2 * HOUR_MS}
    fields = {name: alarm_rules.written(ms, INDIA) for name, ms in times.items()}
    fields |= {"appliance": "", "kind": "", "reason": "Defrost"} | changes
    return alarm_service.mute(stage.ledger, who, facility, fields, stage.now_ms)


def disposition(stage: Stage, holding_id: str) -> Disposition:
    with stage.ledger.read() as conn:
        return stock.holding_by_id(conn, holding_id).disposition


def test_the_list_counts_what_is_new_and_what_is_open(seeded: Stage) -> None:
    found = alarm_service.alarm_list(seeded.ledger, OFFICER, seeded.now_ms, "open")
    assert ([line.alarm.kind for line in found.lines], found.new, found.open) == (["freeze", "heat"], 2, 2)
    acknowledge(seeded, "heat")
    found = alarm_service.alarm_list(seeded.ledger, OFFICER, seeded.now_ms, "new")
    assert ([line.alarm.kind for line in found.lines], found.new, found.open) == (["freeze"], 1, 2)
    assert len(alarm_service.alarm_list(seeded.ledger, OFFICER, seeded.now_ms, "all").lines) == 2


def test_an_alarm_that_ended_is_only_in_the_month(seeded: Stage) -> None:
    alarm_service.end(
        seeded.ledger, OFFICER, alarm_id(seeded, "heat"), "lost_contact", "mast", seeded.now_ms, is_probe_faulty=False
    )
    assert alarm_service.alarm_list(seeded.ledger, OFFICER, seeded.now_ms, "open").open == 1
    shown = alarm_service.alarm_list(seeded.ledger, OFFICER, seeded.now_ms, "all").lines
    assert {line.alarm.ended_as for line in shown} == {None, "lost_contact"}
    assert not any(line.is_new and line.alarm.ended_as for line in shown if line.alarm.kind == "heat")
    later = alarm_service.alarm_list(seeded.ledger, OFFICER, seeded.now_ms + 31 * DAY_MS, "open").lines
    assert [line.alarm.kind for line in later] == ["freeze"]


def test_the_list_says_who_was_told_and_what_is_muted(seeded: Stage) -> None:
    notify(seeded, "freeze", seeded.now_ms - 5)
    mute(seeded, facility="F-102")
    found = alarm_service.alarm_list(seeded.ledger, OFFICER, seeded.now_ms, "open")
    freeze, heat = found.lines
    assert (freeze.told, freeze.mute) == (Told(seeded.now_ms - 5, None), None)
    assert heat.told is None
    assert heat.mute is not None
    assert heat.mute.reason == "Defrost"
    assert found.muted_windows == 1
    assert alarm_service.alarm_list(seeded.ledger, HANDLER, seeded.now_ms, "open").muted_windows == 0


def test_a_handler_sees_and_answers_for_the_own_facility_alone(seeded: Stage) -> None:
    found = alarm_service.alarm_list(seeded.ledger, HANDLER, seeded.now_ms, "open")
    assert [line.alarm.kind for line in found.lines] == ["freeze"]
    heat = alarm_id(seeded, "heat")
    with pytest.raises(NotFound):
        page(seeded, "heat", HANDLER)
    with pytest.raises(NotFound):
        acknowledge(seeded, "heat", who=HANDLER)
    with pytest.raises(NotFound):
        alarm_service.assign(seeded.ledger, HANDLER, heat, "x", seeded.now_ms)
    with pytest.raises(NotFound):
        alarm_service.end(seeded.ledger, HANDLER, heat, "lost_contact", "x", seeded.now_ms, is_probe_faulty=False)


def test_a_page_shows_the_stock_inside_and_who_is_told_next(seeded: Stage) -> None:
    notify(seeded, "heat", seeded.now_ms - 5 * MINUTE_MS)
    found = page(seeded, "heat")
    assert sorted(line.inside.holding for line in found.usable) == ["H-4", "H-5"]
    assert found.held == []
    assert found.escalation is not None
    assert (found.escalation.at_ms, found.escalates_to) == (seeded.now_ms + 10 * MINUTE_MS, None)
    with seeded.ledger.write() as conn:
        row = {"name": "District officer", "address_sealed": b"x", "kinds": "urgent", "created_at_ms": 1}
        number = conn.execute(insert(contact).values(**row).returning(contact.c.id)).scalar_one()
        new = ladders.NewStep(facility_id=None, contact_id=number, after_minutes=30)
        ladders.add_step(conn, new, "s-1", "F-101", seeded.now_ms)
    assert page(seeded, "heat").escalates_to == "District officer"
    acknowledge(seeded, "heat")
    assert page(seeded, "heat").escalation is None


def test_an_alarm_nobody_was_told_of_escalates_to_nobody(seeded: Stage) -> None:
    assert page(seeded, "heat").escalation is None


def test_an_acknowledgement_keeps_the_stock_in_use_unless_it_is_held(seeded: Stage) -> None:
    assert acknowledge(seeded, "heat") == []
    assert disposition(seeded, "H-4") is Disposition.AVAILABLE
    assert acknowledge(seeded, "freeze", is_holding=True) == ["H-1", "H-2"]
    assert disposition(seeded, "H-1") is disposition(seeded, "H-2") is Disposition.QUARANTINED


def test_what_was_split_off_is_held_with_its_parent_once(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        part = holdings.Split(
            holding_id="H-44",
            doses=100,
            appliance_id="A-102-1",
            evidence_kind=EvidenceKind.TELEMETRY,
            at_ms=seeded.now_ms,
        )
        holdings.split_holding(conn, "H-4", part, seeded.now_ms, "s-1")
    assert acknowledge(seeded, "heat", is_holding=True) == ["H-4", "H-44", "H-5"]
    assert disposition(seeded, "H-44") is Disposition.QUARANTINED


def test_an_alarm_is_acknowledged_once_and_nothing_is_held_by_the_second(seeded: Stage) -> None:
    acknowledge(seeded, "heat")
    with pytest.raises(Refused):
        acknowledge(seeded, "heat", is_holding=True)
    assert disposition(seeded, "H-4") is Disposition.AVAILABLE
    assert page(seeded, "heat").alarm.acknowledged_by == "s-1"


@pytest.mark.parametrize(("ended_as", "is_faulty"), [("sensor_fault", True), ("lost_contact", False)])
def test_a_probe_is_declared_faulty_with_the_alarm_that_it_made_up(
    seeded: Stage, ended_as: str, *, is_faulty: bool
) -> None:
    number = alarm_id(seeded, "heat")
    alarm_service.end(
        seeded.ledger, OFFICER, number, ended_as, "two thermometers say 4", seeded.now_ms, is_probe_faulty=True
    )
    line = page(seeded, "heat").alarm
    assert (line.ended_as, line.ended_by) == (ended_as, "s-1")
    with seeded.ledger.read() as conn:
        faults = sensor_faults.faults_of(conn, [line.sensor or ""])
    assert [fault.from_ms for fault in faults] == ([line.began_at_ms] if is_faulty else [])


def test_an_alarm_is_given_to_somebody(seeded: Stage) -> None:
    alarm_service.assign(seeded.ledger, OFFICER, alarm_id(seeded, "heat"), "Technician", seeded.now_ms)
    assert page(seeded, "heat").alarm.assigned_to == "Technician"


def test_windows_are_shown_with_their_places_and_ended(seeded: Stage) -> None:
    number = mute(seeded, appliance="A-101-1", kind="heat")
    mute(seeded, facility="F-102")
    shown = alarm_service.mutes_page(seeded.ledger, OFFICER, "F-102", seeded.now_ms)
    assert len(shown.windows) == 2
    assert shown.names["A-101-1"] == "ILR-1"
    assert {place.id for place in shown.appliances} == {"A-102-1", "A-102-2", "A-102-3"}
    assert {place.id for place in shown.facilities} == {"F-101", "F-102"}
    own = alarm_service.mutes_page(seeded.ledger, HANDLER, "", seeded.now_ms)
    assert ([one.id for one in own.windows], [place.id for place in own.facilities]) == ([number], ["F-101"])
    alarm_service.end_mute(seeded.ledger, HANDLER, number, seeded.now_ms + 1)
    with seeded.ledger.read() as conn:
        assert mutes.mute_by_id(conn, number).ended_at_ms == seeded.now_ms + 1


def test_nobody_mutes_another_facility(seeded: Stage) -> None:
    with pytest.raises(NotFound):
        mute(seeded, HANDLER, "F-102")
    number = mute(seeded, facility="F-102")
    with pytest.raises(NotFound):
        alarm_service.end_mute(seeded.ledger, HANDLER, number, seeded.now_ms)
    with pytest.raises(NotFound):
        alarm_service.mutes_page(seeded.ledger, HANDLER, "F-102", seeded.now_ms)
    with pytest.raises(NotFound):
        alarm_service.mutes_page(seeded.ledger, OFFICER, "F-999", seeded.now_ms)


def check_page(stage: Stage, appliance: str = "A-101-2", who: Staff = HANDLER) -> CheckPage:
    return alarm_service.check_page(stage.ledger, stage.readings, who, appliance, PROGRAMME, stage.now_ms)


def test_a_check_is_prepared_with_what_the_sensors_said_since_the_last(seeded: Stage) -> None:
    first = check_page(seeded)
    assert (first.low, first.high, first.since_ms) == (340, 520, seeded.now_ms - DAY_MS)
    assert first.checks == []
    assert first.missed_at_ms is not None
    fields = {"at": alarm_rules.written(seeded.now_ms, INDIA), "now": "4.4", "low": "3.4", "high": "5.2"}
    alarm_service.check(seeded.ledger, HANDLER, "A-101-2", fields | {"initials": "RK"}, seeded.now_ms)
    after = check_page(seeded)
    (kept,) = after.checks
    assert (kept.centi_celsius, kept.centi_celsius_min, kept.centi_celsius_max, kept.initials, kept.actor) == (
        440,
        340,
        520,
        "RK",
        "s-2",
    )
    assert (after.missed_at_ms, after.since_ms) == (None, kept.checked_at_ms)
    with seeded.ledger.read() as conn:
        assert audit.entries(conn, "F-101", 1)[0].act == "manual_check"


def test_an_old_check_leaves_the_last_day_to_be_filled_in(seeded: Stage) -> None:
    old = ManualCheck(
        appliance_id="A-101-2",
        checked_at_ms=seeded.now_ms - 3 * DAY_MS,
        centi_celsius=450,
        centi_celsius_min=None,
        centi_celsius_max=None,
        actor="s-2",
    )
    with seeded.ledger.write() as conn:
        add_manual_check(conn, old, seeded.now_ms)
    assert check_page(seeded).since_ms == seeded.now_ms - DAY_MS


def test_a_check_can_be_written_while_the_readings_are_away(seeded: Stage) -> None:
    class Away:
        def downsample(self, *_: object) -> dict[str, list[object]]:
            raise Unavailable("away")

    found = alarm_service.check_page(
        seeded.ledger,
        Away(),  # type: ignore[arg-type]
        HANDLER,
        "A-101-2",
        PROGRAMME,
        seeded.now_ms,
    )
    assert (found.low, found.high, found.readings_answer) == (None, None, False)


def test_a_check_of_another_facility_or_a_bad_one_is_not_kept(seeded: Stage) -> None:
    for unseen in ("A-102-1", "A-999"):
        with pytest.raises(NotFound):
            check_page(seeded, unseen)
        with pytest.raises(NotFound):
            alarm_service.check(seeded.ledger, HANDLER, unseen, {}, seeded.now_ms)
    fields = {"at": alarm_rules.written(seeded.now_ms, INDIA), "now": "warm", "low": "", "high": "", "initials": "RK"}
    with pytest.raises(FieldProblem):
        alarm_service.check(seeded.ledger, HANDLER, "A-101-2", fields, seeded.now_ms)
    assert check_page(seeded).checks == []
