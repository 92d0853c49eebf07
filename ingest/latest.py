"""What screens want at once: the newest sample of each sensor and how far each boot is stored.

Gathered in memory, written once a second, off the path of the ack; a crash loses nothing that is not in the store.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import structlog

from sheetal.contracts.batch import union
from sheetal.contracts.topics import gateway_of
from sheetal.ledger.telemetry import Coverage, SensorState
from sheetal.ledger.telemetry_sequences import settle_ranges
from sheetal.ledger.telemetry_writes import add_coverage, put_sensor_states

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ingest.load import Part
    from ingest.writer import Written
    from sheetal.contracts.batch import AuxRow
    from sheetal.contracts.clock import Clock
    from sheetal.contracts.reading import Reading
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.telemetry_sequences import Boot

SKEW_MS_MAX = 5 * 60_000
"""DESIGN section 5: a gateway whose clock is further off is flagged."""
WITHOUT_CLOCK = "none"
AUX_VALUES_MAX = 50_000
GATEWAYS_MAX = 200_000
SAID_AGAIN_MS = 10 * 60_000
SETTLED_MAX = 30_000
"""Ranges that wait to be written; one that finds no room looks missing, is asked for again and found stored."""

log = structlog.get_logger()


class Span(NamedTuple):
    """What was stored of one boot since the last flush."""

    first: int
    last: int
    rows: int
    received_at_ms: int


class Said(NamedTuple):
    """What the log last said of a gateway's clock, and when."""

    is_skewed: bool
    at_ms: int


RIGHT = Said(is_skewed=False, at_ms=0)


class Newest(NamedTuple):
    """The newest sample of a sensor, when it came, and how far its gateway's clock was off then."""

    reading: Reading
    received_at_ms: int
    clock_offset_ms: int


class Latest:
    """Takes what was stored from the pipeline's thread; `flush` may run in another."""

    def __init__(self, telemetry: Ledger, clock: Clock) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._lock = Lock()
        self._newest: dict[str, Newest] = {}
        self._spans: dict[Boot, Span] = {}
        self._settled: dict[Boot, list[tuple[int, int]]] = {}
        self._settled_ranges = 0
        self._aux: OrderedDict[tuple[str, str, str], AuxRow] = OrderedDict()
        self._clocks: OrderedDict[str, Said] = OrderedDict()

    def note(self, parts: Iterable[Part], written: Written) -> None:
        """Remembers what one stored load says; conflicting rows show nowhere, repeated ones count once."""
        hidden = {conflict.offered for conflict in written.conflicting} | {reading for reading, _ in written.refused}
        is_all_new = not (written.repeated or written.conflicting or written.refused)
        with self._lock:
            for part in parts:
                self._note_part(part, hidden, len(part.accepted.readings) if is_all_new else 0)
            if not is_all_new:
                self._count_new(written.new)

    def flush(self) -> int:
        """Writes what changed since the last call; how many sensors. Raises Unavailable and keeps all for the next."""
        with self._lock:
            newest, self._newest = self._newest, {}
            spans, self._spans = self._spans, {}
        if not (newest or spans):
            return 0
        try:
            with self._telemetry.write() as connection:
                put_sensor_states(connection, [_state(one) for one in newest.values()])
                add_coverage(connection, [_coverage(origin, span) for origin, span in spans.items()])
        except BaseException:
            with self._lock:
                self._put_back(newest, spans)
            raise
        return len(newest)

    def settle(self) -> int:
        """Writes which numbers of each boot are settled by now; how many boots. Raises Unavailable and keeps all."""
        with self._lock:
            settled, self._settled, self._settled_ranges = self._settled, {}, 0
        if not settled:
            return 0
        try:
            with self._telemetry.write() as connection:
                settle_ranges(connection, settled, self._clock())
        except BaseException:
            with self._lock:
                later, self._settled, self._settled_ranges = self._settled, {}, 0
                for boot in [*settled, *(boot for boot in later if boot not in settled)]:
                    self._settle(boot, union([*settled.get(boot, ()), *later.get(boot, ())]))
            raise
        return len(settled)

    @property
    def skewed_gateways(self) -> int:
        """How many gateways' clocks were last said to be off."""
        with self._lock:
            return sum(said.is_skewed for said in self._clocks.values())

    def aux_of(self, gateway: str) -> list[AuxRow]:
        """The newest value of each aux channel of a gateway since this worker started."""
        with self._lock:
            return [row for (owner, _, _), row in self._aux.items() if owner == gateway]

    def _note_part(self, part: Part, hidden: Collection[Reading], new_rows: int) -> None:
        batch, received_at_ms = part.believed.batch, part.message.received_at_ms
        offset_ms = received_at_ms - batch.sent_at_ms
        if batch.clock_source == WITHOUT_CLOCK:
            # What such a gateway calls now is no clock's time, so it is neither right nor wrong.
            offset_ms = 0
        else:
            self._note_clock(batch.gateway, offset_ms, received_at_ms)
        for reading in _newest_of(part.accepted.readings, hidden):
            known = self._newest.get(reading.sensor)
            if known is None or known.reading.measured_at_ms <= reading.measured_at_ms:
                self._newest[reading.sensor] = Newest(reading, received_at_ms, offset_ms)
        for row in part.accepted.aux:
            self._note_aux(batch.gateway, row)
        self._note_settled(part)
        if part.stored:
            first, last = part.stored[0][0], part.stored[-1][1]
            self._widen((batch.gateway, batch.boot), Span(first, last, new_rows, received_at_ms))

    def _note_settled(self, part: Part) -> None:
        gateway, boot = part.believed.gateway, part.believed.batch.boot
        settled = [*part.stored, *((refusal.sequence, refusal.sequence) for refusal in part.accepted.refused)]
        self._settle((gateway, boot), settled)
        for span in part.accepted.thinned:
            self._settle((gateway, span.covers_boot), span.covers)

    def _settle(self, boot: Boot, ranges: Iterable[tuple[int, int]]) -> None:
        """Remembers ranges, each joined with the one before where they meet; beyond the bound they look missing."""
        known = self._settled.setdefault(boot, [])
        for first, last in ranges:
            if known and known[-1][0] <= first <= known[-1][1] + 1:
                known[-1] = (known[-1][0], max(known[-1][1], last))
            elif self._settled_ranges < SETTLED_MAX:
                known.append((first, last))
                self._settled_ranges += 1

    def _count_new(self, new: Iterable[Reading]) -> None:
        for origin, rows in Counter((gateway_of(reading.sensor), reading.boot) for reading in new).items():
            known = self._spans[origin]
            self._spans[origin] = known._replace(rows=known.rows + rows)

    def _note_aux(self, gateway: str, row: AuxRow) -> None:
        key = (gateway, row.source, row.field)
        known = self._aux.get(key)
        if known is None or known.measured_at_ms <= row.measured_at_ms:
            self._aux[key] = row
            self._aux.move_to_end(key)
        if len(self._aux) > AUX_VALUES_MAX:
            self._aux.popitem(last=False)

    def _widen(self, origin: tuple[str, int], seen: Span) -> None:
        known = self._spans.get(origin)
        self._spans[origin] = seen if known is None else _both(known, seen)

    def _note_clock(self, gateway: str, offset_ms: int, received_at_ms: int) -> None:
        """Says when a gateway's clock goes wrong and when it is right again, seldom where it keeps changing."""
        is_skewed = abs(offset_ms) > SKEW_MS_MAX
        said = self._clocks.get(gateway, RIGHT)
        if is_skewed == said.is_skewed or abs(received_at_ms - said.at_ms) < SAID_AGAIN_MS:
            return
        self._clocks[gateway] = Said(is_skewed, received_at_ms)
        self._clocks.move_to_end(gateway)
        if len(self._clocks) > GATEWAYS_MAX:
            self._clocks.popitem(last=False)
        if is_skewed:
            log.warning("A gateway's clock is off", gateway=gateway, offset_ms=offset_ms)
        else:
            log.info("A gateway's clock is right again", gateway=gateway, offset_ms=offset_ms)

    def _put_back(self, newest: dict[str, Newest], spans: dict[tuple[str, int], Span]) -> None:
        for sensor, one in newest.items():
            known = self._newest.get(sensor)
            if known is None or known.reading.measured_at_ms < one.reading.measured_at_ms:
                self._newest[sensor] = one
        for origin, span in spans.items():
            self._widen(origin, span)


def _newest_of(readings: Sequence[Reading], hidden: Collection[Reading]) -> Iterable[Reading]:
    """The newest of each sensor; of two for one instant the later one."""
    instants = [reading[1] for reading in readings]
    if not hidden and instants == sorted(instants):
        return {reading[0]: reading for reading in readings}.values()
    newest: dict[str, Reading] = {}
    for reading in readings:
        known = newest.get(reading[0])
        if (known is None or known[1] <= reading[1]) and not (hidden and reading in hidden):
            newest[reading[0]] = reading
    return newest.values()


def _both(one: Span, other: Span) -> Span:
    return Span(
        min(one.first, other.first),
        max(one.last, other.last),
        one.rows + other.rows,
        max(one.received_at_ms, other.received_at_ms),
    )


def _state(newest: Newest) -> SensorState:
    reading = newest.reading
    return SensorState(
        sensor_id=reading.sensor,
        measured_at_ms=reading.measured_at_ms,
        centi_celsius=reading.centi_celsius,
        quality=reading.quality,
        received_at_ms=newest.received_at_ms,
        clock_offset_ms=newest.clock_offset_ms,
    )


def _coverage(origin: tuple[str, int], span: Span) -> Coverage:
    return Coverage(
        gateway_id=origin[0],
        boot=origin[1],
        first_sequence=span.first,
        last_sequence=span.last,
        rows_stored=span.rows,
        received_at_ms=span.received_at_ms,
    )
