"""A band from lowest to highest over time, unknown time hatched, as inline SVG without any style (pure)."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from edge_agent.local.view import degrees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.local.days import Rule, Story

WIDTH, HEIGHT = 640, 200
LEFT, BOTTOM = 56, 176
TOP = 8
MARGIN = 100
"""Centi-degrees of air above and below."""
SLOT_WIDTH_MIN = 1.5

_Scale = Callable[[float], float]

_HATCH = (
    '<pattern id="h" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="7" height="7" fill="#eceff1"/><path d="M0 0V7" stroke="#97a4ac" stroke-width="2"/></pattern>'
)


def band(stories: Sequence[Story], rule: Rule, labels: Sequence[str], title: str) -> str:
    """The picture of successive spans; `labels` stand below, evenly spread from left to right."""
    values = [value for story in stories for value in (story.low, story.high) if value is not None]
    low, high = min([*values, rule.low]) - MARGIN, max([*values, rule.high]) + MARGIN
    from_ms, until_ms = stories[0].from_ms, stories[-1].until_ms

    def across(at_ms: float) -> float:
        return LEFT + (WIDTH - LEFT) * (at_ms - from_ms) / (until_ms - from_ms)

    def down(value: float) -> float:
        return TOP + (BOTTOM - TOP) * (high - value) / (high - low)

    gaps = "".join(
        f'<rect x="{across(start):.1f}" y="{TOP}" width="{max(across(end) - across(start), 1):.1f}" '
        f'height="{BOTTOM - TOP}" fill="url(#h)"/>'
        for story in stories
        for start, end in story.gaps
    )
    slots = "".join(_slot(story, place, across, down) for story in stories for place in range(len(story.slots)))
    limits = _limit(rule.high, down, "#c24704", "") + _limit(rule.low, down, "#1747b5", ' stroke-dasharray="7 3"')
    head = f'<svg class="band" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
    return (
        f"{head}<defs>{_HATCH}</defs>"
        f'<rect x="{LEFT}" y="{down(rule.high):.1f}" width="{WIDTH - LEFT}" '
        f'height="{down(rule.low) - down(rule.high):.1f}" fill="#eaf4f0"/>{gaps}'
        f'<g fill="#43545f">{slots}</g>{limits}{_below(labels)}</svg>'
    )


def _slot(story: Story, place: int, across: _Scale, down: _Scale) -> str:
    found = story.slots[place]
    if found is None:
        return ""
    step_ms = (story.until_ms - story.from_ms) / len(story.slots)
    left = across(story.from_ms + place * step_ms)
    width = max(across(story.from_ms + (place + 1) * step_ms) - left, SLOT_WIDTH_MIN)
    top, bottom = down(found[1]), down(found[0])
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{max(bottom - top, 2):.1f}"/>'


def _limit(value: int, down: _Scale, colour: str, dashes: str) -> str:
    at = down(value)
    return (
        f'<path d="M{LEFT} {at:.1f}H{WIDTH}" stroke="{colour}" stroke-width="1.6"{dashes}/>'
        f'<text x="{LEFT - 6}" y="{at + 5:.1f}" text-anchor="end" font-size="14" fill="#43545f">'
        f"{degrees(value)} °C</text>"
    )


def _below(labels: Sequence[str]) -> str:
    step = (WIDTH - LEFT) / max(len(labels) - 1, 1)
    anchors = {0: "start", len(labels) - 1: "end"}
    return "".join(
        f'<text x="{LEFT + step * number:.0f}" y="{HEIGHT - 6}" text-anchor="{anchors.get(number, "middle")}" '
        f'font-size="14" fill="#43545f">{escape(label)}</text>'
        for number, label in enumerate(labels)
    )
