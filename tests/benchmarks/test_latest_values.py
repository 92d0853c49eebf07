from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import latest_values
from benchmarks.latest_values import fastest_ms, main, measure, run, state

if TYPE_CHECKING:
    from pathlib import Path


def test_sensors_are_told_apart_and_stand_below_their_gateway() -> None:
    made = [state(number) for number in range(9)]
    assert len({one.sensor_id for one in made}) == 9
    assert {one.sensor_id.partition(".")[0] for one in made} == {"gw-00000", "gw-00001", "gw-00002"}


def test_every_repeat_reads_every_sensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest_values, "REPEATS", 2)
    repeats = list(run(tmp_path, 30))
    assert len(repeats) == 2
    assert all(one.call_ms > 0 and one.bare_ms > 0 for one in repeats)


def test_a_read_that_gives_less_is_no_measure() -> None:
    with pytest.raises(RuntimeError, match="2 rows of 3"):
        fastest_ms(lambda: ["a", "b"], 3)


def test_a_small_measurement_makes_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest_values, "REPEATS", 3)
    figure = measure(40)
    assert len(figure.runs) == 3
    assert figure.value > 0
    assert figure.limit_value > 0
    assert (figure.goal, figure.better, figure.unit) == (10, "lower", "ms")


def test_the_command_prints_each_repeat(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest_values, "REPEATS", 1)
    assert main(["10"]) == 0
    assert "ms the call" in capsys.readouterr().out
