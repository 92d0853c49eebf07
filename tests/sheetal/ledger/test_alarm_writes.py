from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sheetal.ledger import alarm_writes, alarms, assets
from sheetal.ledger import judgement_writes as writes
from sheetal.ledger.alarms import ServerRule
from tests.sheetal.ledger.alarm_rows import FIRED, RAISED
from tests.sheetal.ledger.seeds import ACTOR, APPLIANCE, FACILITY, NOW_MS, REFRIGERATOR, SENSOR

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def raised(ledger: Ledger, new: alarm_writes.Raised = RAISED) -> bool:
    with ledger.write() as conn:
        return alarm_writes.raise_alarm(conn, new, NOW_MS) is not None


def cleared(ledger: Ledger, alarm_id: str = RAISED.id, at_ms: int = NOW_MS + 60) -> bool:
    with ledger.write() as conn:
        return alarm_writes.clear_alarm(conn, alarm_id, at_ms)


def read(ledger: Ledger) -> alarms.Alarm:
    with ledger.read() as conn:
        return alarms.alarm_by_id(conn, RAISED.id)


def test_the_id_says_where_what_and_since_when() -> None:
    assert RAISED.id == f"server/{APPLIANCE}/no_data/{NOW_MS - 1_800_000}"


def test_an_alarm_of_the_server_is_kept_with_what_it_knows(house: Ledger) -> None:
    assert raised(house)
    kept = read(house)
    assert (kept.origin, kept.facility_id, kept.appliance_id, kept.sensor_id) == ("server", FACILITY, APPLIANCE, SENSOR)
    assert (kept.kind, kept.began_at_ms, kept.fired_at_ms, kept.received_at_ms) == (
        "no_data",
        RAISED.began_at_ms,
        NOW_MS,
        NOW_MS,
    )
    assert kept.facts == {"sensors": [SENSOR]}
    assert (kept.gateway_id, kept.extreme_centi_celsius, kept.limit_minutes) == (None, None, None)


def test_figures_are_kept_where_the_rule_has_them(house: Ledger) -> None:
    heat = replace(
        RAISED,
        rule=ServerRule.HEAT,
        facts={},
        extreme_centi_celsius=910,
        limit_centi_celsius=800,
        limit_minutes=600,
    )
    raised(house, heat)
    with house.read() as conn:
        kept = alarms.alarm_by_id(conn, heat.id)
    assert (kept.extreme_centi_celsius, kept.limit_centi_celsius, kept.limit_minutes) == (910, 800, 600)
    assert kept.facts == {}


def test_two_evaluators_raise_it_once(house: Ledger) -> None:
    assert raised(house)
    assert not raised(house)
    with house.read() as conn:
        assert len(alarms.alarms(conn)) == 1


def test_what_comes_back_since_the_same_instant_is_another_alarm(house: Ledger) -> None:
    raised(house)
    cleared(house)
    for later, is_new in ((70, True), (80, False)):
        with house.write() as conn:
            again = alarm_writes.raise_alarm(conn, RAISED, NOW_MS + later)
            assert again == (f"{RAISED.id}/{NOW_MS + 70}" if is_new else None)
    with house.read() as conn:
        assert [one.id for one in alarms.uncleared(conn)] == [f"{RAISED.id}/{NOW_MS + 70}"]


def test_a_neighbour_of_like_name_keeps_nothing_back(house: Ledger) -> None:
    neighbour = replace(RAISED, appliance_id=APPLIANCE.replace("-", "_"))
    with house.write() as conn:
        assets.add_appliance(conn, replace(REFRIGERATOR, id=neighbour.appliance_id), NOW_MS)
    assert raised(house)
    assert raised(house, neighbour)
    cleared(house, neighbour.id)
    assert raised(house, neighbour)


def test_it_is_cleared_once_and_waits_for_its_acknowledgement(house: Ledger) -> None:
    raised(house)
    assert cleared(house)
    assert not cleared(house, at_ms=NOW_MS + 99)
    over = read(house)
    assert (over.cleared_at_ms, over.ended_at_ms) == (NOW_MS + 60, None)


def test_acknowledged_before_it_ends_as_fixed(house: Ledger) -> None:
    raised(house)
    with house.write() as conn:
        alarms.acknowledge_alarm(conn, RAISED.id, ACTOR, "gateway_fault", "router on again", NOW_MS + 5)
    cleared(house)
    over = read(house)
    assert (over.ended_at_ms, over.ended_as, over.ended_by) == (NOW_MS + 60, "fixed", "engine")


def test_every_change_has_a_new_number(house: Ledger) -> None:
    raised(house)
    before = read(house).change
    cleared(house)
    assert read(house).change > before


def test_a_gateways_alarm_is_not_the_servers_to_clear(house: Ledger) -> None:
    with house.write() as conn:
        writes.put_alarm(conn, FIRED, APPLIANCE, NOW_MS)
    assert not cleared(house, FIRED.alarm)
    with house.read() as conn:
        assert alarms.alarm_by_id(conn, FIRED.alarm).cleared_at_ms is None
