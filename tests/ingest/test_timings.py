from __future__ import annotations

import dataclasses

import pytest

from ingest.timings import Timings
from sheetal.tally import ROWS, SECONDS


def test_each_worker_counts_for_itself() -> None:
    one, two = Timings(), Timings()
    one.store_write_seconds.observe(0.2)
    one.refused.add("wrong_mac")
    assert (one.store_write_seconds.count, two.store_write_seconds.count) == (1, 0)
    assert two.refused.items() == []


def test_rows_have_bounds_of_rows_and_spans_of_seconds() -> None:
    timings = Timings()
    assert timings.load_rows.bounds == ROWS
    for name in ("store_write_seconds", "telemetry_commit_seconds", "ack_lag_seconds"):
        assert getattr(timings, name).bounds == SECONDS


def test_nobody_puts_another_counter_in_its_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Timings().refused = None  # type: ignore[misc, assignment]  # that is what must fail
