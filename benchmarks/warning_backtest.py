"""How good the warnings before harm are: on the simulator's truth and on every usable real trace.

`python -m benchmarks.warning_backtest` plays everything, prints the table and writes it into docs/forecast.md between
its two marks. The figure kept is the median error on the simulator's failures, in minutes; the false warnings of a
thousand healthy appliance-days and of the real traces stand in the same table, and none of them is left out.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cabinets import DAY_MINUTES, INTERVALS_SECONDS, KINDS, Story, play, said, truths
from benchmarks.real_traces import FREEZE, HEAT, THAW, real_traces
from benchmarks.record import ROOT, Figure
from benchmarks.warning_score import Score, Trace, score_of, total
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = ROOT / "docs" / "forecast.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
HEALTHY, HEALTHY_DAYS = 100, 10
FAILING = 50
SHORT_CUTS = 100
BEFORE_MINUTES = DAY_MINUTES
WORKERS = 2
GOAL_MINUTES = 30.0
"""Our own: about what it takes to carry stock to another appliance."""
HEADS = (
    "trace",
    "appliance-months",
    "limit passed",
    "warned of",
    "first warning before, min",
    "median error, min",
    "true instant in low to high",
    "false warnings",
    "per appliance-month",
)


class Failure(NamedTuple):
    """A way to fail: what breaks, in which kind, what makes it happen at all, and the limit it leads to."""

    name: str
    fault: FaultKind
    kinds: tuple[Kind, ...]
    constants: tuple[tuple[str, float], ...]
    hours: float
    limit: str


FAILURES = (
    Failure("mains cut, no ice", FaultKind.MAINS_CUT, (Kind.ILR,), (("ice_kilograms", 0.0),), 12, "heat"),
    Failure("mains cut, some ice", FaultKind.MAINS_CUT, (Kind.ILR,), (("ice_kilograms", 0.6),), 24, "heat"),
    Failure("mains cut, walk-in cooler", FaultKind.MAINS_CUT, (Kind.WALK_IN_COOLER,), (), 24, "heat"),
    Failure("mains cut, deep freezer", FaultKind.MAINS_CUT, (Kind.DEEP_FREEZER,), (), 24, "thaw"),
    Failure("door left open", FaultKind.DOOR_OPEN, (Kind.ILR,), (("door_watts_per_kelvin", 8.0),), 12, "heat"),
    Failure("compressor does not stop", FaultKind.THERMOSTAT_STUCK_ON, (Kind.ILR,), (), 12, "freeze"),
)
LIMITS = {"heat": HEAT, "freeze": FREEZE, "thaw": THAW}


class Row(NamedTuple):
    """One line of the table; lines of one `series` watch the same months by several limits."""

    name: str
    score: Score
    series: str = ""


def failing(failure: Failure, number: int) -> Story:
    """One appliance that works for a day and then fails until the end."""
    rng = Random(f"failure/{failure.name}/{number}")
    minutes = round(60 * failure.hours)
    return Story(
        seed=f"failure/{failure.name}/{number}",
        kind=rng.choice(failure.kinds),
        interval_seconds=rng.choice(INTERVALS_SECONDS),
        minutes=BEFORE_MINUTES + rng.randrange(180) + minutes,
        faults=(Fault(kind=failure.fault, begins_minutes_before_now=minutes),),
        constants=failure.constants,
        room_celsius=rng.uniform(26.0, 38.0),
    )


def short_cut(number: int) -> Story:
    """One appliance whose mains fail for half an hour to three hours, twice, and come back."""
    rng = Random(f"short/{number}")
    cuts = tuple(
        Fault(
            kind=FaultKind.MAINS_CUT,
            begins_minutes_before_now=rng.uniform(first, first + 400),
            lasts_minutes=rng.uniform(30, 180),
        )
        for first in (800, 200)
    )
    return Story(
        seed=f"short/{number}",
        kind=rng.choice(KINDS),
        interval_seconds=rng.choice(INTERVALS_SECONDS),
        minutes=2 * BEFORE_MINUTES,
        faults=cuts,
        room_celsius=rng.uniform(22.0, 36.0),
    )


def healthy(number: int) -> Story:
    """One appliance that nothing happens to but its doors and its room."""
    rng = Random(f"healthy/{number}")
    return Story(
        seed=f"healthy/{number}",
        kind=rng.choice(KINDS),
        interval_seconds=rng.choice(INTERVALS_SECONDS),
        minutes=HEALTHY_DAYS * DAY_MINUTES,
    )


def scored(story: Story, words: Sequence[str]) -> Score:
    """Play a story and score its warnings, all limits together; its months are counted once."""
    moments = play(story)
    scores = [score_of(Trace(story.seed, said(moments), truths(moments), LIMITS[word])) for word in words]
    return total(scores)._replace(months=scores[0].months)


def words_of(story: Story) -> tuple[str, ...]:
    """The limits that the stock of such an appliance has."""
    return ("thaw",) if story.kind is Kind.DEEP_FREEZER else ("heat", "freeze")


def rows(failing_each: int = FAILING, healthy_count: int = HEALTHY, short_cuts: int = SHORT_CUTS) -> list[Row]:
    """Every line of the table, the real traces last."""
    with ProcessPoolExecutor(WORKERS) as pool:

        def played(stories: list[Story], words: list[tuple[str, ...]]) -> Score:
            return total(pool.map(scored, stories, words, chunksize=4))

        found = [
            Row(f"simulated: {one.name}", played(told, [(one.limit,)] * failing_each))
            for one in FAILURES
            for told in [[failing(one, number) for number in range(failing_each)]]
        ]
        for name, count, make in (
            ("simulated: mains back in 30 to 180 min", short_cuts, short_cut),
            ("simulated: healthy", healthy_count, healthy),
        ):
            told = [make(number) for number in range(count)]
            found.append(Row(name, played(told, [words_of(story) for story in told])))
        traces = real_traces()
        found += [
            Row(f"real: {trace.name}", score, trace.name.partition(",")[0])
            for trace, score in zip(traces, pool.map(score_of, traces), strict=True)
        ]
    return found


def measure() -> Figure:
    """The figure `warning.median_error_minutes`; the page is written anew."""
    found = rows()
    write(found)
    simulated = [row.score for row in found if row.name.startswith("simulated")]
    real = joined([row for row in found if row.name.startswith("real")])
    failures = total(simulated[: len(FAILURES)])
    clean = simulated[-1]
    return Figure(
        value=failures.median_error_minutes or 0.0,
        unit=f"min ({len(failures.errors_minutes)} of {failures.passings} failures warned of, "
        f"{failures.median_lead_minutes or 0:.0f} min before; false warnings per appliance-month: "
        f"{clean.false_a_month or 0:.2f} healthy, {real.false_a_month or 0:.2f} real traces)",
        limit="the same on real traces, min",
        limit_value=real.median_error_minutes or 0.0,
        goal=GOAL_MINUTES,
        better="lower",
        runs=[round(score.median_error_minutes or 0.0, 1) for score in simulated[: len(FAILURES)]],
        when=datetime.now(UTC).date().isoformat(),
    )


def table(found: Sequence[Row]) -> str:
    """The table, its sums last."""
    lines = [
        f"| {' | '.join(HEADS)} |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    groups = {"simulated": "**all simulated**", "real": "**all real**"}
    sums = [Row(text, joined([row for row in found if row.name.startswith(word)])) for word, text in groups.items()]
    return "\n".join([*lines, *(_line(row) for row in [*found, *sums])])


def joined(found: Sequence[Row]) -> Score:
    """All together; the months of a series that several limits watch are counted once."""
    months = {row.series or row.name: row.score.months for row in found}
    return total(row.score for row in found)._replace(months=sum(months.values()))


def write(found: Sequence[Row]) -> None:
    """Put the table between the page's two marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(found)}\n\n{END}{after}")


def _line(row: Row) -> str:
    score = row.score
    cells = [
        row.name,
        f"{score.months:.2f}",
        str(score.passings),
        str(len(score.errors_minutes)),
        _number(score.median_lead_minutes),
        _number(score.median_error_minutes),
        "–" if not score.asked else f"{100 * score.inside / score.asked:.0f} %",
        str(score.false),
        "–" if score.false_a_month is None else f"{score.false_a_month:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def main() -> int:
    """Play everything and print the table."""
    found = rows()
    write(found)
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
