from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import ingest_end_to_end
from benchmarks.__main__ import BENCHES
from benchmarks.ingest_end_to_end import Repeat
from benchmarks.ingest_rig import Fleet, standing

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Fleet(20, 4, 60)


def test_a_small_repeat_runs_through_the_real_parts() -> None:
    found = ingest_end_to_end.repeat("sqlite", SMALL, 100)
    assert min(found) > 1_000


def test_a_reading_that_was_acknowledged_but_is_not_stored_is_told(tmp_path: Path) -> None:
    with (
        standing("sqlite", SMALL, tmp_path) as stand,
        pytest.raises(RuntimeError, match="420 readings were acknowledged, but 0 are stored"),
    ):
        ingest_end_to_end._check(stand, SMALL, 7)


def test_both_figures_come_out_of_the_same_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = iter([Repeat(200.0, 100.0, 90.0), Repeat(210.0, 110.0, 99.0), Repeat(190.0, 90.0, 45.0)])
    monkeypatch.setattr(ingest_end_to_end, "REPEATS", 3)
    monkeypatch.setattr(ingest_end_to_end, "repeat", lambda *_: next(rates))
    ingest_end_to_end._repeats.cache_clear()
    try:
        loaded, idle = ingest_end_to_end.measure_over_loaded_bulk(), ingest_end_to_end.measure_over_idle_bulk()
    finally:
        ingest_end_to_end._repeats.cache_clear()
    assert (loaded.value, loaded.limit_value, loaded.runs) == (0.9, 100.0, [0.9, 0.9, 0.5])
    assert (idle.value, idle.limit_value) == (0.45, 200.0)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("ingest.e2e60_over_loaded_bulk", ingest_end_to_end.measure_over_loaded_bulk),
        ("ingest.e2e60_over_idle_bulk", ingest_end_to_end.measure_over_idle_bulk),
        ("ingest.end_to_end_over_store_bulk", ingest_end_to_end.measure_ten),
        ("readings.embedded_over_write", ingest_end_to_end.measure_embedded),
    ],
)
def test_each_figure_is_measured_by_its_name(name: str, function: object) -> None:
    assert BENCHES[name] is function
