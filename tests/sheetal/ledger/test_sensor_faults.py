from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, audit, rejudge
from sheetal.ledger.sensor_faults import declare_sensor_fault, end_sensor_fault, faults_of
from tests.sheetal.ledger.seeds import APPLIANCE, FACILITY, NOW_MS, OTHER_APPLIANCE, OTHER_FACILITY, SENSOR

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


@pytest.fixture
def hung(house: Ledger) -> Ledger:
    """The sensor hung in A-1 for an hour, and hangs in A-9, elsewhere, since."""
    with house.write() as conn:
        assets.assign_sensor(conn, SENSOR, APPLIANCE, "coldest", NOW_MS - 5 * HOUR_MS, NOW_MS)
        assets.assign_sensor(conn, SENSOR, OTHER_APPLIANCE, "coldest", NOW_MS - 4 * HOUR_MS, NOW_MS)
        rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 100)])
    return house


def declare(ledger: Ledger, begun: int, ended: int | None, sensor: str = SENSOR, reason: str = "it sat in ice") -> int:
    until_ms = None if ended is None else NOW_MS + ended * HOUR_MS
    with ledger.write() as conn:
        return declare_sensor_fault(conn, sensor, NOW_MS + begun * HOUR_MS, until_ms, reason, "dr-asha", NOW_MS)


def marks(ledger: Ledger) -> list[tuple[str | None, int]]:
    with ledger.read() as conn:
        return [(mark.appliance_id, (mark.from_ms - NOW_MS) // HOUR_MS) for mark in rejudge.pending(conn, 100)]


def acts(ledger: Ledger, facility_id: str) -> list[tuple[str, str]]:
    with ledger.read() as conn:
        return [(entry.act, entry.subject) for entry in audit.entries(conn, facility_id, 10)]


def test_a_fault_has_every_place_judged_again_that_the_sensor_spoke_for_then(hung: Ledger) -> None:
    number = declare(hung, -10, None)
    assert marks(hung) == [(APPLIANCE, -5), (OTHER_APPLIANCE, -4)]
    with hung.read() as conn:
        (fault,) = faults_of(conn, [SENSOR, "gw-01.none"])
    assert (fault.id, fault.until_ms, fault.reason, fault.actor) == (number, None, "it sat in ice", "dr-asha")
    for place in (FACILITY, OTHER_FACILITY):
        assert acts(hung, place) == [("sensor_fault_declared", SENSOR)]


def test_a_fault_of_the_past_touches_the_places_of_its_time_alone(hung: Ledger) -> None:
    declare(hung, -3, -1)
    assert marks(hung) == [(OTHER_APPLIANCE, -3)]


def test_a_repaired_sensor_is_believed_again(hung: Ledger) -> None:
    number = declare(hung, -3, None)
    with hung.write() as conn:
        assert end_sensor_fault(conn, SENSOR, NOW_MS - HOUR_MS, "dr-asha", NOW_MS) == number
        (fault,) = faults_of(conn, [SENSOR])
    assert fault.until_ms == NOW_MS - HOUR_MS
    assert marks(hung) == [(OTHER_APPLIANCE, -3), (OTHER_APPLIANCE, -1)]
    assert acts(hung, FACILITY)[0][0] == "sensor_fault_ended"
    with hung.write() as conn, pytest.raises(Refused) as caught:
        end_sensor_fault(conn, SENSOR, NOW_MS, "dr-asha", NOW_MS)
    assert caught.value.facts["reason"] == "no_fault"
    with hung.write() as conn, pytest.raises(Refused) as caught:
        end_sensor_fault(conn, SENSOR, NOW_MS + 1, "dr-asha", NOW_MS)
    assert caught.value.facts["reason"] == "future"


@pytest.mark.parametrize(
    ("begun", "ended", "reason", "refused"),
    [
        (-1, None, " ", "no_reason"),
        (1, None, "why", "future"),
        (-1, 1, "why", "future"),
        (-1, -1, "why", "empty"),
        (-1, -2, "why", "empty"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(
    hung: Ledger,
    begun: int,
    ended: int | None,
    reason: str,
    refused: str,
) -> None:
    with pytest.raises(Refused) as caught:
        declare(hung, begun, ended, reason=reason)
    assert caught.value.facts["reason"] == refused
    assert marks(hung) == []


@pytest.mark.parametrize(
    ("begun", "ended", "is_free"), [(-4, -3, True), (-2, None, True), (-4, None, False), (-3, -2, False)]
)
def test_one_time_has_one_fault(hung: Ledger, begun: int, ended: int | None, is_free: bool) -> None:  # noqa: FBT001
    declare(hung, -3, -2)
    if is_free:
        declare(hung, begun, ended)
        return
    with pytest.raises(Refused) as caught:
        declare(hung, begun, ended)
    assert caught.value.facts["reason"] == "overlap"


def test_a_sensor_that_spoke_for_no_appliance_leaves_its_trace_with_its_gateway(house: Ledger) -> None:
    declare(house, -1, None)
    assert marks(house) == []
    assert acts(house, FACILITY)[0] == ("sensor_fault_declared", SENSOR)


def test_an_unknown_sensor_is_said(house: Ledger) -> None:
    with pytest.raises(NotFound):
        declare(house, -1, None, sensor="gw-01.none")
