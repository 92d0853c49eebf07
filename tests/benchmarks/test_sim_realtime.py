from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import sim_realtime
from benchmarks.sim_realtime import GOAL, ratio

if TYPE_CHECKING:
    import pytest


def test_a_thousand_appliances_are_far_faster_than_real_time() -> None:
    assert ratio(appliances=1_000, simulated_seconds=60) > 10 * GOAL


def test_twice_the_appliances_take_about_twice_as_long() -> None:
    few, many = (ratio(appliances, simulated_seconds=120) for appliances in (200, 800))
    assert 1.5 < few / many < 12


def test_the_figure_is_the_median_of_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([90.0, 70.0, 80.0])
    monkeypatch.setattr(sim_realtime, "ratio", lambda: next(told))
    figure = sim_realtime.measure()
    assert (figure.value, figure.runs, figure.better, figure.goal) == (80.0, [90.0, 70.0, 80.0], "higher", 1.0)
