from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, update

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import DAY_MS, Side
from sheetal.ledger import alarms
from sheetal.ledger import judgement_writes as writes
from sheetal.ledger import judgements as reads
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.judgement_tables import gateway_state, notice
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.alarm_rows import CLEARED, FIRED, changed
from tests.sheetal.ledger.seeds import FACILITY, GATEWAY, NOW_MS

if TYPE_CHECKING:
    from sheetal.contracts.device_alarm import DeviceAlarm
    from sheetal.ledger.connect import Ledger

JUDGED = reads.ApplianceJudgement(appliance_id="A-1", judged_through_ms=100, known_through_ms=90, state="in_range")
ONLINE = reads.GatewayState(
    gateway_id=GATEWAY,
    session=5,
    online=True,
    boot=None,
    software=None,
    clock_source=None,
    changed_at_ms=NOW_MS,
)
BORN = replace(ONLINE, boot=7, software="0.1", clock_source="ntp")
WILL = replace(ONLINE, online=False)


def put(ledger: Ledger, *said: DeviceAlarm) -> alarms.Alarm:
    for one in said:
        with ledger.write() as conn:
            assert writes.put_alarm(conn, one, "A-1", NOW_MS)
    with ledger.read() as conn:
        return alarms.alarm_by_id(conn, FIRED.alarm)


def state(ledger: Ledger, *said: reads.GatewayState) -> reads.GatewayState:
    for one in said:
        with ledger.write() as conn:
            writes.put_gateway_state(conn, one)
    with ledger.read() as conn:
        return reads.gateway_states(conn)[GATEWAY]


def test_what_some_gateways_said_is_read_without_the_others(house: Ledger) -> None:
    found = state(house, BORN)
    with house.read() as conn:
        assert reads.gateway_states(conn, [GATEWAY, "gw-other"]) == {GATEWAY: found}
        assert reads.gateway_states(conn, ["gw-other"]) == reads.gateway_states(conn, []) == {}


def test_a_judgement_moves_forward(house: Ledger) -> None:
    with house.write() as conn:
        writes.put_appliance_judgement(conn, JUDGED)
        later = replace(JUDGED, judged_through_ms=200, known_through_ms=None, state="no_data")
        writes.put_appliance_judgement(conn, later)
        writes.put_appliance_judgement(conn, replace(JUDGED, judged_through_ms=150))
        assert reads.appliance_judgements(conn) == {"A-1": later}


@pytest.mark.parametrize(("ahead_ms", "gives_way"), [(1, False), (60_000, False), (60_001, True), (DAY_MS, True)])
def test_a_judgement_of_a_clock_that_ran_ahead_gives_way(house: Ledger, ahead_ms: int, *, gives_way: bool) -> None:
    faulty = replace(JUDGED, judged_through_ms=NOW_MS + ahead_ms, known_through_ms=NOW_MS + ahead_ms)
    corrected = replace(JUDGED, judged_through_ms=NOW_MS, known_through_ms=NOW_MS)
    with house.write() as conn:
        writes.put_appliance_judgement(conn, faulty)
        writes.put_appliance_judgement(conn, corrected)
        assert reads.appliance_judgements(conn) == {"A-1": corrected if gives_way else faulty}


def test_an_alarm_is_kept_with_all_it_says(house: Ledger) -> None:
    kept = put(house, FIRED)
    assert (kept.gateway_id, kept.sensor_id, kept.appliance_id) == (GATEWAY, seeds.SENSOR, "A-1")
    assert (kept.kind, kept.cleared_at_ms, kept.received_at_ms, kept.change) == ("freeze", None, NOW_MS, 1)
    assert (kept.extreme_centi_celsius, kept.limit_centi_celsius, kept.limit_minutes) == (-120, -50, 60)


def test_an_alarm_said_again_changes_nothing(house: Ledger) -> None:
    assert put(house, FIRED) == put(house, FIRED)


def test_an_alarm_is_cleared_once_and_stays_cleared(house: Ledger) -> None:
    assert put(house, FIRED, CLEARED).cleared_at_ms == CLEARED.cleared_at_ms
    assert put(house, FIRED).cleared_at_ms == CLEARED.cleared_at_ms
    assert put(house, changed(CLEARED, cleared_at_ms=NOW_MS + 9)).cleared_at_ms == CLEARED.cleared_at_ms


def test_a_clearing_that_arrives_first_is_enough(house: Ledger) -> None:
    assert put(house, CLEARED, FIRED).cleared_at_ms == CLEARED.cleared_at_ms


@pytest.mark.parametrize(
    ("kind", "before", "offered", "kept"),
    [
        (AlarmKind.FREEZE, -100, -150, -150),
        (AlarmKind.FREEZE, -100, -90, -100),
        (AlarmKind.HEAT, 900, 1_000, 1_000),
        (AlarmKind.HEAT, 900, 850, 900),
    ],
)
def test_the_worst_extreme_is_kept(house: Ledger, kind: AlarmKind, before: int, offered: int, kept: int) -> None:
    first = changed(FIRED, kind=kind, extreme_centi_celsius=before)
    assert put(house, first, changed(first, extreme_centi_celsius=offered)).extreme_centi_celsius == kept


def test_a_clearing_never_softens_the_extreme(house: Ledger) -> None:
    cleared = put(house, FIRED, changed(CLEARED, extreme_centi_celsius=-60))
    assert (cleared.cleared_at_ms, cleared.extreme_centi_celsius) == (CLEARED.cleared_at_ms, -120)


def test_a_change_of_an_alarm_has_a_new_number(house: Ledger) -> None:
    assert put(house, FIRED).change < put(house, CLEARED).change


def test_an_alarm_of_an_unknown_gateway_is_not_kept(house: Ledger) -> None:
    with house.write() as conn:
        assert not writes.put_alarm(conn, changed(FIRED, gateway="gw-99"), None, NOW_MS)
        assert alarms.alarms(conn) == []


def test_a_notice_is_kept_once(house: Ledger) -> None:
    with house.write() as conn:
        assert writes.add_notice(conn, "freeze/H-1", "freeze", FACILITY, {"b": 1, "a": "x"}, NOW_MS)
        assert not writes.add_notice(conn, "freeze/H-1", "freeze", FACILITY, {}, NOW_MS + 1)
        (kept,) = reads.notices(conn)
        assert conn.execute(select(notice.c.facts)).scalar_one() == '{"a":"x","b":1}'
    assert (kept.facts, kept.attempts, kept.created_at_ms) == ({"a": "x", "b": 1}, 0, NOW_MS)


@pytest.mark.parametrize("order", list(permutations([ONLINE, BORN, WILL])))
def test_a_session_ends_the_same_in_any_order(house: Ledger, order: tuple[reads.GatewayState, ...]) -> None:
    assert state(house, *order) == replace(BORN, online=False)


def test_a_late_will_cannot_take_a_reconnected_gateway_down(house: Ledger) -> None:
    again = replace(ONLINE, session=6, changed_at_ms=NOW_MS + 5)
    assert state(house, BORN, again, WILL) == replace(BORN, session=6, changed_at_ms=NOW_MS + 5)


def test_a_new_session_brings_the_gateway_back(house: Ledger) -> None:
    assert state(house, WILL, replace(ONLINE, session=6)).online


def test_sessions_begin_anew_with_an_enrolment(house: Ledger) -> None:
    assert state(house, replace(BORN, session=900)).session == 900
    with house.write() as conn:
        conn.execute(update(gateway).where(gateway.c.id == GATEWAY).values(enrolled_at_ms=NOW_MS + 10))
    first = replace(BORN, session=3, boot=1, changed_at_ms=NOW_MS + 20)
    assert state(house, first) == first
    assert state(house, replace(ONLINE, session=2, online=False, changed_at_ms=NOW_MS + 30)) == first


def test_an_unknown_gateway_has_no_state(house: Ledger) -> None:
    with house.write() as conn:
        assert not writes.put_gateway_state(conn, replace(ONLINE, gateway_id="gw-99"))
        assert writes.put_gateway_state(conn, ONLINE)
        conn.execute(delete(gateway_state))


def test_compromises_stated_together_stand_in_their_order(stocked: Ledger) -> None:
    with stocked.write() as conn:
        number = writes.append_verdict(conn, seeds.verdict(), NOW_MS)
        writes.add_compromises(conn, [], NOW_MS)
        pairs = [(Side.HOT, NOW_MS - 1), (Side.COLD, NOW_MS - 9)]
        writes.add_compromises(conn, [writes.NewCompromise("H-1", number, *pair) for pair in pairs], NOW_MS)
    with stocked.read() as conn:
        found = [(one.verdict_id, one.side, one.compromised_from_ms) for one in reads.compromises(conn)]
    assert found == [(number, "hot", NOW_MS - 1), (number, "cold", NOW_MS - 9)]


def test_judged_instants_put_together_are_each_guarded(stocked: Ledger) -> None:
    later, older = replace(JUDGED, judged_through_ms=NOW_MS), replace(JUDGED, judged_through_ms=NOW_MS - 5)
    with stocked.write() as conn:
        writes.put_appliance_judgements(conn, [later])
        writes.put_appliance_judgements(conn, [older, replace(JUDGED, appliance_id="A-2")])
        writes.put_appliance_judgements(conn, [])
    with stocked.read() as conn:
        found = reads.appliance_judgements(conn)
    assert (found["A-1"].judged_through_ms, found["A-2"].judged_through_ms) == (NOW_MS, 100)
