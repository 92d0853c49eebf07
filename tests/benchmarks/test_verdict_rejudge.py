from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import verdict_rejudge
from benchmarks.rejudge_room import DELIVERIES
from benchmarks.verdict_rejudge import GOAL_SECONDS, REPEATS, main, measure, run

if TYPE_CHECKING:
    from pathlib import Path


def test_every_holding_gets_a_new_verdict_each_time(tmp_path: Path) -> None:
    repeats = list(run(tmp_path, DELIVERIES))
    assert len(repeats) == REPEATS
    assert all(one.judging > 0 < one.inserting for one in repeats)
    assert not list(tmp_path.glob("bare.db*"))


def test_a_verdict_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict_rejudge, "late_hour", lambda _: verdict_rejudge.hours_of(0).__next__()[:1])
    with pytest.raises(RuntimeError, match="instead of 100 new verdicts"):
        list(run(tmp_path, DELIVERIES))


def test_the_figure_says_what_it_is_measured_against() -> None:
    figure = measure(DELIVERIES)
    assert (figure.unit, figure.goal, figure.better) == ("s", GOAL_SECONDS, "lower")
    assert len(figure.runs) == REPEATS
    assert "INSERT" in figure.limit


def test_each_repeat_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(DELIVERIES)]) == 0
    assert capsys.readouterr().out.count("s judging again") == REPEATS
