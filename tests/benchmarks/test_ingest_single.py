from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import ingest_single
from benchmarks.__main__ import BENCHES
from benchmarks.ingest_rig import Fleet, standing

if TYPE_CHECKING:
    from pathlib import Path


def test_a_small_measurement_runs_through_the_real_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_single, "REPEATS", 1)
    figure = ingest_single.measure("sqlite", 500, Fleet(20))
    assert len(figure.runs) == 1
    assert figure.value > 0
    assert figure.limit_value > 100


def test_a_reading_that_was_acknowledged_but_is_not_stored_is_told(tmp_path: Path) -> None:
    with (
        standing("sqlite", Fleet(2), tmp_path) as stand,
        pytest.raises(RuntimeError, match="7 readings were acknowledged, but 0 are stored"),
    ):
        ingest_single._check(stand, Fleet(2), 7)


def test_it_is_run_by_its_name() -> None:
    assert BENCHES["ingest.single_over_paho"] is ingest_single.measure
