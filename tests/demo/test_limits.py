from __future__ import annotations

import pytest

from demo.limits import LIMITS
from firmware_sim.kinds import Kind


def test_every_kind_of_the_simulator_has_limits() -> None:
    assert set(LIMITS) == set(Kind)


@pytest.mark.parametrize("kind", list(Kind))
def test_limits_are_ordered_and_sourced(kind: Kind) -> None:
    limits = LIMITS[kind]
    assert limits.centi_celsius_min < limits.centi_celsius_max <= limits.heat_alarm_centi_celsius
    assert limits.heat_alarm_minutes > 0
    assert limits.alarm_source


def test_what_holds_liquid_vaccine_warns_of_freezing_and_a_freezer_does_not() -> None:
    for kind in (Kind.ILR, Kind.WALK_IN_COOLER, Kind.CARRIER):
        assert (LIMITS[kind].freeze_alarm_centi_celsius, LIMITS[kind].freeze_alarm_minutes) == (-50, 60)
        assert (LIMITS[kind].heat_alarm_centi_celsius, LIMITS[kind].heat_alarm_minutes) == (800, 600)
    freezer = LIMITS[Kind.DEEP_FREEZER]
    assert (freezer.freeze_alarm_centi_celsius, freezer.freeze_alarm_minutes) == (None, None)
    assert (freezer.heat_alarm_centi_celsius, freezer.heat_alarm_minutes) == (-1500, 60)
