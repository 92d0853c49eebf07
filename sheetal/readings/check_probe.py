"""One row there and back: whether a store keeps what it acknowledges and gives it out again.

The row stands under a reserved name at the first millisecond of 1970, so that no gateway's reading can be hit, a store
that refuses old rows shows it, and every check writes the same key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.contracts.reading import Reading
from sheetal.readings.finding import Finding, problem, well

if TYPE_CHECKING:
    from sheetal.readings.port import ReadingsStore

SENSOR = "sheetal-check.probe"
AT_MS = 1
_CENTI_CELSIUS = 400
_SPAN = (AT_MS, AT_MS + 1)


def probe(store: ReadingsStore, nonce: int, mapping: str = "") -> list[Finding]:
    """Writes the row with `nonce` as its sequence, reads it back, removes it; `mapping` is what may hide it."""
    try:
        return _probe(store, Reading(SENSOR, AT_MS, _CENTI_CELSIUS, 0, 1, nonce), mapping)
    except (Unavailable, Rejected) as error:
        return [problem(f"a probe row did not make its way: {error.message}", error.next_step)]


def _probe(store: ReadingsStore, row: Reading, mapping: str) -> list[Finding]:
    store.expire(AT_MS + 1)
    before = store.count(SENSOR, *_SPAN)
    rejected = store.write([row]).rejected
    if rejected:
        return [
            problem(
                f"a row of 1970 was refused, so a late backlog would be too: {rejected[0][1]}",
                "keep readings for ever: retention 0 for a bucket, DURATION INF for a policy; expire them by Sheetal",
            )
        ]
    found = store.read(SENSOR, *_SPAN)
    if found != [row]:
        what = "was not read back" if not found else f"came back as {found[0][2:]}"
        return [
            problem(f"a probe row was written and {what}", mapping or "check that reads and writes meet in one place")
        ]
    return [well("a probe row was written and read back"), _cleared(store, before)]


def _cleared(store: ReadingsStore, before: int) -> Finding:
    store.expire(AT_MS + 1)
    left = store.count(SENSOR, *_SPAN)
    if left == 0:
        return well("the probe row was removed again")
    kept = "the one of an earlier check" if before else "one row"
    return well(f"the probe row stays ({kept}, sensor {SENSOR}, 1970): this server deletes nothing by InfluxQL")
