from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import figures
from benchmarks.figures import main, table
from benchmarks.record import FAULTS, Fault, keep

if TYPE_CHECKING:
    from pathlib import Path

HOW = "SIGKILL of a gateway, the broker or ingest at a random moment of a running line, then everything is compared"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("benchmarks.record.PAGE", tmp_path / "figures.md")
    monkeypatch.setattr(figures, "PAGE", tmp_path / "figures.md")
    monkeypatch.setattr(figures, "FAULTS", tmp_path / "faults.json")
    monkeypatch.setattr(figures, "BENCHMARKS", tmp_path / "benchmarks.json")
    keep(tmp_path / "faults.json", "edge.kill9", Fault(12_000, 0, HOW, "2026-11-23"))
    return tmp_path


def test_the_table_is_printed_and_nothing_written(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (kept / "figures.md").read_text()
    assert main(["--faults"]) == 0
    head, row, rest = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "tried", "lost", "when", "how"]
    assert row.split()[:4] == ["edge.kill9", "12,000", "0", "2026-11-23"]
    assert rest.strip().endswith("compared")
    assert (kept / "figures.md").read_text() == before


def test_a_broken_promise_is_an_exit_code(kept: Path) -> None:
    keep(kept / "faults.json", "edge.clock", Fault(6, 1, "skewed", "2026-11-23"))
    assert main(["--faults"]) == 1


def test_the_page_is_rendered(kept: Path) -> None:
    (kept / "figures.md").unlink()
    assert main([]) == 0
    assert "| `edge.kill9` | 12,000 | 0 |" in (kept / "figures.md").read_text()


def test_the_columns_stand_below_each_other() -> None:
    lines = table({"a": {"tried": 1, "failed": 0, "when": "2026-11-23", "how": HOW}}).splitlines()
    assert [line.index("SIGKILL") for line in lines if "SIGKILL" in line] == [lines[0].index("how")]
    assert lines[2].index(lines[2].split()[0]) == lines[0].index("how")
    assert table({}).startswith("name")


def test_the_committed_file_is_the_one_that_is_read() -> None:
    assert FAULTS.name == "faults.json"
    assert FAULTS.exists()
