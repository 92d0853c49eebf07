from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import record
from benchmarks.record import Fault, Figure, keep, load, render

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIGURE = Figure(0.8, "of the limit", "bulk write", 100_000, 0.5, "higher", [0.7, 0.8, 0.9], "2026-11-23")


def test_kept_entries_stand_beside_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PAGE", tmp_path / "figures.md")
    monkeypatch.setattr(record, "BENCHMARKS", tmp_path / "b.json")
    monkeypatch.setattr(record, "FAULTS", tmp_path / "f.json")
    keep(tmp_path / "b.json", "b.second", FIGURE)
    keep(tmp_path / "b.json", "a.first", FIGURE)
    keep(tmp_path / "f.json", "journey.story", Fault(10, 0, "played", "2026-11-23"))
    assert list(load(tmp_path / "b.json")) == ["a.first", "b.second"]
    page = (tmp_path / "figures.md").read_text()
    assert "`a.first`" in page
    assert "| `journey.story` | 10 | 0 |" in page


def test_a_missing_file_has_no_entries(tmp_path: Path) -> None:
    assert load(tmp_path / "none.json") == {}


def test_the_goal_says_which_side_is_better() -> None:
    lower = {
        "value": 2.0,
        "unit": "s",
        "limit": "x",
        "limit_value": 1,
        "goal": 3,
        "better": "lower",
        "runs": [2.0],
        "when": "d",
    }
    assert "| ≤ 3 |" in render({"x": lower}, {})
