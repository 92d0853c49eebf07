"""Batches under a true seal some of whose rows, aux values, days and spans must not be believed (pure).

A bad one never costs its good neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.faults.poison_bytes import INJECTIONS
from benchmarks.faults.poison_fate import BOOT, PROBES, Fate, Json, Made
from ingest.reasons import Reason
from sheetal.contracts.batch import ROWS_MAX
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faults.poison_fate import Draw

Row = list[object]
FAR_FUTURE = (4_102_444_800_000, 2**62, 2**63 - 1, 2**63, 10**100)
FAR_PAST = (0, -1, 1, 946_684_800_000, 1_262_303_999_999, -(2**63), -(10**100), 1_700_000_000)
IMPLAUSIBLE = frozenset({Reason.IMPLAUSIBLE})
FOREIGN = frozenset({Reason.FOREIGN_SENSOR})
LONG_LETTERS = 20_000
"""Ten such names still fit into one message, which would else be refused as a whole."""
COVERS, COVERS_MAX = 10_000, 1_000
OLD_MS = 1_270_000_000_000
OLD_STEP_MS = 7 * HOUR_MS


def bad_values(draw: Draw) -> Made:
    """Temperatures that no probe can have and qualities that are none, between good rows."""
    value_and_quality: tuple[tuple[object, object], ...] = (
        (CENTI_CELSIUS_MAX + 1, 0),
        (CENTI_CELSIUS_MIN - 1, 0),
        (2**63, 0),
        (-(10**100), 0),
        (None, 0),
        (400, 1),
        (0, 5),
        (None, 6),
        (None, -1),
        (None, 10**100),
        (400, 2**63),
    )
    return _among_good(
        draw, IMPLAUSIBLE, lambda row: row.__setitem__(slice(3, 5), draw.chance.choice(value_and_quality))
    )


def bad_stamps(draw: Draw) -> Made:
    """Rows from 1970, from before all time, in seconds, between good ones."""
    return _among_good(draw, IMPLAUSIBLE, lambda row: row.__setitem__(1, draw.chance.choice(FAR_PAST)))


def future_stamps(draw: Draw) -> Made:
    """Rows from the next century, between good ones."""
    return _among_good(
        draw, frozenset({Reason.FUTURE_STAMP}), lambda row: row.__setitem__(1, draw.chance.choice(FAR_FUTURE))
    )


def bad_sensors(draw: Draw) -> Made:
    """Another's sensors, and names that no sensor can have, between good rows."""
    own = draw.gateway
    long = "x" * (LONG_LETTERS if draw.number % 50 == 0 else 65)
    odd: tuple[str, ...] = (
        "",
        ".",
        own,
        own + ".",
        "." + own,
        own + ".-x",
        own + ".a.b",
        own + ".p0 ",
        own + ".p0\n",
        own + ".p0\x00",
        own + ".p0\\",
        own + ".p0,evil=1",
        own + ".p0 t=99.9,q=0i 1\nreading,sensor=" + own + ".p1",
        own + ".\u202ep0",
        own + ".\U0001f9ca",
        own + ".प्रोब",
        own.upper() + ".p0",
        "fl-00000.p0",
        f"{own}.{draw.number}{long}",
        *(f"{own}.{words}" for words in INJECTIONS),
    )
    return _among_good(draw, FOREIGN, lambda row: row.__setitem__(2, draw.chance.choice(odd)))


def all_kinds_bad(draw: Draw) -> Made:
    """One row of each fault and one good one."""
    rows = draw.rows(4)
    rows[0][2], rows[1][1], rows[2][1] = "x.y", 0, FAR_FUTURE[0]
    reasons = frozenset({Reason.FOREIGN_SENSOR, Reason.IMPLAUSIBLE, Reason.FUTURE_STAMP})
    return Made(draw.sealed(draw.body(rows=rows)), Fate(rows=reasons, readings=1))


def thousand_faults(draw: Draw) -> Made:
    """A thousand rows of probes that are torn off, which is lawful, or that are beyond belief."""
    rows = draw.rows(ROWS_MAX)
    is_lawful = draw.number % 2 == 0
    for row in rows:
        row[3:5] = [None, 1 + draw.chance.randrange(5)] if is_lawful else [None, 0]
    return Made(draw.sealed(draw.body(rows=rows)), Fate(readings=ROWS_MAX) if is_lawful else Fate(rows=IMPLAUSIBLE))


def one_key(draw: Draw) -> Made:
    """Many rows for one instant of one sensor, with one value or with as many."""
    count = 2 + draw.number % 30
    is_same = draw.number % 2 == 0
    rows: list[Row] = [
        [draw.number * 1_000 + n, draw.at_ms, draw.sensor(), 400 if is_same else 400 + n, 0] for n in range(count)
    ]
    fate = Fate(readings=1, repeated=count - 1) if is_same else Fate(readings=1, conflicts=count - 1)
    return Made(draw.sealed(draw.body(rows=rows)), fate)


def one_sequence(draw: Draw) -> Made:
    """Many rows under one sequence number, one of them bad: never called stored, though the good ones are."""
    rows = draw.rows(4)
    for row in rows:
        row[0] = draw.number * 1_000
    if draw.number % 2:
        rows[3][1] = 0
        return Made(draw.sealed(draw.body(rows=rows)), Fate(rows=IMPLAUSIBLE, readings=3))
    return Made(draw.sealed(draw.body(rows=rows)), Fate(readings=4))


def scattered_instants(draw: Draw) -> Made:
    """Rows hours apart over many years, backwards: each may collide with what is stored, far from all others."""
    count = 100
    rows: list[Row] = [
        [draw.number * 1_000 + n, OLD_MS + (count - n) * OLD_STEP_MS + draw.number, draw.sensor(), 400, 0]
        for n in range(count)
    ]
    return Made(draw.sealed(draw.body(rows=rows)), Fate(readings=count))


def new_sensors(draw: Draw) -> Made:
    """Sensors that nobody ever saw, well named; a few each time."""
    rows = draw.rows(3)
    for row in rows:
        row[2] = f"{draw.gateway}.new-{draw.number % 500}-{row[1]}"[:100]
    return Made(draw.sealed(draw.body(rows=rows)), Fate(readings=3))


def bad_aux(draw: Draw) -> Made:
    """Names beside all printing, stamps beside all time, values at the edge of the floats, and one good value."""
    good: Row = [draw.number * 1_000, draw.at_ms, "ilr1", "TAMB", draw.chance.choice((0, -0.0, 1e308, 5e-324, -40))]
    names = ("", "\x00", "a\nb", "\x1b[2J", "\u202e", "x" * 129, "\uffff\u2028")
    bad: Row = [draw.number * 1_000 + 1, draw.at_ms, "ilr1", draw.chance.choice(names), 1.0]
    if draw.number % 3 == 0:
        bad = [draw.number * 1_000 + 1, draw.chance.choice(FAR_PAST), "ilr1", "TAMB", 1.0]
    return Made(draw.sealed(draw.body(aux=[good, bad])), Fate(rows=IMPLAUSIBLE, aux=1))


def lawful_aux(draw: Draw) -> Made:
    """Injections that can be printed are names like any other."""
    words = [one for one in INJECTIONS if one.isprintable()]
    aux: list[Row] = [[draw.number * 1_000, draw.at_ms, draw.chance.choice(words), draw.chance.choice(words), 1]]
    return Made(draw.sealed(draw.body(aux=aux)), Fate(aux=1))


def bad_unplaced(draw: Draw) -> Made:
    """Rows without an instant whose order, sensor or value is impossible, and a good one."""
    good: Row = [draw.number * 1_000, draw.number, draw.sensor(), 400, 0]
    sequence = draw.number * 1_000 + 1
    bad: tuple[Row, ...] = (
        [sequence, -1, draw.sensor(), 400, 0],
        [sequence, 2**63, draw.sensor(), 400, 0],
        [sequence, 1, draw.sensor(), None, 0],
        [sequence, 1, draw.sensor(), 400, 3],
    )
    body = draw.body(unplaced=[good, draw.chance.choice(bad), [sequence + 1, 1, "x.y", 400, 0]])
    return Made(draw.sealed(body), Fate(rows=IMPLAUSIBLE | FOREIGN, unplaced=1))


def bad_days(draw: Draw) -> Made:
    """Days that end before they begin, last a year, or alarm outside themselves, beside a good one."""
    start = draw.at_ms - draw.at_ms % DAY_MS
    bad: tuple[Json, ...] = (
        {"ends_at_ms": start - 1},
        {"ends_at_ms": start},
        {"ends_at_ms": start + 366 * DAY_MS},
        {"minutes_below": -1},
        {"minutes_unknown": 2**62},
        {"centi_celsius_min": 801, "centi_celsius_max": 800},
        {"centi_celsius_max": 2**40},
        {"low_alarm_at_ms": start - 1},
        {"high_alarm_at_ms": 2**63 - 1},
        {"starts_at_ms": 0, "ends_at_ms": DAY_MS},
        {"starts_at_ms": -DAY_MS, "ends_at_ms": 0},
    )
    days = [_day(draw, 0), {**_day(draw, 1), **draw.chance.choice(bad)}]
    return Made(draw.sealed(draw.body(days=days)), Fate(rows=IMPLAUSIBLE, days=1))


def bad_spans(draw: Draw) -> Made:
    """Thinned spans that stand for nothing, for the same twice, for too much, or say lowest > highest; one good."""
    start = draw.at_ms
    bad: tuple[Json, ...] = (
        {"covers": []},
        {"covers": [[1, 9], [9, 12]]},
        {"covers": [[5, 4]]},
        {"covers": [[0, 2**63 - 1]]},
        {"covers": [[-5, 40]]},
        {"covers": [[0, 2**63]]},
        {"covers": [[n, n] for n in range(200, 0, -1)]},
        {"rows": 0},
        {"rows": 2**70},
        {"ends_at_ms": start - 1},
        {"ends_at_ms": start + HOUR_MS + 1},
        {"centi_celsius_min": 900},
        {"centi_celsius_mean": -(10**30)},
        {"covers_boot": -1},
        {"covers_boot": 2**63},
        {"starts_at_ms": 0, "ends_at_ms": MINUTE_MS},
    )
    spans = [_span(draw, 0), {**_span(draw, 1), **draw.chance.choice(bad)}]
    return Made(draw.sealed(draw.body(thinned=spans)), Fate(rows=IMPLAUSIBLE, thinned=1))


def many_covers(draw: Draw) -> Made:
    """A span that names as many ranges as one may, or ten times as many."""
    is_lawful = draw.number % 2 == 0
    covers = [[2 * n, 2 * n] for n in range(COVERS_MAX if is_lawful else COVERS_MAX + 1 + draw.number % COVERS)]
    fate = Fate(thinned=1) if is_lawful else Fate(rows=IMPLAUSIBLE)
    return Made(draw.sealed(draw.body(thinned=[{**_span(draw, 0), "covers": covers}])), fate)


def many_days(draw: Draw) -> Made:
    """As many day summaries as a message holds, each of another day; each marks its hours to be judged."""
    days = [
        {**_day(draw, n), "starts_at_ms": OLD_MS + n * DAY_MS, "ends_at_ms": OLD_MS + (n + 1) * DAY_MS}
        for n in range(500)
    ]
    return Made(draw.sealed(draw.body(days=days)), Fate(days=500))


def many_aux(draw: Draw) -> Made:
    """As many aux values as a message holds."""
    aux: list[Row] = [[draw.number * 1_000, draw.at_ms + n, f"s{n % 7}", "TAMB", n / 8] for n in range(ROWS_MAX)]
    return Made(draw.sealed(draw.body(aux=aux)), Fate(aux=ROWS_MAX))


def contradicting_spans(draw: Draw) -> Made:
    """Two spans, or two rows without an instant, in one place; the first one stays."""
    if draw.number % 2:
        spans = [_span(draw, 0), {**_span(draw, 0), "centi_celsius_max": 500}]
        return Made(draw.sealed(draw.body(thinned=spans)), Fate(thinned=2, contradicting=True))
    rows = [[draw.number * 1_000, draw.number, draw.sensor(), value, 0] for value in (400, 401)]
    return Made(draw.sealed(draw.body(unplaced=rows)), Fate(unplaced=2, contradicting=True))


def _among_good(draw: Draw, reasons: frozenset[Reason], spoil: Callable[[Row], None]) -> Made:
    """Rows of which some are spoiled, one at least."""
    rows = draw.rows(2 + draw.number % 9)
    bad = [row for row in rows[1:] if draw.chance.random() < 1 / 2] or rows[:1]
    for row in bad:
        spoil(row)
    return Made(draw.sealed(draw.body(rows=rows)), Fate(rows=reasons, readings=len(rows) - len(bad)))


def _day(draw: Draw, offset: int) -> Json:
    start = draw.at_ms - draw.at_ms % DAY_MS
    return {
        "sequence": draw.number * 1_000 + offset,
        "sensor": draw.sensor(draw.number % PROBES),
        "starts_at_ms": start,
        "ends_at_ms": start + DAY_MS,
        "centi_celsius_min": 200 + draw.number % 100,
        "centi_celsius_max": 800,
        "low_limit_centi_celsius": -50,
        "low_limit_minutes": 60,
        "high_limit_centi_celsius": 800,
        "high_limit_minutes": 600,
        "minutes_below": 0,
        "minutes_above": draw.number % 1_000,
        "minutes_unknown": 0,
    }


def _span(draw: Draw, offset: int) -> Json:
    return {
        "sequence": draw.number * 1_000 + offset,
        "sensor": draw.sensor(),
        "starts_at_ms": draw.at_ms,
        "ends_at_ms": draw.at_ms + 14 * MINUTE_MS,
        "centi_celsius_min": 390,
        "centi_celsius_max": 410,
        "centi_celsius_mean": 400,
        "rows": 15,
        "covers_boot": BOOT,
        "covers": [[n, n + 7] for n in range(0, 80, 10)],
    }
