from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.device_alarms import keep
from alerts.notify.escalate import escalate
from sheetal.ledger import alarms
from tests.alerts.given import at
from tests.alerts.wire import alarm

if TYPE_CHECKING:
    from tests.alerts.given import World


def test_an_alarm_nobody_acknowledges_is_told_once_more_after_a_quarter_of_an_hour(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    assert escalate(world.ledger, at(75)) == 0
    assert escalate(world.ledger, at(76)) == 1
    assert escalate(world.ledger, at(90)) == 0
    assert [one.kind for one in world.notices()] == ["device_alarm_unacknowledged", "device_alarm"]


def test_an_acknowledged_alarm_is_left_alone(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    with world.ledger.write() as conn:
        alarms.acknowledge_alarm(conn, alarm().alarm, "ravi", "power_cut", "moved to the other refrigerator", at(62))
    assert escalate(world.ledger, at(200)) == 0


def test_an_alarm_that_ended_unseen_is_still_told(world: World) -> None:
    keep(world.ledger, alarm(cleared=70), at(71))
    assert escalate(world.ledger, at(100)) == 1
