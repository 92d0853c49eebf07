from __future__ import annotations

import re

from edge_agent.local.band import BOTTOM, LEFT, TOP, WIDTH, band
from edge_agent.local.days import Rule, Story, tell
from edge_agent.outbox.history import Told
from tests.edge_agent.kit import MINUTE_MS, T0_MS
from tests.edge_agent.local.kit import well_formed

RULE = Rule(200, 800, 3 * MINUTE_MS)
DAY_MS = 86_400_000


def story(day: int, *values: int) -> Story:
    from_ms = T0_MS + day * DAY_MS
    rows = [Told(from_ms + number * MINUTE_MS, value, 0) for number, value in enumerate(values)]
    return tell(rows, from_ms, from_ms + DAY_MS, RULE)


def bars(svg: str) -> list[tuple[float, float, float, float]]:
    inside = svg.split('<g fill="#43545f">')[1].split("</g>", maxsplit=1)[0]
    found = re.findall(r'x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)"', inside)
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in found]


def test_a_bar_reaches_from_lowest_to_highest() -> None:
    svg = band([story(0, 300, 700)], RULE, ["a", "b"], "t")
    [(_, _, _, height)] = bars(svg)
    assert abs(height - (BOTTOM - TOP) * 400 / 800) < 0.2


def test_one_short_excursion_is_never_averaged_away() -> None:
    svg = band([story(0, *([450] * 200), 1_900, *([450] * 200))], RULE, ["a", "b"], "t")
    top = min(y for _, y, _, _ in bars(svg))
    limit = float(re.findall(r'd="M56 ([\d.]+)H640" stroke="#c24704"', svg)[0])
    assert top < limit


def test_unknown_time_is_hatched_and_carries_no_bar() -> None:
    svg = band([story(0), story(1, 450, 450), story(2)], RULE, ["a", "b"], "t")
    assert len(bars(svg)) == 1
    assert svg.count('fill="url(#h)"') == 3


def test_everything_stays_inside_the_picture() -> None:
    svg = band([story(day, -4_000, 9_000) for day in range(60)], RULE, ["a", "b", "c"], "t")
    for x, y, width, height in bars(svg):
        assert x >= LEFT
        assert x + width <= WIDTH + 1.5
        assert TOP - 0.1 <= y <= y + height <= BOTTOM + 0.1


def test_it_is_text_for_who_cannot_see_and_no_style() -> None:
    svg = band([story(0, 450, 450)], RULE, ["<a>", "b"], 'lowest <4> "5"')
    assert 'role="img"' in svg
    assert "&lt;a&gt;" in svg
    assert "lowest &lt;4&gt;" in svg
    well_formed(svg)


def test_both_limits_are_named_with_their_unit() -> None:
    svg = band([story(0, 450, 450)], Rule(-3_500, -1_500, MINUTE_MS), ["a"], "t")
    assert "\u221215 °C" in svg
    assert "\u221235 °C" in svg
