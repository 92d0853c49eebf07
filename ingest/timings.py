"""How long ingest's steps take and what it refuses, counted where it is done; `ingest.metrics` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sheetal.tally import ROWS, Buckets, Tally


def _rows() -> Buckets:
    return Buckets(ROWS)


@dataclass(frozen=True, slots=True)
class Timings:
    """Each field has one counting thread, but `refused`, which any may count in.

    `ack_lag_seconds` is from a message's receipt to its acknowledgement; `refused` counts letters by reason.
    """

    load_rows: Buckets = field(default_factory=_rows)
    store_write_seconds: Buckets = field(default_factory=Buckets)
    telemetry_commit_seconds: Buckets = field(default_factory=Buckets)
    ack_lag_seconds: Buckets = field(default_factory=Buckets)
    refused: Tally = field(default_factory=Tally)
