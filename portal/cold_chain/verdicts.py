"""A verdict as its page shows it: the chart of what it found, its stays and their vouchers, its neighbours in time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from portal.cold_chain import evidence, excursions
from portal.cold_chain.day_bars import bars_of
from portal.cold_chain.rules import Place
from portal.cold_chain.trace_chart import FRAMES, Seen, picture
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound, Refused, Unavailable
from sheetal.ledger import assets, catalogue, judgements, stock
from sheetal.ledger import evidence as ledger_evidence
from sheetal.thermal import bundle as bundles
from sheetal.thermal.runs import CAP_INTERVALS, Gap, cap_ms, gaps, samples_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from portal.cold_chain.day_bars import DayBar
    from portal.cold_chain.evidence import Stores
    from portal.cold_chain.excursions import Drawn, Excursion
    from portal.cold_chain.trace_chart import Picture
    from portal.identity.service import Staff
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import StayEvidence, Verdict
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.judgements import StoredVerdict
    from sheetal.ledger.stock import Holding, Lot
    from sheetal.thermal.bundle import Bundle, Recomputed
    from sheetal.thermal.runs import Sample

CHART_ROWS_MAX = 60_000
RECOMPUTED_AT_ONCE = 60_000
"""Readings that are summarised in well under a second; a longer history is recomputed when somebody asks."""
TABLE_ROWS = 48
TIMELINE_SHOWN = 20
LATE_MS = DAY_MS


class TrailDose(Protocol):
    """A dose given from a holding, without its person."""

    @property
    def number(self) -> int:
        """Its place among those that the trail counts, from 1."""

    @property
    def administered_at_ms(self) -> int:
        """When it was given."""

    @property
    def dose_number(self) -> int:
        """Whether it was the person's first, second, … dose."""

    @property
    def certificate(self) -> str | None:
        """The certificate's name; None while there is none."""

    @property
    def level(self) -> int:
        """Its advisory level, 0 for none."""


class Trail(Protocol):
    """The doses given from a holding: how many in all, how many since it was compromised, and one of them."""

    @property
    def given(self) -> int:
        """All doses given from this label."""

    @property
    def since(self) -> int | None:
        """Those given since the compromise, also from what was split off; None where there is no compromise."""

    @property
    def counted(self) -> int:
        """How many doses `dose` is one of."""

    @property
    def dose(self) -> TrailDose | None:
        """The dose that was asked for."""


class TrailOf(Protocol):
    """Asks the slices above for a holding's doses; wired where the application is put together."""

    def __call__(self, ledger: Ledger, holding_id: str, from_ms: int | None, number: int) -> Trail:
        """The trail of a holding, with the dose of this number."""


class TableRow(NamedTuple):
    """A line of the chart's table: from when, the lowest and highest reading, how many."""

    from_ms: int
    low: int
    high: int
    readings: int


@dataclass(frozen=True)
class Shown:
    """A verdict's excursions, which of them is looked at, and its chart in every frame."""

    excursions: list[Excursion]
    picked: Excursion | None
    pictures: list[Picture] = field(default_factory=list)
    table: list[TableRow] = field(default_factory=list)
    sensor: str = ""
    from_ms: int = 0
    until_ms: int = 0
    readings: int = 0
    readings_answer: bool = True
    days: list[DayBar] = field(default_factory=list)


@dataclass(frozen=True)
class StayLine:
    """A stay with the names of its appliance and facility."""

    evidence: StayEvidence
    appliance_name: str
    place: Place


@dataclass(frozen=True)
class Attempt:
    """A recomputation on the spot: what came of it and how long it took; `problem` is why there is none."""

    recomputed: Recomputed | None = None
    readings: int = 0
    spent_ms: int = 0
    problem: str = ""


@dataclass(frozen=True)
class VerdictPage:
    """Everything on `/cc/verdicts/{id}`."""

    stored: StoredVerdict
    holding: Holding
    lot: Lot
    place: Place
    product: Product | None
    shown: Shown
    stays: list[StayLine]
    timeline: list[StoredVerdict]
    verdicts: int
    attempt: Attempt | None
    compromised_from_ms: int | None

    @property
    def found(self) -> Verdict:
        """What the verdict says."""
        return self.stored.verdict

    @property
    def newest_id(self) -> int:
        """The number of the holding's newest verdict."""
        return self.timeline[0].id

    @property
    def silent_from_ms(self) -> int | None:
        """Since when nothing was known when it was judged; None where the data reached close enough."""
        return excursions.silent_from_ms(self.found)

    @property
    def is_late(self) -> bool:
        """Whether what it holds for was over a day before it was found: late data brought it."""
        hits = [hit.compromised_from_ms for hit in self.found.reached]
        return bool(hits) and self.stored.found_at_ms - max(hits) > LATE_MS


def verdict_page(
    stores: Stores, staff: Staff, verdict_id: int, number: int, now_ms: int, *, recompute: bool
) -> VerdictPage:
    """One verdict taken apart, excursion `number` drawn; raises NotFound for one that this person may not see."""
    with stores.ledger.read() as conn:
        stored, held = evidence.visible_verdict(conn, staff, verdict_id)
        product = judged_by(conn, stored.verdict)
        place = assets.facility_by_id(conn, held.facility_id)
        newest = judgements.verdicts_of(conn, held.id, limit=TIMELINE_SHOWN)
        count = ledger_evidence.count_verdicts(conn, held.id)
        stays = [_stay_line(conn, one) for one in stored.verdict.stays]
        lot = stock.lot_by_id(conn, held.lot_id)
        compromised_from_ms = judgements.compromised_from_ms(conn, held.id)
    readings = sum(one.readings for one in stored.verdict.stays)
    asked = recompute or readings <= RECOMPUTED_AT_ONCE
    return VerdictPage(
        stored=stored,
        holding=held,
        lot=lot,
        place=Place(place.id, place.name, place.name_hindi, place.district_name),
        product=product,
        shown=shown(stores, stored.verdict, product, number),
        stays=stays,
        timeline=newest,
        verdicts=count,
        attempt=attempt(stores, staff, verdict_id, now_ms) if asked else None,
        compromised_from_ms=compromised_from_ms,
    )


def shown(stores: Stores, verdict: Verdict, product: Product | None, number: int = 1) -> Shown:
    """The excursions of a verdict and the chart of one: from readings, else from the extremes of days."""
    found = excursions.excursions_of(verdict, product)
    picked = excursions.pick(found, number)
    what = excursions.drawn(verdict, picked)
    if what is None:
        return _shown_by_days(stores, verdict, product, found, picked)
    try:
        rows = stores.readings.read(what.sensor, what.from_ms, what.until_ms, limit=CHART_ROWS_MAX)
    except Unavailable:
        return Shown(found, picked, readings_answer=False)
    samples = samples_of(rows)
    with stores.ledger.read() as conn:
        longest_ms = _cap(conn, what, samples)
    seen = _seen(what, samples, longest_ms, picked, product)
    return Shown(
        excursions=found,
        picked=picked,
        pictures=[picture(seen, frame) for frame in FRAMES],
        table=table_of(samples, what.from_ms, what.until_ms),
        sensor=what.sensor,
        from_ms=what.from_ms,
        until_ms=what.until_ms,
        readings=len(samples),
    )


def _shown_by_days(
    stores: Stores, verdict: Verdict, product: Product | None, found: list[Excursion], picked: Excursion | None
) -> Shown:
    """The chart of a life of which only extremes are known."""
    days = bars_of(stores, verdict)
    bars = [(day.from_ms, day.until_ms, day.low, day.high) for day in days]
    known = [(begin, end, low, high) for begin, end, low, high in bars if low is not None and high is not None]
    if not known:
        return Shown(found, picked)
    run = picked.run if picked is not None else None
    seen = Seen(
        sensor=run.sensor if run else "",
        from_ms=days[0].from_ms,
        until_ms=days[-1].until_ms,
        samples=(),
        cap_ms=0,
        gaps=(),
        side=picked.side if picked is not None and run else None,
        limit_centi_celsius=picked.limit_centi_celsius if picked is not None and run else None,
        run=(run.first_ms, run.last_ms) if run else None,
        band=_band_of(product),
        days=known,
    )
    pictures = [picture(seen, frame) for frame in FRAMES]
    return Shown(found, picked, pictures, sensor=seen.sensor, from_ms=seen.from_ms, until_ms=seen.until_ms, days=days)


def attempt(stores: Stores, staff: Staff, verdict_id: int, now_ms: int) -> Attempt:
    """Recompute from what the stores hold now; a store that is away, or too much data, is told and no error."""
    began = time.monotonic_ns()
    try:
        bundle = evidence.bundle_of(stores, staff, verdict_id, now_ms)
    except (Unavailable, Refused, NotFound) as problem:
        return Attempt(problem=problem.message)
    found = bundles.compare(bundle)
    return Attempt(found, bundle.readings, (time.monotonic_ns() - began) // 1_000_000)


def csv_of(bundle: Bundle) -> str:
    """Every reading that a verdict rests on, as lines of sensor, epoch ms and degrees."""
    lines = ["stay,sensor,epoch_ms,celsius"]
    for stay in bundle.stays:
        for sensor, series in sorted(stay.samples.items()):
            lines += [f"{stay.stay},{sensor},{ms},{value / 100:.2f}" for ms, value in series]
    return "\n".join(lines) + "\n"


def judged_by(conn: Connection, verdict: Verdict) -> Product | None:
    """The very version of the product that a verdict was found by."""
    try:
        return catalogue.product_by_version(conn, verdict.product, verdict.product_version)
    except NotFound:
        return None


def table_of(samples: Sequence[Sample], from_ms: int, until_ms: int) -> list[TableRow]:
    """The chart as a table: at most `TABLE_ROWS` equal times with their extremes; times without data have no line."""
    width = max(1, -(-(until_ms - from_ms) // TABLE_ROWS))
    columns: dict[int, list[int]] = {}
    for ms, value in samples:
        columns.setdefault((ms - from_ms) // width, []).append(value)
    return [
        TableRow(from_ms + number * width, min(values), max(values), len(values))
        for number, values in sorted(columns.items())
    ]


def _cap(conn: Connection, what: Drawn, samples: Sequence[Sample]) -> int:
    spans = assets.appliances_of(conn, what.sensor, what.from_ms, what.until_ms)
    interval_ms = spans[-1].interval_ms if spans else None
    return CAP_INTERVALS * interval_ms if interval_ms is not None else cap_ms(samples, None)


def _seen(
    what: Drawn, samples: Sequence[Sample], longest_ms: int, picked: Excursion | None, product: Product | None
) -> Seen:
    run = picked.run if picked is not None and picked.is_drawn else None
    return Seen(
        sensor=what.sensor,
        from_ms=what.from_ms,
        until_ms=what.until_ms,
        samples=samples,
        cap_ms=longest_ms,
        gaps=[*gaps(samples, longest_ms), *_silence(what, samples)],
        side=picked.side if picked is not None and run else None,
        limit_centi_celsius=picked.limit_centi_celsius if picked is not None and run else None,
        run=(run.first_ms, run.last_ms) if run else None,
        reached_ms=excursions.reached_ms(picked),
        band=_band_of(product),
    )


def _band_of(product: Product | None) -> tuple[int | None, int | None]:
    ranges = [one for one in product.ranges if one.stage == product.stage] if product else []
    return (ranges[0].centi_celsius_min, ranges[0].centi_celsius_max) if ranges else (None, None)


def _silence(what: Drawn, samples: Sequence[Sample]) -> list[Gap]:
    if what.silent_until_ms is None:
        return []
    return [Gap(samples[-1][0] if samples else what.from_ms, what.silent_until_ms)]


def _stay_line(conn: Connection, one: StayEvidence) -> StayLine:
    appliance = assets.appliance_by_id(conn, one.appliance)
    place = assets.facility_by_id(conn, appliance.facility_id)
    return StayLine(one, appliance.name, Place(place.id, place.name, place.name_hindi, place.district_name))
