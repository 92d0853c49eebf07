from __future__ import annotations

import pytest

from benchmarks import edge_start
from benchmarks.edge_rig import rig
from benchmarks.edge_start import SECONDS_MAX, Witness, start_seconds


def test_a_gateway_that_starts_afresh_and_one_that_finds_its_outbox_are_both_seen_in_time() -> None:
    with rig("modbus") as made:
        for _ in range(2):
            assert 0 < start_seconds(made) < SECONDS_MAX


def test_a_gateway_that_never_speaks_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_start, "PATIENCE_SECONDS", 0.5)
    with rig("modbus") as made, Witness(made) as witness, pytest.raises(TimeoutError, match="no reading"):
        witness.wait()
