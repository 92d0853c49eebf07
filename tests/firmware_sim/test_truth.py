from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firmware_sim.appliance import Sample
from firmware_sim.truth import Truth, TruthLog, read_truth, truth_of
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path


def sample(true_celsius: float, reported_celsius: float | None) -> Sample:
    return Sample(
        at_ms=1_790_000_000_000,
        true_celsius=true_celsius,
        reported_celsius=reported_celsius,
        ambient_celsius=31.0,
        compressor_minutes=0.5,
        door_seconds=0,
        mains_seconds=60,
        holdover_days=0.5,
        battery_days=14.0,
        alarms=(),
    )


def test_a_line_holds_the_truth_and_what_the_probe_could_say() -> None:
    assert truth_of("ILR-1", sample(-0.514, -0.5)) == Truth(
        appliance="ILR-1", at_ms=1_790_000_000_000, true_centi_celsius=-51, reported_centi_celsius=-50
    )
    assert truth_of("ILR-1", sample(4.0, None)).reported_centi_celsius is None


def test_what_was_written_is_read_back_once_it_is_flushed(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    with TruthLog(path) as log:
        log.write("ILR-1", sample(4.01, 4.0))
        log.write("ILR-2", sample(5.02, 5.0))
        log.flush()
        assert [truth.appliance for truth in read_truth(path)] == ["ILR-1", "ILR-2"]
    assert read_truth(path)[1].true_centi_celsius == 502


def test_a_half_written_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    with TruthLog(path) as log:
        log.write("ILR-1", sample(4.01, 4.0))
    path.write_bytes(path.read_bytes() + b'{"appliance":"ILR-2","at_')
    assert [truth.appliance for truth in read_truth(path)] == ["ILR-1"]


def test_every_start_begins_a_fresh_log(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    for _ in range(2):
        with TruthLog(path) as log:
            log.write("ILR-1", sample(4.01, 4.0))
    assert len(read_truth(path)) == 1


def test_a_log_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingProblem, match="cannot be written") as caught:
        TruthLog(tmp_path / "missing" / "truth.jsonl")
    assert caught.value.facts["variable"] == "--truth"
