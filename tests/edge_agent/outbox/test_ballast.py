from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edge_agent.outbox.ballast import BALLAST_BYTES, Ballast

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_it_is_really_allocated_and_laid_once(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "b")
    assert ballast.lay()
    told = (tmp_path / "b").stat()
    assert told.st_size == BALLAST_BYTES
    assert told.st_blocks * 512 >= BALLAST_BYTES
    assert ballast.lay()
    assert (tmp_path / "b").stat().st_mtime_ns == told.st_mtime_ns


def test_it_can_be_thrown_away_once(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "b", 10)
    ballast.lay()
    assert ballast.drop()
    assert not ballast.drop()
    assert not (tmp_path / "b").exists()


def test_a_nearly_full_disk_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)
    told = os.statvfs_result((*real[:4], 1, *real[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _path: told)
    assert not Ballast(tmp_path / "b").lay()
    assert not (tmp_path / "b").exists()


def test_a_small_disk_gets_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)
    told = os.statvfs_result((real[0], 4_096, *real[2:4], 256, *real[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _path: told)
    assert Ballast(tmp_path / "b").lay()
    assert (tmp_path / "b").stat().st_size == 256 * 4_096 // 4


def test_a_missing_folder_is_no_crash(tmp_path: Path) -> None:
    assert not Ballast(tmp_path / "none" / "b").lay()
