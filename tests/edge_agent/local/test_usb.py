from __future__ import annotations

import errno
import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from edge_agent.local import usb
from edge_agent.local.usb import FAILED, FULL, GONE, READ_ONLY, Stick, StickProblem, find_sticks, write_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def is_stick(path: Path) -> bool:
    return path.name.startswith("STICK")


@pytest.fixture
def stick(tmp_path: Path) -> Stick:
    (tmp_path / "STICK").mkdir()
    [found] = find_sticks([tmp_path], is_stick)
    return found


def left_behind(stick: Stick) -> list[str]:
    return sorted(entry.name for entry in stick.path.iterdir())


def test_mounted_folders_are_found_one_and_two_deep(tmp_path: Path) -> None:
    for name in ("STICK-B", "user/STICK-A", "user/other", "user/other/STICK-TOO-DEEP", "plain"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    found = find_sticks([tmp_path, tmp_path / "none"], is_stick)
    assert [str(one.path.relative_to(tmp_path)) for one in found] == ["STICK-B", "user/STICK-A"]
    assert len({one.id for one in found}) == 2
    assert all(one.free_bytes > 0 for one in found)


def test_without_mount_points_there_is_no_stick(tmp_path: Path) -> None:
    (tmp_path / "STICK").mkdir()
    assert find_sticks([tmp_path]) == []


def test_no_link_is_followed_and_no_file_is_a_stick(tmp_path: Path) -> None:
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "STICK-link").symlink_to("/etc")
    (tmp_path / "roots" / "STICK-file").write_text("x")
    assert find_sticks([tmp_path / "roots"], is_stick) == []


def test_sticks_are_bounded(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"STICK{number}").mkdir()
    assert len(find_sticks([tmp_path], is_stick)) == usb.STICKS_MAX


def test_a_folder_is_written_whole_with_its_sums(stick: Stick) -> None:
    name = write_folder(stick, "out", {"a.csv": ["1\n", "2\n"], "b.csv": iter(["ä\n"])})
    assert name == "out"
    assert left_behind(stick) == ["out"]
    assert (stick.path / "out" / "a.csv").read_bytes() == b"1\n2\n"
    for line in (stick.path / "out" / "SHA256SUMS").read_text().splitlines():
        digest, file = line.split("  ")
        assert hashlib.sha256((stick.path / "out" / file).read_bytes()).hexdigest() == digest


def test_nothing_that_is_there_is_overwritten(stick: Stick) -> None:
    for expected in ("out", "out-2", "out-3"):
        assert write_folder(stick, "out", {"a.csv": [expected]}) == expected
    assert (stick.path / "out" / "a.csv").read_text() == "out"


def test_what_a_power_cut_left_is_taken_away(stick: Stick) -> None:
    (stick.path / ".out.part").mkdir()
    (stick.path / ".out.part" / "a.csv").write_text("half")
    write_folder(stick, "out", {"a.csv": ["whole"]})
    assert left_behind(stick) == ["out"]


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, FULL),
        (errno.EROFS, READ_ONLY),
        (errno.EACCES, READ_ONLY),
        (errno.EIO, GONE),
        (errno.ENODEV, GONE),
        (errno.ELOOP, FAILED),
    ],
)
def test_every_trouble_has_a_word_and_leaves_nothing(stick: Stick, number: int, word: str) -> None:
    def lines() -> Iterator[str]:
        yield "1\n"
        raise OSError(number, os.strerror(number))

    with pytest.raises(StickProblem) as caught:
        write_folder(stick, "out", {"a.csv": lines()})
    assert caught.value.word == word
    assert left_behind(stick) == []


def test_a_full_stick_is_told_before_anything_is_written(stick: Stick) -> None:
    with pytest.raises(StickProblem, match=FULL):
        write_folder(stick._replace(free_bytes=100), "out", {"a.csv": ["1"]})
    assert left_behind(stick) == []


def test_a_stick_that_was_pulled_out_is_not_replaced_by_our_own_disk(stick: Stick) -> None:
    with pytest.raises(StickProblem, match=GONE):
        write_folder(stick._replace(device=stick.device + 1), "out", {"a.csv": ["1"]})
    assert left_behind(stick) == []
    shutil.rmtree(stick.path)
    with pytest.raises(StickProblem, match=GONE):
        write_folder(stick, "out", {"a.csv": ["1"]})


def test_not_one_line_is_asked_for_when_it_is_gone(stick: Stick) -> None:
    def lines() -> Iterator[str]:
        raise AssertionError("somebody began to write")
        yield ""

    with pytest.raises(StickProblem, match=GONE):
        write_folder(stick._replace(device=stick.device + 1), "out", {"a.csv": lines()})


def test_a_link_in_its_place_is_not_followed(stick: Stick, tmp_path: Path) -> None:
    shutil.rmtree(stick.path)
    (tmp_path / "elsewhere").mkdir()
    stick.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StickProblem, match=GONE):
        write_folder(stick, "out", {"a.csv": ["1"]})
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_another_trouble_leaves_nothing_either(stick: Stick) -> None:
    def lines() -> Iterator[str]:
        yield "1\n"
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        write_folder(stick, "out", {"a.csv": lines()})
    assert left_behind(stick) == []


def test_a_folder_that_cannot_be_synced_is_no_trouble(stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def picky(number: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{number}"):  # noqa: PTH112 - a number of the kernel's
            raise OSError(errno.EINVAL, "Invalid argument")
        real(number)

    monkeypatch.setattr(os, "fsync", picky)
    assert write_folder(stick, "out", {"a.csv": ["1"]}) == "out"


def test_a_name_that_is_no_text_can_still_be_shown(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/STICK\xff<b>")  # noqa: PTH102 - bytes that no text can name
    [found] = find_sticks([tmp_path], is_stick)
    assert found.label == "STICK\ufffd<b>"
    found.place.encode()
    write_folder(found, "out", {"a.csv": ["1"]})
    assert left_behind(found) == ["out"]
