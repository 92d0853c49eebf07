from __future__ import annotations

from datetime import date, timedelta

import pytest

from edge_agent.local.days import Story, bounds, tell
from edge_agent.local.log_desk import rule_of
from edge_agent.local.log_view import (
    PROBES_LISTED_MAX,
    LogSpeech,
    Readings,
    Sheet,
    day_page,
    log_page,
    missing_page,
)
from edge_agent.local.log_words import LOG_WORDS
from edge_agent.local.record import Entry
from edge_agent.local.words import WORDS
from edge_agent.outbox.history import Told
from tests.edge_agent.kit import MINUTE_MS
from tests.edge_agent.local.kit import ILR, INDIA, probe, setting, well_formed

DAY = date(2026, 9, 21)
FROM_MS, UNTIL_MS = bounds(DAY, INDIA)
RULE = rule_of(ILR)
EN, HI = (LogSpeech(WORDS[name], LOG_WORDS[name], INDIA) for name in ("en", "hi"))


def sheet(*others: str) -> Sheet:
    first = probe(450)
    return Sheet(first, [first, *(probe(450, setting(name)) for name in others)], RULE)


def story(*values: int | None, day: date = DAY) -> Story:
    from_ms, until_ms = bounds(day, INDIA)
    rows = [
        Told(from_ms + number * MINUTE_MS, value, 0 if value is not None else 1) for number, value in enumerate(values)
    ]
    return tell(rows, from_ms, until_ms, RULE)


def test_a_row_a_day_the_newest_first() -> None:
    days = [(DAY - timedelta(days=1), story(450, 450, day=DAY - timedelta(days=1))), (DAY, story(300, 900, 900))]
    told = log_page(EN, sheet(), days, [], (9, 16))
    assert told.index(">2026-09-21</a>") < told.index(">2026-09-20</a>")
    assert '<td class="num">3.0</td><td class="num">9.0</td>' in told
    assert "Outside limits" in told
    assert "23 h 58 min" in told


def test_a_mean_never_stands_without_its_extremes() -> None:
    told = log_page(EN, sheet(), [(DAY, story(300, 900, 900))], [], (9, 16))
    heads = [one for one in ("Low", "High", "Mean") if f">{one}<" in told]
    assert heads == ["Low", "High", "Mean"]


def test_the_record_says_what_was_changed() -> None:
    entries = [
        Entry(FROM_MS, FROM_MS + 9 * 3_600_000, 310, 790, 0, 540, FROM_MS + 9 * 3_600_000 + 300_000),
        Entry(FROM_MS, UNTIL_MS, 310, 960, 61_000, 540, UNTIL_MS, UNTIL_MS + 60_000, 310, 790),
    ]
    told = log_page(EN, sheet(), [(DAY, story(450))], entries, (9, 16))
    for fact in ("Record at 9 and 16 o’clock", "3.1 / 7.9", "recorded 2026-09-21 09:05", "3.1 / 9.6"):
        assert fact in told
    assert "changed 2026-09-22 00:01 by late readings, first 3.1 / 7.9" in told


def test_a_period_without_readings_has_a_dash() -> None:
    told = log_page(EN, sheet(), [(DAY, story(450))], [Entry(FROM_MS, UNTIL_MS, None, None, 5, 0, UNTIL_MS)], (9, 16))
    assert "— / —" in told


def test_each_probe_is_a_link_and_the_list_is_bounded() -> None:
    told = log_page(EN, sheet(*(f"p{number}" for number in range(100))), [(DAY, story(450))], [], (9, 16))
    assert told.count('<li><a href="/gw/log?') == PROBES_LISTED_MAX
    assert told.count("aria-current=page") == 1


def test_a_day_page_lists_gaps_and_what_is_left() -> None:
    values = [450 if number % 4 < 2 else None for number in range(200)]
    told = day_page(EN, sheet(), DAY, story(*values), Readings([], 1, 1))
    assert "Unknown time" in told
    assert "shorter ones" in told


@pytest.mark.parametrize(("page", "links"), [(1, ["Later"]), (2, ["Earlier", "Later"]), (3, ["Earlier"])])
def test_pages_lead_on(page: int, links: list[str]) -> None:
    rows = [Told(FROM_MS, 450, 0), Told(FROM_MS + 1, None, 9)]
    told = day_page(EN, sheet(), DAY, story(450), Readings(rows, page, 3))
    assert [link for link in ("Earlier", "Later") if f">{link}</a>" in told] == links
    assert "<td>9</td>" in told


@pytest.mark.parametrize("speech", [EN, HI])
def test_the_pages_are_in_order(speech: LogSpeech) -> None:
    odd = Sheet(probe(450, setting("p", "<script>")), [probe(450, setting("p", "<script>"))], RULE)
    for told in (
        log_page(speech, odd, [(DAY, story(450, 450))], [], (9, 16)),
        log_page(speech, odd, [(DAY, story())], [], (9, 16)),
        day_page(speech, odd, DAY, story(None, 450), Readings([], 1, 1)),
        missing_page(speech),
    ):
        well_formed(told)
        assert "<script>" not in told
