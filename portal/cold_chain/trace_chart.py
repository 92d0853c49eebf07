"""The chart of a verdict, drawn on the server as plain SVG geometry: trace, limit, run, gaps, the instant of the limit.

A breach is never averaged away: where readings are denser than the picture, each column keeps its lowest and highest
one. A gap is a hatch and no line crosses it. Pure; the template says which colour and word each part has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.thermal.runs import Gap, Sample

PAD_MS_MIN = 25 * MINUTE_MS
PAD_MS_MAX = 12 * HOUR_MS
PAD_SHARE = 3
QUIET_MS = DAY_MS
COLUMN_WIDTH = 2
BAR_ROOM, BAR_LEAST = 0.15, 2
DEGREE = 100
INDIA_MS = 330 * MINUTE_MS
TIME_STEPS_MS = tuple(
    minutes * MINUTE_MS for minutes in (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 5760, 10080, 20160, 43200)
)
DEGREE_STEPS = (100, 200, 500, 1000, 2000, 5000)
DEGREE_MARKS_MAX = 6
LABEL_CHARACTER_WIDTH = 6


class Frame(NamedTuple):
    """A picture's size in its own units, the margins around the plot, and how many times fit below it."""

    name: str
    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    times_max: int


WIDE = Frame("wide", 760, 190, 44, 12, 34, 26, 7)
NARROW = Frame("narrow", 340, 216, 38, 8, 36, 26, 4)
FRAMES = (WIDE, NARROW)


@dataclass(frozen=True)
class Seen:
    """What is to be drawn: one sensor's samples in [from_ms, until_ms), and what the verdict says of them.

    `run` is first and last instant beyond the limit, `reached_ms` when the rule's minutes were over. `days` are times
    of which only the extremes are known: from, until, lowest, highest.
    """

    sensor: str
    from_ms: int
    until_ms: int
    samples: Sequence[Sample]
    cap_ms: int
    gaps: Sequence[Gap]
    side: Side | None = None
    limit_centi_celsius: int | None = None
    run: tuple[int, int] | None = None
    reached_ms: int | None = None
    band: tuple[int | None, int | None] = (None, None)
    days: Sequence[tuple[int, int, int, int]] = ()


class Bar(NamedTuple):
    """A time's extremes as an upright bar."""

    left: float
    width: float
    top: float
    height: float


class Mark(NamedTuple):
    """A place on an axis; `value` is centi-degrees or epoch ms."""

    at: float
    value: int


class Block(NamedTuple):
    """A stretch from left to right (or top to bottom); `value` is a gap's length in ms, else 0."""

    at: float
    size: float
    value: int = 0


class Bracket(NamedTuple):
    """The run above the plot: its ends, and where its words stand by which edge of theirs."""

    left: float
    right: float
    text_at: float
    anchor: str


@dataclass(frozen=True)
class Picture:
    """Everything a template needs to draw one frame."""

    frame: Frame
    lines: list[str]
    degrees: list[Mark]
    times: list[Mark]
    gaps: list[Block] = field(default_factory=list)
    band: Block | None = None
    wash: Block | None = None
    limit: Mark | None = None
    bracket: Bracket | None = None
    reached: Mark | None = None
    bars: list[Bar] = field(default_factory=list)

    @property
    def plot(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the plot."""
        frame = self.frame
        return frame.left, frame.top, frame.width - frame.right, frame.height - frame.bottom


def window(run: tuple[int, int] | None, known_through_ms: int, from_ms: int) -> tuple[int, int]:
    """What a chart shows: a run with a margin of a third of it, else the last day known; from the stay's beginning."""
    if run is None:
        return max(from_ms, known_through_ms - QUIET_MS), known_through_ms + 1
    first_ms, last_ms = run
    pad_ms = min(max((last_ms - first_ms) // PAD_SHARE, PAD_MS_MIN), PAD_MS_MAX)
    return first_ms - pad_ms, last_ms + pad_ms


def picture(seen: Seen, frame: Frame = WIDE) -> Picture:
    """The geometry of one frame; a window without samples still has its axes and its gap."""
    scale, limit = _Scale(seen, frame), seen.limit_centi_celsius
    there = [gap for gap in seen.gaps if gap.from_ms < seen.until_ms and gap.until_ms > seen.from_ms]
    return Picture(
        frame=frame,
        lines=[_points(scale, part, frame) for part in _parts(seen)],
        degrees=[Mark(scale.y(value), value) for value in scale.degree_marks()],
        times=[Mark(scale.x(ms), ms) for ms in _time_marks(seen, frame)],
        gaps=[_gap(scale, gap, seen) for gap in there],
        band=_band(scale, seen),
        wash=_wash(scale, seen),
        limit=None if limit is None else Mark(scale.y(limit), limit),
        bracket=None if seen.run is None else _bracket(scale, seen.run, frame),
        reached=None if seen.reached_ms is None else Mark(scale.x(seen.reached_ms), seen.reached_ms),
        bars=[_bar(scale, day) for day in seen.days],
    )


class _Scale:
    """From instants and temperatures to places in a frame, rounded to a tenth."""

    def __init__(self, seen: Seen, frame: Frame) -> None:
        self._seen, self._frame = seen, frame
        values = [value for _, value in seen.samples] + [value for day in seen.days for value in day[2:]]
        near = [one for one in (seen.limit_centi_celsius, *_near_band(seen)) if one is not None]
        low, high = min([*values, *near], default=200), max([*values, *near], default=800)
        room = max((high - low) // 8, 40)
        self.low, self.high = low - room, high + room

    def x(self, ms: int) -> float:
        frame, seen = self._frame, self._seen
        inside = min(max(ms, seen.from_ms), seen.until_ms)
        wide = frame.width - frame.left - frame.right
        return round(frame.left + wide * (inside - seen.from_ms) / max(seen.until_ms - seen.from_ms, 1), 1)

    def y(self, centi_celsius: int) -> float:
        frame = self._frame
        inside = min(max(centi_celsius, self.low), self.high)
        tall = frame.height - frame.top - frame.bottom
        return round(frame.top + tall * (self.high - inside) / (self.high - self.low), 1)

    def degree_marks(self) -> list[int]:
        """Round temperatures, at most `DEGREE_MARKS_MAX` of them."""
        step = next((one for one in DEGREE_STEPS if (self.high - self.low) // one < DEGREE_MARKS_MAX), DEGREE_STEPS[-1])
        return list(range(-(-self.low // step) * step, self.high + 1, step))


def _near_band(seen: Seen) -> list[int | None]:
    """The end of the range on the run's side; both where there was no run."""
    low, high = seen.band
    if seen.side is None:
        return [low, high]
    return [low if seen.side is Side.COLD else high]


def _parts(seen: Seen) -> list[list[Sample]]:
    """The samples cut wherever two lie further apart than the cap."""
    parts: list[list[Sample]] = [list(seen.samples[:1])] if seen.samples else []
    for before, after in pairwise(seen.samples):
        if after[0] - before[0] > seen.cap_ms:
            parts.append([])
        parts[-1].append(after)
    return parts


def _points(scale: _Scale, part: Sequence[Sample], frame: Frame) -> str:
    """An SVG `points` list: at most the lowest and the highest sample of each column, in order of time."""
    columns: dict[int, list[Sample]] = {}
    for sample in part:
        columns.setdefault(int(scale.x(sample[0])) // COLUMN_WIDTH, []).append(sample)
    if len(part) <= frame.width // COLUMN_WIDTH:
        kept = list(part)
    else:
        kept = [one for column in columns.values() for one in _ends(column)]
    return " ".join(f"{scale.x(ms)},{scale.y(value)}" for ms, value in kept)


def _ends(column: Sequence[Sample]) -> list[Sample]:
    low, high = min(column, key=lambda one: one[1]), max(column, key=lambda one: one[1])
    return sorted({low, high})


def _time_marks(seen: Seen, frame: Frame) -> list[int]:
    """Round times of the Indian day, as many as fit."""
    span_ms = seen.until_ms - seen.from_ms
    step = next((one for one in TIME_STEPS_MS if span_ms // one < frame.times_max), TIME_STEPS_MS[-1])
    first = -(-(seen.from_ms + INDIA_MS) // step) * step - INDIA_MS
    return list(range(first, seen.until_ms, step))


def _gap(scale: _Scale, gap: Gap, seen: Seen) -> Block:
    left, right = scale.x(max(gap.from_ms, seen.from_ms)), scale.x(min(gap.until_ms, seen.until_ms))
    return Block(left, round(right - left, 1), gap.until_ms - gap.from_ms)


def _bar(scale: _Scale, day: tuple[int, int, int, int]) -> Bar:
    from_ms, until_ms, low, high = day
    left, right, top, bottom = scale.x(from_ms), scale.x(until_ms), scale.y(high), scale.y(low)
    room = (right - left) * BAR_ROOM
    width, height = max(right - left - 2 * room, BAR_LEAST), max(bottom - top, BAR_LEAST)
    return Bar(round(left + room, 1), round(width, 1), top, round(height, 1))


def _band(scale: _Scale, seen: Seen) -> Block | None:
    low, high = seen.band
    if low is None and high is None:
        return None
    top = scale.y(scale.high if high is None else high)
    bottom = scale.y(scale.low if low is None else low)
    return Block(top, round(bottom - top, 1)) if bottom > top else None


def _wash(scale: _Scale, seen: Seen) -> Block | None:
    if seen.run is None:
        return None
    left, right = scale.x(seen.run[0]), scale.x(seen.run[1])
    return Block(left, max(round(right - left, 1), 1))


def _bracket(scale: _Scale, run: tuple[int, int], frame: Frame) -> Bracket:
    left, right = scale.x(run[0]), scale.x(run[1])
    middle = (left + right) / 2
    room = frame.width / 4
    if middle - frame.left < room:
        return Bracket(left, right, max(left, frame.left), "start")
    if frame.width - frame.right - middle < room:
        return Bracket(left, right, min(right, frame.width - frame.right), "end")
    return Bracket(left, right, round(middle, 1), "middle")
