"""The evidence of one verdict in one file, from which anybody can find it again: `recompute(bundle)`.

A bundle holds facts and no conclusions but the one it is evidence for (`stated`): the product's definition with the
source of every limit, where the holding stood, which sensors hung there and who vouches for them, what people read and
declared, and every reading that the verdict rests on. No person is named in it.

    bundle ── life_of ──► Life ── judge_life ──► Verdict ── digest ──► equal to the one that the ledger keeps?
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.problem import FileProblem
from sheetal.contracts.product import Product
from sheetal.contracts.verdict import Verdict
from sheetal.thermal.cuts import (
    Calibrated,
    Check,
    Fault,
    Hung,
    Piece,
    cut,
    days_heard,
    days_of_checks,
    is_heard,
    vouchers_of,
)
from sheetal.thermal.exposure import empty, summarise
from sheetal.thermal.fusion import fuse
from sheetal.thermal.life import Life, Packing, VvmReading, stage_spans
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.runs import cap_ms
from sheetal.thermal.verdict import RULE_VERSION, digest, judge_life, limits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sheetal.thermal.exposure import Limits
    from sheetal.thermal.life import StageSpan

FORMAT = "sheetal-bundle/1"
DIFFERENCES_MAX = 50


class BundleDay(msgspec.Struct, frozen=True):
    """A logger's day summary and when it was received; it tells nothing of the time after that."""

    summary: DaySummary
    received_at_ms: int


class BundleVvm(msgspec.Struct, frozen=True):
    """A vial monitor's stage as a person read it."""

    read_at_ms: int
    stage: int


class BundleStay(msgspec.Struct, frozen=True, kw_only=True):
    """One stay with all that speaks of it; `samples` are [epoch ms, centi-degrees] by sensor, in order of time."""

    stay: int
    appliance: str
    evidence_kind: str
    from_ms: int
    until_ms: int | None
    fusion: str = "worst"
    packed_at_ms: int | None = None
    ice_packs: str | None = None
    vvm_stage_packed: int | None = None
    sensors: list[Hung] = []
    faults: list[Fault] = []
    calibrations: list[Calibrated] = []
    checks: list[Check] = []
    days: list[BundleDay] = []
    samples: dict[str, list[tuple[int, int]]] = {}


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and its evidence as it was known when the verdict was found.

    Late data may have come since: readings older than the verdict's newest one are in the bundle whenever they came,
    and `recompute` then says what the verdict would be with them.
    """

    format: str = FORMAT
    verdict_id: int
    found_at_ms: int
    made_at_ms: int
    digest: str
    stated: Verdict
    holding: str
    lot: str
    product: Product
    expires_at_ms: int | None
    thawed_at_ms: int | None
    opened_at_ms: int | None
    vvm_readings: list[BundleVvm]
    stays: list[BundleStay]

    @property
    def readings(self) -> int:
        """How many readings it carries."""
        return sum(len(series) for stay in self.stays for series in stay.samples.values())


class Difference(NamedTuple):
    """A place where the recomputed verdict says something else; both sides as JSON."""

    place: str
    stated: str
    found: str


class Recomputed(NamedTuple):
    """What became of a recomputation; `differences` are empty when every word is the same.

    The digest leaves out what grows with every ordinary reading, so it may be the same although a count differs.
    """

    verdict: Verdict
    digest: str
    is_same: bool
    is_same_program: bool
    differences: list[Difference]


def encode(bundle: Bundle) -> bytes:
    """Canonical JSON: the same bundle is the same bytes."""
    return msgspec.json.encode(bundle, order="deterministic")


def decode(data: bytes) -> Bundle:
    """Read a bundle; raises FileProblem for anything else."""
    try:
        found = msgspec.json.decode(data, type=Bundle)
    except msgspec.DecodeError as error:
        raise FileProblem(f"this is no evidence bundle: {error}", next_step="download it again", line=0) from error
    if found.format != FORMAT:
        problem = f"this bundle is of format {found.format}"
        raise FileProblem(problem, next_step=f"use a program that reads {found.format}", line=0)
    _check_order(found)
    return found


def recompute(bundle: Bundle) -> Verdict:
    """The verdict that this program finds in the evidence."""
    return judge_life(life_of(bundle), bundle.stated.judged_through_ms)


def compare(bundle: Bundle) -> Recomputed:
    """Recompute and say whether the verdict stands, and if not, how it differs."""
    found = recompute(bundle)
    found_digest = digest(found)
    return Recomputed(
        verdict=found,
        digest=found_digest,
        is_same=found_digest == bundle.digest == digest(bundle.stated),
        is_same_program=bundle.stated.rule_version == RULE_VERSION,
        differences=differences(bundle.stated, found),
    )


def differences(stated: Verdict, found: Verdict) -> list[Difference]:
    """Where two verdicts differ, at most `DIFFERENCES_MAX` places, in the order of their fields."""
    places = _walk("", msgspec.to_builtins(stated), msgspec.to_builtins(found))
    return [place for place, _ in zip(places, range(DIFFERENCES_MAX), strict=False)]


def life_of(bundle: Bundle) -> Life:
    """The evidence as the judge takes it."""
    spans = stage_spans(bundle.product, bundle.thawed_at_ms, bundle.opened_at_ms)
    limits = limits_of(bundle.product)
    return Life(
        holding=bundle.holding,
        product=bundle.product,
        segments=[segment for stay in bundle.stays for segment in _segments_of(stay, spans, limits)],
        expires_at_ms=bundle.expires_at_ms,
        thawed_at_ms=bundle.thawed_at_ms,
        opened_at_ms=bundle.opened_at_ms,
        packings=tuple(
            Packing(stay.stay, stay.packed_at_ms, stay.ice_packs, stay.vvm_stage_packed)
            for stay in bundle.stays
            if stay.packed_at_ms is not None
        ),
        vvm_readings=tuple(VvmReading(one.read_at_ms, one.stage) for one in bundle.vvm_readings),
        vouchers={
            stay.stay: vouchers_of((stay.from_ms, stay.until_ms), stay.sensors, stay.calibrations, stay.faults)
            for stay in bundle.stays
        },
        fusion={stay.stay: stay.fusion for stay in bundle.stays},
    )


def cut_at(day: BundleDay) -> DaySummary:
    """The day as far as its logger can have seen it when it was received."""
    summary = day.summary
    if summary.ends_at_ms <= day.received_at_ms:
        return summary
    return msgspec.structs.replace(summary, ends_at_ms=max(summary.starts_at_ms, day.received_at_ms))


def _segments_of(stay: BundleStay, spans: Sequence[StageSpan], limits: Limits) -> Iterator[Segment]:
    records = days_of_checks(stay.checks, stay.from_ms) if stay.evidence_kind == EvidenceKind.TWICE_DAILY else ()
    for piece in cut((stay.from_ms, stay.until_ms), stay.sensors, spans):
        traces = [_trace(stay, piece, hung, limits) for hung in piece.hung]
        positions = {hung.sensor: hung.position for hung in piece.hung}
        yield Segment(
            stay=stay.stay,
            appliance=stay.appliance,
            evidence_kind=stay.evidence_kind,
            from_ms=piece.from_ms,
            until_ms=piece.until_ms,
            traces=fuse(stay.fusion, positions, traces, piece.from_ms) + _record(records, piece, limits),
            stage=piece.stage,
        )


def _trace(stay: BundleStay, piece: Piece, hung: Hung, limits: Limits) -> Trace:
    series = stay.samples.get(hung.sensor, [])
    until_ms = piece.until_ms
    inside = [one for one in series if piece.from_ms <= one[0] and (until_ms is None or one[0] < until_ms)]
    samples = [one for one in inside if is_heard(hung.sensor, one[0], stay.faults)] if stay.faults else inside
    exposure = summarise(hung.sensor, samples, cap_ms(samples, hung.interval_ms), limits)
    days = [
        cut_at(day)
        for day in stay.days
        if day.summary.sensor == hung.sensor
        and day.summary.ends_at_ms > piece.from_ms
        and (until_ms is None or day.summary.starts_at_ms < until_ms)
    ]
    return Trace(hung.sensor, exposure, tuple(days_heard(days, stay.faults)))


def _record(records: Sequence[DaySummary], piece: Piece, limits: Limits) -> tuple[Trace, ...]:
    """What persons wrote down in a piece; a time between two checks stands where it began."""
    inside = tuple(
        day
        for day in records
        if piece.from_ms <= day.starts_at_ms and (piece.until_ms is None or day.starts_at_ms < piece.until_ms)
    )
    return (Trace(inside[0].sensor, empty(limits), inside),) if inside else ()


def _check_order(bundle: Bundle) -> None:
    for stay in bundle.stays:
        for sensor, series in stay.samples.items():
            if any(earlier[0] >= later[0] for earlier, later in pairwise(series)):
                problem = f"the readings of {sensor} are not in order of time"
                raise FileProblem(problem, next_step="download the bundle again", line=0)


def _walk(place: str, stated: object, found: object) -> Iterator[Difference]:
    if isinstance(stated, dict) and isinstance(found, dict):
        for name in stated | found:
            yield from _walk(f"{place}.{name}".lstrip("."), stated.get(name), found.get(name))
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for number, (left, right) in enumerate(zip(stated, found, strict=True)):
            yield from _walk(f"{place}[{number}]", left, right)
    elif stated != found:
        yield Difference(place, _json(stated), _json(found))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
