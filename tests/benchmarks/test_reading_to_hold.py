from __future__ import annotations

import pytest

from benchmarks import reading_to_hold
from benchmarks.reading_to_hold import GOAL_SECONDS, Measured, main, measure, percentile, run

FOUND = Measured([0.1 * number for number in range(1, 101)], [0.001, 0.002], 1_000.4)


@pytest.mark.timeout(180)
def test_each_hold_is_timed_from_its_own_reading_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_to_hold, "WARM_SECONDS", 2.0)
    found = run(3, gateways=2)
    assert len(found.holds) == 3
    assert all(0 < seconds < 60 for seconds in found.holds)
    assert len(found.broker) > 3
    assert 10 < found.readings_a_second < 30


def test_the_figure_is_the_ninety_ninth_of_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_to_hold, "run", lambda _: FOUND)
    figure = measure()
    assert figure.value == pytest.approx(10.0)
    assert (figure.goal, figure.better, figure.limit_value) == (GOAL_SECONDS, "lower", 2.0)
    assert figure.runs == pytest.approx([5.1, 9.1, 10.0, 10.0])
    assert "1,000 readings/s" in figure.unit


def test_the_distribution_is_printed_beside_the_brokers(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(reading_to_hold, "run", lambda _: FOUND)
    assert main(["100"]) == 0
    out = capsys.readouterr().out
    assert "reading to hold: p50 5.100 s" in out
    assert "broker alone: p50 0.002 s" in out


@pytest.mark.parametrize(("share", "value"), [(0, 1), (50, 3), (99, 4), (100, 4)])
def test_a_percentile_is_one_of_the_values(share: int, value: int) -> None:
    assert percentile([4, 2, 3, 1], share) == value
