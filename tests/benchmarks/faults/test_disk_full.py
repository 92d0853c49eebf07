from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import disk_full
from benchmarks.faults.disk_full import WAYS, WITHOUT_ROOT, mounted
from benchmarks.faults.line import EMBEDDED, SERVER
from tests.benchmarks.faults.tiers import plain

if TYPE_CHECKING:
    from pathlib import Path

NEEDS_ROOT = [way for way in WAYS if way not in WITHOUT_ROOT]


def test_files_that_may_not_grow_lose_nothing() -> None:
    assert disk_full.run(0, 1, EMBEDDED, WITHOUT_ROOT) == 0


@pytest.mark.stack
@pytest.mark.timeout(240)
def test_a_full_disk_loses_nothing_and_recovers() -> None:
    """The disks are mounted, so this tier runs as root."""
    assert disk_full.run(0, len(NEEDS_ROOT), SERVER, NEEDS_ROOT) == 0


@pytest.mark.stack
def test_a_mounted_disk_is_as_small_as_asked_and_gone_afterwards(tmp_path: Path) -> None:
    with mounted(tmp_path, 2):
        space = os.statvfs(tmp_path)
        assert space.f_blocks * space.f_frsize == 2 * 1024 * 1024
        with pytest.raises(OSError, match="No space"):
            (tmp_path / "large").write_bytes(bytes(3 * 1024 * 1024))
    assert list(tmp_path.iterdir()) == []


def test_nobody_but_root_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    with pytest.raises(PermissionError), mounted(tmp_path, 2):
        pass


@pytest.mark.stack
def test_a_gateway_that_never_takes_readings_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is never lifted, so it has no room and cannot recover."""
    monkeypatch.setattr(disk_full, "RECOVERY_SECONDS_MAX", 1.0)
    monkeypatch.setattr(disk_full, "DRAIN_SECONDS_MAX", 3.0)
    monkeypatch.setattr(disk_full, "FULL_SECONDS", 0.0)
    monkeypatch.setattr("benchmarks.faults.disk_full.resource.prlimit", limited_for_ever())
    assert disk_full.run(0, 1, EMBEDDED, WITHOUT_ROOT) == 1


def limited_for_ever():  # type: ignore[no-untyped-def]  # noqa: ANN201 - as resource.prlimit
    prlimit = disk_full.resource.prlimit

    def limited(pid: int, kind: int, *limits: tuple[int, int]) -> tuple[int, int]:
        lifts = bool(limits) and limits[0][0] == limits[0][1]
        return prlimit(pid, kind, *([] if lifts else limits))

    return limited


def test_plain_tries_are_as_many_as_can_be_made_without_root() -> None:
    assert plain(disk_full.FULL) <= disk_full.FULL
    assert set(WITHOUT_ROOT) < set(WAYS)
