from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from firmware_sim.faults import Fault, FaultKind, Trouble
from firmware_sim.logger_clock import LoggerClock
from firmware_sim.probe import Report
from firmware_sim.scenario import ExtraProbe, Hub, Scenario
from firmware_sim.truth import Truth, TruthLog, read_truth, truths_of
from sheetal.contracts.problem import SettingProblem
from tests.firmware_sim.given import SMALL, STARTED_MS, appliance_spec, one_sample

if TYPE_CHECKING:
    from pathlib import Path

    from firmware_sim.appliance import Sample

HUB: Hub = msgspec.toml.decode(SMALL, type=Scenario).hubs[0]


def sample(true_celsius: float, reported_celsius: float | None) -> Sample:
    return one_sample(true_celsius=true_celsius, reported_celsius=reported_celsius, sequence=7)


def test_a_line_holds_the_truth_and_what_the_probe_could_say() -> None:
    assert truths_of(HUB, appliance_spec(), sample(-0.514, -0.5)) == [
        Truth(
            appliance="ILR-1",
            at_ms=STARTED_MS,
            true_centi_celsius=-51,
            reported_centi_celsius=-50,
            sensor="gw-01.ilr1-tvc",
            sequence=7,
            logger_ms=STARTED_MS,
        )
    ]
    assert truths_of(HUB, appliance_spec(), sample(4.0, None))[0].reported_centi_celsius is None


def test_each_probe_has_a_line_with_its_own_faults() -> None:
    drifting = Fault(kind=FaultKind.DRIFT, begins_minutes_before_now=60, celsius_per_hour=1)
    spec = appliance_spec(extra_probes=[ExtraProbe(probe="basket", field="TVC2", faults=[drifting])])
    reports = (Report(4.0, None, Trouble.OPEN_CIRCUIT), Report(4.6, 5.1, None))
    first, second = truths_of(HUB, spec, one_sample(probes=reports, faults=("open_circuit",), minutes_to_now=30))
    assert (first.sensor, first.reported_centi_celsius, first.faults) == ("gw-01.ilr1-tvc", None, ("open_circuit",))
    assert (second.sensor, second.true_centi_celsius, second.reported_centi_celsius) == ("gw-01.basket", 460, 510)
    assert second.faults == ("drift",)


def test_a_line_says_what_the_loggers_own_clock_said() -> None:
    wrong = one_sample(clock=LoggerClock(STARTED_MS - 3_600_000, 60_000, 0))
    assert truths_of(HUB, appliance_spec(), wrong)[0].logger_ms == STARTED_MS - 3_600_000
    assert truths_of(HUB, appliance_spec(), one_sample(clock=LoggerClock(None, 60_000, 0)))[0].logger_ms is None


def test_a_logger_that_restarts_leaves_no_line() -> None:
    assert truths_of(HUB, appliance_spec(), one_sample(recorded=False)) == []


def test_a_log_of_earlier_times_can_still_be_read(tmp_path: Path) -> None:
    old = b'{"appliance":"ILR-1","at_ms":1,"true_centi_celsius":400,"reported_centi_celsius":null}\n'
    (tmp_path / "truth.jsonl").write_bytes(old)
    assert [(one.sensor, one.sequence, one.faults) for one in read_truth(tmp_path / "truth.jsonl")] == [("", 0, ())]


def test_what_was_written_is_read_back_once_it_is_flushed(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    with TruthLog(path) as log:
        log.write(HUB, appliance_spec(), sample(4.01, 4.0))
        log.write(HUB, appliance_spec(serial="ILR-2"), sample(5.02, 5.0))
        log.flush()
        assert [truth.appliance for truth in read_truth(path)] == ["ILR-1", "ILR-2"]
    assert read_truth(path)[1].true_centi_celsius == 502


def test_a_half_written_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    with TruthLog(path) as log:
        log.write(HUB, appliance_spec(), sample(4.01, 4.0))
    path.write_bytes(path.read_bytes() + b'{"appliance":"ILR-2","at_')
    assert [truth.appliance for truth in read_truth(path)] == ["ILR-1"]


def test_every_start_begins_a_fresh_log(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    for _ in range(2):
        with TruthLog(path) as log:
            log.write(HUB, appliance_spec(), sample(4.01, 4.0))
    assert len(read_truth(path)) == 1


def test_a_log_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingProblem, match="cannot be written") as caught:
        TruthLog(tmp_path / "missing" / "truth.jsonl")
    assert caught.value.facts["variable"] == "--truth"
