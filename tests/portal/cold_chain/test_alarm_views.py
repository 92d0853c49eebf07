from __future__ import annotations

from dataclasses import replace

import pytest

from portal.cold_chain.alarm_views import AlarmPage, ToldLine
from portal.cold_chain.rules import Inside, Standing
from portal.cold_chain.views import HoldingLine
from sheetal.contracts.disposition import Disposition
from tests.portal.cold_chain.test_alarm_words import LINE

INSIDE = Inside("H-1", "A-1", "l/1", "l", "1", 10, Disposition.AVAILABLE, 1, 2, 3, None, 4, 0)


@pytest.mark.parametrize(
    ("cleared", "acknowledged", "expected"), [(None, None, True), (5, None, False), (None, 5, False), (5, 6, False)]
)
def test_an_alarm_is_new_while_it_is_active_and_nobody_answers(
    cleared: int | None, acknowledged: int | None, *, expected: bool
) -> None:
    line = replace(LINE, cleared_at_ms=cleared, acknowledged_at_ms=acknowledged)
    assert ToldLine(line, None, None).is_new is expected


def test_stock_is_kept_or_held_by_what_it_is() -> None:
    words = (Disposition.AVAILABLE, Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED)
    stock = [
        HoldingLine(replace(INSIDE, holding=word.value, disposition=word), None, Standing.USABLE, None)
        for word in (*words, Disposition.RELEASED_USE_FIRST)
    ]
    page = AlarmPage(
        alarm=LINE, told=None, mute=None, escalation=None, escalates_to=None, stock=stock, facts={}, names={}
    )
    assert [line.inside.disposition for line in page.usable] == [Disposition.AVAILABLE, Disposition.RELEASED_USE_FIRST]
    assert [line.inside.disposition for line in page.held] == [Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT]
