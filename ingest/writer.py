"""Batches into the readings port, so that what was stored first stays."""

from __future__ import annotations

from threading import Condition, Lock
from typing import TYPE_CHECKING, NamedTuple

from ingest.conflicts import Split, StoredThrough, by_sensor, has_repeats, spans_to_read, split
from sheetal.contracts.limits import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.conflicts import Conflict, Span
    from sheetal.contracts.reading import Reading
    from sheetal.readings.port import ReadingsStore

ROWS_MAX = 5_000
HORIZON_MS = 2 * DAY_MS
"""Acceptance lets nothing in that is stamped later than a day ahead, so the store holds nothing beyond this."""
LOOKED_FOR_MS = 7 * DAY_MS
"""A sensor's newest row is looked for no further back: years of a stopped clock's stamps would hold all others up.

A week, so that a fleet that was cut off for days goes blind again as it catches up.
"""


class Written(NamedTuple):
    """What became of the offered rows; all but the refused ones are durable.

    `instants` are those of every durable row by its sensor, sorted.
    """

    new: list[Reading]
    repeated: list[Reading]
    conflicting: list[Conflict]
    refused: list[tuple[Reading, str]]
    instants: dict[str, list[int]]


class Writer:
    """Reads back what may collide, writes what is new; repeating a call is always safe, from any thread.

    Calls all of whose rows are newer than everything stored or being written go side by side; any other waits until
    nothing else is being written, and nothing is while it reads back, compares and writes. `is_alone` says whether no
    other worker writes the same sensors; while one does, nothing goes blind.
    """

    def __init__(self, store: ReadingsStore, is_alone: Callable[[], bool], known: StoredThrough | None = None) -> None:
        self._store = store
        self._is_alone = is_alone
        self._known = known or StoredThrough()
        self._entrance = Lock()
        self._quiet = Condition()
        self._blind_writes = 0

    def write(self, offered: Sequence[Reading], now_ms: int) -> Written:
        """Returns when the rows are durable; raises what the port raises, having forgotten nothing."""
        instants = by_sensor(offered)
        with self._entrance:
            is_alone = self._is_alone()
            if not is_alone:
                self._known.forget()
            spans = self._spans(instants)
            if spans or has_repeats(instants):
                # Nobody else comes in meanwhile, so that what is found is what stands, and the wait has an end.
                self._wait_for_blind_writes()
                found, refused = self._write_compared(offered, instants, spans)
                if is_alone:
                    self._remember(instants, now_ms)
                return _without(found, refused) if refused else Written(*found, refused, instants)
            # From here on these rows count as stored: whoever offers one again, we too, must read it back.
            self._advance(instants)
            self._begin_blind_write()
        try:
            refused = self._write_all(offered)
        finally:
            self._end_blind_write()
        found = Split(list(offered), [], [])
        return _without(found, refused) if refused else Written(*found, refused, instants)

    def _begin_blind_write(self) -> None:
        with self._quiet:
            self._blind_writes += 1

    def _end_blind_write(self) -> None:
        with self._quiet:
            self._blind_writes -= 1
            self._quiet.notify_all()

    def _wait_for_blind_writes(self) -> None:
        with self._quiet:
            self._quiet.wait_for(lambda: not self._blind_writes)

    def _spans(self, instants: dict[str, list[int]]) -> list[Span]:
        return [
            span
            for sensor, offered_ms in instants.items()
            for span in spans_to_read(sensor, offered_ms, self._known.get(sensor))
        ]

    def _advance(self, instants: dict[str, list[int]]) -> None:
        for sensor, offered_ms in instants.items():
            self._known.advance(sensor, offered_ms[-1])

    def _write_compared(
        self, offered: Sequence[Reading], instants: dict[str, list[int]], spans: list[Span]
    ) -> tuple[Split, list[tuple[Reading, str]]]:
        stored = self._store.read_many(spans) if spans else []
        found = split(offered, stored)
        return found, self._write_all([*found.new, *self._doubtful(stored, instants)])

    def _doubtful(self, stored: Sequence[Reading], instants: dict[str, list[int]]) -> list[Reading]:
        """The stored rows under offered keys, to be written again where being read does not prove them durable."""
        if not stored or self._store.capabilities.reads_are_durable:
            return []
        offered = {(sensor, one_ms) for sensor, offered_ms in instants.items() for one_ms in offered_ms}
        return [reading for reading in stored if _key(reading) in offered]

    def _write_all(self, readings: Sequence[Reading]) -> list[tuple[Reading, str]]:
        refused: list[tuple[Reading, str]] = []
        for first in range(0, len(readings), ROWS_MAX):
            chunk = readings[first : first + ROWS_MAX]
            result = self._store.write(chunk)
            refused += [(chunk[index], reason) for index, reason in result.rejected]
        return refused

    def _remember(self, instants: dict[str, list[int]], now_ms: int) -> None:
        """A sensor is known once the store holds nothing newer than what was just written; history waits for that."""
        offered = {sensor: offered_ms[-1] for sensor, offered_ms in instants.items()}
        unknown = {sensor: last_ms for sensor, last_ms in offered.items() if self._known.get(sensor) is None}
        looked_for = {sensor: last_ms for sensor, last_ms in unknown.items() if last_ms >= now_ms - LOOKED_FOR_MS}
        newest: dict[str, int] = {}
        if looked_for:
            newest = self._store.newest_ms(list(looked_for), min(looked_for.values()), now_ms + HORIZON_MS)
        for sensor, last_ms in offered.items():
            if (sensor in looked_for or sensor not in unknown) and newest.get(sensor, 0) <= last_ms:
                self._known.advance(sensor, last_ms)


def _without(found: Split, refused: list[tuple[Reading, str]]) -> Written:
    """A row that repeats or contradicts a refused one of the same call shares its fate."""
    reasons = {_key(reading): reason for reading, reason in refused}
    offered = [*found.new, *found.repeated, *(conflict.offered for conflict in found.conflicting)]
    return Written(
        [reading for reading in found.new if _key(reading) not in reasons],
        [reading for reading in found.repeated if _key(reading) not in reasons],
        [conflict for conflict in found.conflicting if _key(conflict.offered) not in reasons],
        [(reading, reasons[_key(reading)]) for reading in offered if _key(reading) in reasons],
        by_sensor(reading for reading in offered if _key(reading) not in reasons),
    )


def _key(reading: Reading) -> tuple[str, int]:
    return reading.sensor, reading.measured_at_ms
