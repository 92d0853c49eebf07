"""What screens want at once: the newest sample of each sensor and how far each boot is stored.

Gathered in memory, written once a second, off the path of the ack; a crash loses nothing that is not in the store.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import structlog

from sheetal.contracts.topics import gateway_of
from sheetal.ledger.telemetry import Coverage, SensorState
from sheetal.ledger.telemetry_writes import add_coverage, put_sensor_states

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ingest.load import Part
    from ingest.writer import Written
    from sheetal.contracts.batch import AuxRow
    from sheetal.contracts.reading import Reading
    from sheetal.ledger.connect import Ledger

SKEW_MS_MAX = 5 * 60_000
"""DESIGN section 5: a gateway whose clock is further off is flagged."""
WITHOUT_CLOCK = "none"
AUX_VALUES_MAX = 50_000
GATEWAYS_MAX = 200_000

log = structlog.get_logger()


class Span(NamedTuple):
    """What was stored of one boot since the last flush."""

    first: int
    last: int
    rows: int
    received_at_ms: int


class Latest:
    """Takes what was stored from the pipeline's thread; `flush` may run in another."""

    def __init__(self, telemetry: Ledger) -> None:
        self._telemetry = telemetry
        self._lock = Lock()
        self._states: dict[str, SensorState] = {}
        self._spans: dict[tuple[str, int], Span] = {}
        self._aux: OrderedDict[tuple[str, str, str], AuxRow] = OrderedDict()
        self._skewed: OrderedDict[str, None] = OrderedDict()

    def note(self, parts: Iterable[Part], written: Written) -> None:
        """Remembers what one stored load says; conflicting rows show nowhere, repeated ones count once."""
        hidden = {conflict.offered for conflict in written.conflicting} | {reading for reading, _ in written.refused}
        counted = Counter((gateway_of(reading.sensor), reading.boot) for reading in written.new)
        with self._lock:
            for part in parts:
                self._note_part(part, hidden)
            for origin, rows in counted.items():
                known = self._spans[origin]
                self._spans[origin] = known._replace(rows=known.rows + rows)

    def flush(self) -> int:
        """Writes what changed since the last call; how many sensors. Raises Unavailable and keeps all for the next."""
        with self._lock:
            states, self._states = self._states, {}
            spans, self._spans = self._spans, {}
        if not states and not spans:
            return 0
        try:
            with self._telemetry.write() as connection:
                put_sensor_states(connection, list(states.values()))
                add_coverage(connection, [_coverage(origin, span) for origin, span in spans.items()])
        except BaseException:
            with self._lock:
                self._put_back(states, spans)
            raise
        return len(states)

    def aux_of(self, gateway: str) -> list[AuxRow]:
        """The newest value of each aux channel of a gateway since this worker started."""
        with self._lock:
            return [row for (owner, _, _), row in self._aux.items() if owner == gateway]

    def _note_part(self, part: Part, hidden: Collection[Reading]) -> None:
        batch, received_at_ms = part.believed.batch, part.message.received_at_ms
        offset_ms = received_at_ms - batch.sent_at_ms
        if batch.clock_source == WITHOUT_CLOCK:
            # What such a gateway calls now is no clock's time, so it is neither right nor wrong.
            offset_ms = 0
        else:
            self._note_clock(batch.gateway, offset_ms)
        newest: dict[str, Reading] = {}
        for reading in part.accepted.readings:
            known = newest.get(reading.sensor)
            if (known is None or known.measured_at_ms <= reading.measured_at_ms) and reading not in hidden:
                newest[reading.sensor] = reading
        for reading in newest.values():
            self._note_reading(reading, received_at_ms, offset_ms)
        for row in part.accepted.aux:
            self._note_aux(batch.gateway, row)
        if sequences := part.accepted.sequences:
            span = Span(min(sequences), max(sequences), 0, received_at_ms)
            self._widen((batch.gateway, batch.boot), span)

    def _note_reading(self, reading: Reading, received_at_ms: int, offset_ms: int) -> None:
        known = self._states.get(reading.sensor)
        if known is None or known.measured_at_ms <= reading.measured_at_ms:
            self._states[reading.sensor] = SensorState(
                sensor_id=reading.sensor,
                measured_at_ms=reading.measured_at_ms,
                centi_celsius=reading.centi_celsius,
                quality=reading.quality,
                received_at_ms=received_at_ms,
                clock_offset_ms=offset_ms,
            )

    def _note_aux(self, gateway: str, row: AuxRow) -> None:
        key = (gateway, row.source, row.field)
        known = self._aux.get(key)
        if known is None or known.measured_at_ms <= row.measured_at_ms:
            self._aux[key] = row
            self._aux.move_to_end(key)
        if len(self._aux) > AUX_VALUES_MAX:
            self._aux.popitem(last=False)

    def _widen(self, origin: tuple[str, int], seen: Span) -> None:
        known = self._spans.get(origin, seen)
        self._spans[origin] = Span(
            min(known.first, seen.first),
            max(known.last, seen.last),
            known.rows + (0 if known is seen else seen.rows),
            max(known.received_at_ms, seen.received_at_ms),
        )

    def _note_clock(self, gateway: str, offset_ms: int) -> None:
        """Says once when a gateway's clock goes wrong and once when it is right again."""
        is_skewed = abs(offset_ms) > SKEW_MS_MAX
        if is_skewed == (gateway in self._skewed):
            return
        if is_skewed:
            log.warning("A gateway's clock is off", gateway=gateway, offset_ms=offset_ms)
            self._skewed[gateway] = None
            if len(self._skewed) > GATEWAYS_MAX:
                self._skewed.popitem(last=False)
        else:
            log.info("A gateway's clock is right again", gateway=gateway, offset_ms=offset_ms)
            del self._skewed[gateway]

    def _put_back(self, states: dict[str, SensorState], spans: dict[tuple[str, int], Span]) -> None:
        for sensor, state in states.items():
            known = self._states.get(sensor)
            if known is None or known.measured_at_ms < state.measured_at_ms:
                self._states[sensor] = state
        for origin, span in spans.items():
            self._widen(origin, span)


def _coverage(origin: tuple[str, int], span: Span) -> Coverage:
    return Coverage(
        gateway_id=origin[0],
        boot=origin[1],
        first_sequence=span.first,
        last_sequence=span.last,
        rows_stored=span.rows,
        received_at_ms=span.received_at_ms,
    )
