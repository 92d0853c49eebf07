from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import warning_backtest
from benchmarks.__main__ import BENCHES
from benchmarks.cabinets import play, truths
from benchmarks.warning_backtest import (
    BEGIN,
    END,
    FAILURES,
    LIMITS,
    PAGE,
    Row,
    failing,
    healthy,
    joined,
    measure,
    scored,
    short_cut,
    table,
    words_of,
    write,
)
from benchmarks.warning_score import Score, passings_of
from firmware_sim.kinds import Kind

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Score(months=2.0, passings=4, errors_minutes=(5.0, 9.0), leads_minutes=(60.0, 80.0), inside=8, asked=10, false=1)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_every_failure_really_passes_its_limit(failure: warning_backtest.Failure) -> None:
    assert passings_of(truths(play(failing(failure, 3))), LIMITS[failure.limit]) != []


def test_a_failing_refrigerator_is_foreseen() -> None:
    score = scored(failing(FAILURES[0], 1), (FAILURES[0].limit,))
    assert (score.passings, len(score.errors_minutes), score.false) == (1, 1, 0)
    assert (score.median_error_minutes or 99) < 30


def test_a_healthy_appliance_warns_nobody() -> None:
    story = healthy(2)
    score = scored(story._replace(minutes=2 * 24 * 60), words_of(story))
    assert (score.false, score.passings) == (0, 0)
    assert score.months == pytest.approx(2 / 30, rel=0.05), "once, however many limits"


def test_the_limits_are_those_of_the_stock() -> None:
    assert words_of(healthy(0)._replace(kind=Kind.DEEP_FREEZER)) == ("thaw",)
    assert words_of(healthy(0)._replace(kind=Kind.ILR)) == ("heat", "freeze")


def test_a_short_cut_ends() -> None:
    assert all(fault.lasts_minutes is not None and fault.lasts_minutes <= 180 for fault in short_cut(1).faults)


def test_the_table_hides_nothing_and_adds_up() -> None:
    rows = [Row("simulated: a", GOOD), Row("simulated: b", Score(months=1.0)), Row("real: c", GOOD, "c")]
    lines = table([*rows, Row("real: c, other limit", Score(months=2.0, false=3), "c")]).splitlines()
    assert len(lines) == 2 + 4 + 2
    assert lines[2] == "| simulated: a | 2.00 | 4 | 2 | 70 | 7 | 80 % | 1 | 0.50 |"
    assert lines[3] == "| simulated: b | 1.00 | 0 | 0 | – | – | – | 0 | 0.00 |"
    assert lines[-2].startswith("| **all simulated** | 3.00 | 4 | 2 |")
    assert lines[-1].endswith("| 4 | 2.00 |"), "months that two limits watch are counted once"


def test_nothing_watched_is_no_rate() -> None:
    assert joined([]) == Score()
    assert table([Row("simulated: a", Score())]).splitlines()[2].endswith("| 0 | – |")


def test_the_table_stands_between_the_page_s_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "forecast.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.setattr(warning_backtest, "PAGE", page)
    for _ in range(2):
        write([Row("simulated: a", GOOD)])
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\n| trace |")
    assert text.endswith(f"\n\n{END}\nafter\n")
    assert "old" not in text


def test_the_committed_page_has_its_marks() -> None:
    text = PAGE.read_text()
    assert text.index(BEGIN) < text.index(END)


def test_the_figure_says_error_and_false_warnings_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [Row(f"simulated: {one.name}", GOOD) for one in FAILURES]
    others = [Row("simulated: back", Score(months=1.0)), Row("simulated: healthy", Score(months=4.0, false=2))]
    real = [Row("real: c, heat", GOOD._replace(errors_minutes=(40.0,)), "c")]
    monkeypatch.setattr(warning_backtest, "rows", lambda: [*failures, *others, *real])
    monkeypatch.setattr(warning_backtest, "write", lambda _: None)
    figure = measure()
    assert (figure.value, figure.limit_value) == (7.0, 40.0)
    assert "0.50 healthy, 0.50 real traces" in figure.unit
    assert f"{2 * len(FAILURES)} of {4 * len(FAILURES)} failures" in figure.unit
    assert figure.runs == [7.0] * len(FAILURES)


def test_it_is_run_by_its_name() -> None:
    assert BENCHES["warning.median_error_minutes"] is measure
