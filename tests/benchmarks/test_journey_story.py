from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import journey_story

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo whose whole story is what the test writes."""
    monkeypatch.setattr(journey_story, "ROOT", tmp_path)
    (tmp_path / "demo").mkdir()
    return tmp_path / "demo" / "__main__.py"


@pytest.mark.parametrize(("code", "held"), [(0, True), (1, False), (2, False)])
def test_a_try_held_only_when_the_demo_says_so(demo: Path, code: int, held: bool) -> None:  # noqa: FBT001 - a table of cases
    demo.write_text(f"import sys; sys.exit({code})")
    assert journey_story.attempt(0) is held


def test_each_try_has_free_ports_and_a_folder_of_its_own_and_no_terminal(demo: Path) -> None:
    demo.write_text(
        "import pathlib, sys\n"
        "assert sys.argv[1:4] == ['--ports', 'free', '--folder']\n"
        "assert list(pathlib.Path(sys.argv[4]).iterdir()) == []\n"
        "assert not sys.stdin.isatty()\n"
        "with open('folders', 'a') as file: file.write(sys.argv[4] + chr(10))\n"
    )
    assert journey_story.attempt(0)
    assert journey_story.attempt(1)
    folders = (demo.parent.parent / "folders").read_text().split()
    assert len(set(folders)) == 2


def test_a_story_that_never_ends_failed(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journey_story, "SECONDS_MAX", 0.5)
    demo.write_text("import time; time.sleep(600)")
    assert journey_story.attempt(0) is False
