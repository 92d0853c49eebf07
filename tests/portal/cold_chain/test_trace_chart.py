from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.cold_chain import trace_chart
from portal.cold_chain.trace_chart import FRAMES, NARROW, WIDE, Frame, Picture, Seen, picture, window
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, Side
from sheetal.thermal.runs import Gap

T0 = 1_795_425_600_000
CAP = 3 * MINUTE_MS


def at(minute: float) -> int:
    return T0 + round(minute * MINUTE_MS)


def seen(values: dict[int, int], *, until: int = 120, gaps: tuple[Gap, ...] = (), cold: bool = True) -> Seen:
    samples = [(at(minute), value) for minute, value in sorted(values.items())]
    return Seen(
        sensor="gw-01.tvc",
        from_ms=at(0),
        until_ms=at(until),
        samples=samples,
        cap_ms=CAP,
        gaps=gaps,
        side=Side.COLD if cold else Side.HOT,
        limit_centi_celsius=-50 if cold else 800,
        run=(at(30), at(104)),
        reached_ms=at(90),
        band=(200, 800),
    )


FROZEN = {minute: -180 if 30 <= minute <= 104 else 400 for minute in range(121)}


def points(drawing: Picture) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for line in drawing.lines
        for pair in line.split()
        for x, y in [pair.split(",", maxsplit=1)]
    ]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
def test_everything_lies_inside_the_plot(frame: Frame) -> None:
    drawing = picture(seen(FROZEN), frame)
    left, top, right, bottom = drawing.plot
    assert all(left <= x <= right and top <= y <= bottom for x, y in points(drawing))
    assert drawing.limit is not None
    assert drawing.bracket is not None
    assert drawing.reached is not None
    assert left < drawing.bracket.left < drawing.reached.at < drawing.bracket.right < right
    assert top < drawing.limit.at < bottom
    assert all(top <= mark.at <= bottom for mark in drawing.degrees)
    assert 2 <= len(drawing.times) <= frame.times_max
    assert 2 <= len(drawing.degrees) <= trace_chart.DEGREE_MARKS_MAX + 1


def test_colder_lies_lower_and_later_lies_further_right() -> None:
    drawing = picture(seen(FROZEN))
    places = points(drawing)
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert drawing.limit is not None
    assert max(y for _, y in places) > drawing.limit.at > min(y for _, y in places)
    assert [mark.at for mark in drawing.degrees] == sorted((mark.at for mark in drawing.degrees), reverse=True)


def test_no_line_crosses_a_gap() -> None:
    values = dict.fromkeys((*range(40), *range(80, 121)), 400)
    drawing = picture(seen(values, gaps=(Gap(at(39), at(80)),)))
    assert len(drawing.lines) == 2
    (hatch,) = drawing.gaps
    assert hatch.value == 41 * MINUTE_MS
    first, second = (line.split() for line in drawing.lines)
    assert float(first[-1].split(",")[0]) == hatch.at
    assert float(second[0].split(",")[0]) == pytest.approx(hatch.at + hatch.size, abs=0.2)


def test_a_gap_that_begins_before_the_window_is_cut_but_keeps_its_length() -> None:
    drawing = picture(seen(FROZEN, gaps=(Gap(at(-600), at(10)), Gap(at(-900), at(-700)))))
    (hatch,) = drawing.gaps
    assert hatch.at == WIDE.left
    assert hatch.value == 610 * MINUTE_MS


def test_a_breach_of_one_reading_among_thousands_is_drawn() -> None:
    values = dict.fromkeys(range(20_000), 400)
    values[11_111] = -175
    crowded = seen(values, until=20_000)
    drawing = picture(crowded)
    deepest = picture(Seen(**{**vars(crowded), "samples": [(at(11_111), -175)]}))
    assert max(y for _, y in points(drawing)) == pytest.approx(WIDE.height - WIDE.bottom - 8, abs=12), (
        "the one cold reading is the lowest point of the line"
    )
    assert len(points(drawing)) <= WIDE.width
    assert len(points(deepest)) == 1


def test_without_readings_there_are_axes_and_a_gap() -> None:
    drawing = picture(seen({}, gaps=(Gap(at(0), at(120)),)))
    assert drawing.lines == []
    assert len(drawing.gaps) == 1
    assert drawing.degrees
    assert drawing.times


def test_a_quiet_day_shows_its_whole_range_and_no_run() -> None:
    quiet = Seen("s", at(0), at(1440), [(at(0), 450), (at(1440), 460)], DAY_MS, (), band=(200, 800))
    drawing = picture(quiet)
    assert (drawing.limit, drawing.bracket, drawing.wash, drawing.reached) == (None, None, None, None)
    assert drawing.band is not None
    assert WIDE.top < drawing.band.at < drawing.band.at + drawing.band.size < WIDE.height - WIDE.bottom


@pytest.mark.parametrize(
    ("band", "drawn"), [((None, None), False), ((None, -1500), True), ((200, None), True), ((9000, 9500), False)]
)
def test_a_range_may_have_one_end_or_none(band: tuple[int | None, int | None], *, drawn: bool) -> None:
    facts = vars(seen(FROZEN)) | {"band": band, "side": None, "limit_centi_celsius": None, "run": None}
    if band == (9000, 9500):
        facts |= {"side": Side.COLD, "band": (9000, None)}
        drawn = True
    assert (picture(Seen(**facts)).band is not None) is drawn


def test_the_words_of_a_run_stay_inside_at_both_ends() -> None:
    begin = picture(Seen(**(vars(seen(FROZEN)) | {"run": (at(0), at(5))}))).bracket
    end = picture(Seen(**(vars(seen(FROZEN)) | {"run": (at(115), at(120))}))).bracket
    assert begin is not None
    assert end is not None
    assert (begin.anchor, end.anchor) == ("start", "end")
    assert begin.text_at >= WIDE.left
    assert end.text_at <= WIDE.width - WIDE.right


def test_a_window_has_a_margin_around_a_run_and_a_day_without_one() -> None:
    assert window((at(0), at(90)), 0, 0) == (at(-30), at(120))
    assert window((at(0), at(0)), 0, 0) == (at(-25), at(25))
    assert window((at(0), at(90 * 24 * 60)), 0, 0) == (at(0) - 12 * HOUR_MS, at(90 * 24 * 60) + 12 * HOUR_MS)
    assert window(None, at(600), at(0)) == (at(0), at(600) + 1)
    assert window(None, at(6000), at(0)) == (at(6000) - DAY_MS, at(6000) + 1)


@given(
    st.dictionaries(st.integers(0, 300), st.integers(-3_000, 4_500), min_size=1, max_size=80),
    st.sampled_from(FRAMES),
    st.booleans(),
)
def test_any_series_fits_and_keeps_its_order(values: dict[int, int], frame: Frame, cold: bool) -> None:  # noqa: FBT001 - drawn by a law
    drawing = picture(seen(values, until=301, cold=cold), frame)
    left, top, right, bottom = drawing.plot
    places = points(drawing)
    assert all(left <= x <= right and top <= y <= bottom for x, y in places)
    assert all(one[0] <= other[0] for one, other in pairwise(places))
    assert len(drawing.lines) == 1 + sum(after - before > 3 for before, after in pairwise(sorted(values)))


def test_both_frames_keep_room_for_what_stands_beside_the_plot() -> None:
    for frame in (WIDE, NARROW):
        assert frame.left >= 36
        assert frame.top >= 30
        assert frame.bottom >= 24


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
def test_days_stand_as_bars_from_lowest_to_highest(frame: Frame) -> None:
    days = [(at(0), at(40), 300, 500), (at(40), at(80), -250, 600), (at(80), at(120), 450, 450)]
    drawing = picture(Seen(**(vars(seen({})) | {"days": days})), frame)
    left, top, right, bottom = drawing.plot
    assert drawing.lines == []
    first, frozen, still = drawing.bars
    assert left < first.left < first.left + first.width < frozen.left < still.left + still.width < right
    assert frozen.height > first.height > still.height == trace_chart.BAR_LEAST
    assert all(top <= bar.top and bar.top + bar.height <= bottom + trace_chart.BAR_LEAST for bar in drawing.bars)
    assert drawing.limit is not None
    assert frozen.top + frozen.height > drawing.limit.at > first.top + first.height
