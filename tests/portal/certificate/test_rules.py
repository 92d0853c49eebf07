from __future__ import annotations

import pytest

from portal.certificate.advisory import Level
from portal.certificate.rules import HAND_OVER_MS, may_hand_over
from portal.certificate.schemas import Certificate
from tests.portal.given_certificates import NOW_MS


@pytest.mark.parametrize(
    ("facility", "later_ms", "allowed"),
    [
        ("F-101", 0, True),
        ("F-101", HAND_OVER_MS - 1, True),
        ("F-101", HAND_OVER_MS, False),
        ("F-101", -1, False),
        ("F-102", 0, False),
    ],
)
def test_only_the_own_facility_on_the_day(facility: str, later_ms: int, *, allowed: bool) -> None:
    given = Certificate("c", "d", "F-101", Level.OK, None, NOW_MS, None, None)
    assert may_hand_over(given, facility, NOW_MS + later_ms) is allowed
