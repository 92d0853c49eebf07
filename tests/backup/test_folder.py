from __future__ import annotations

import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from backup.folder import growing
from backup.manifest import NAME, Kind
from sheetal.contracts.problem import Refused

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path, kind: Kind = Kind.DATA) -> None:
    with growing(folder, kind) as growth:
        (growth / NAME).write_text("whole")


def test_it_is_there_whole_and_private(tmp_path: Path) -> None:
    with growing(tmp_path / "b", Kind.DATA) as growth:
        (growth / NAME).write_text("whole")
        assert not (tmp_path / "b").exists()
    assert [path.name for path in (tmp_path / "b").iterdir()] == [NAME]
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_an_empty_folder_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    fill(tmp_path / "b")
    assert (tmp_path / "b" / NAME).exists()


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(growth: Path) -> None:
        (growth / "part").write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), growing(tmp_path / "b", Kind.DATA) as growth:
        fail(growth)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_is_not_overwritten(tmp_path: Path) -> None:
    fill(tmp_path / "b")
    with pytest.raises(Refused, match="not empty"):
        fill(tmp_path / "b")
    (tmp_path / "file").write_text("x")
    with pytest.raises(Refused, match="not empty"):
        fill(tmp_path / "file")


@pytest.mark.parametrize(("outer", "inner"), [(Kind.DATA, Kind.KEYS), (Kind.KEYS, Kind.DATA)])
def test_keys_and_data_never_lie_in_one_folder(tmp_path: Path, outer: Kind, inner: Kind) -> None:
    fill(tmp_path / "b", outer)
    for inside in (tmp_path / "b" / "more", tmp_path / "b" / "deep" / "er"):
        with pytest.raises(Refused, match="inside another backup"):
            fill(inside, inner)
    with pytest.raises(Refused, match="not empty"):
        fill(tmp_path / "b", inner)
    fill(tmp_path / "beside", inner)


def test_a_stranger_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "b.partial").mkdir()
    (tmp_path / "b.partial" / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match="in the way"):
        fill(tmp_path / "b")
    assert (tmp_path / "b.partial" / "thesis.txt").read_text() == "mine"


def test_a_backup_cut_off_by_a_kill_is_none_and_the_next_one_succeeds(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from backup.folder import growing\nfrom backup.manifest import Kind\n"
        "with growing(Path(sys.argv[1]), Kind.DATA) as growth:\n"
        "    (growth / 'manifest.json').write_text('whole')\n    print('written', flush=True)\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "b")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().strip() == "written"
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "b").exists()
    fill(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
