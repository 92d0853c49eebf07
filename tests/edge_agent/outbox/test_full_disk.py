"""The outbox on a disk that is really full, read-only or failing: nothing kept is lost, and it recovers by itself."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent import loop
from edge_agent.keeper.keeper import Keeper
from edge_agent.outbox.ballast import Ballast
from edge_agent.outbox.outbox import Outbox, OutboxFull
from edge_agent.sample import Observation
from edge_agent.settings.file import load_settings
from sheetal.contracts.batch import Ack
from tests.edge_agent.kit import GATEWAY, SENSOR, T0_MS, sample, write_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LATER_MS = T0_MS + 10**10
ROWS_A_COMMIT = 20
BALLAST_BYTES = 256 * 1024

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a tiny disk")


class Gateway:
    """Outbox, ballast and keeper as the gateway wires them; `kept` is what it was told to be on the disk."""

    def __init__(self, disk: Path, settings_folder: Path) -> None:
        self.disk = disk
        self.box = Outbox(disk / "o.db", clock=lambda: LATER_MS)
        self.ballast = Ballast(disk / "o.db.ballast", BALLAST_BYTES)
        self.ballast.lay()
        settings = load_settings(write_settings(settings_folder, hub_port=1))
        self.keeper = Keeper(settings, self.box, lambda: None, lambda: loop.relieve(self.ballast, self.box))
        self.kept = 0

    def keep(self, values: int = 450) -> bool:
        """Some more readings; whether they were kept."""
        rows = tuple(sample(self.kept + number, values) for number in range(ROWS_A_COMMIT))
        try:
            self.keeper.keep([Observation(samples=rows)])
        except sqlite3.Error:
            return False
        self.kept += ROWS_A_COMMIT
        return True

    def keep_until_it_fails(self, values: int = 450, commits_max: int = 3_000) -> bool:
        return not all(self.keep(values) for _ in range(commits_max))

    def look_around(self) -> None:
        """What the main loop does every few seconds."""
        self.ballast.lay()
        self.box.grow_again()

    def explained(self) -> bool:
        """Whether every reading that was kept is there, or stands in a span."""
        counts = self.box.counts()
        spans = self.box._connection.execute("SELECT count(*) FROM item WHERE kind = 'thinned'").fetchone()[0]
        return counts.pending - spans + counts.thinned == self.kept and counts.dropped == 0

    def is_sound(self) -> bool:
        return bool(self.box._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def gateway(tiny_disk: Path, tmp_path: Path) -> Iterator[Gateway]:
    opened = Gateway(tiny_disk, tmp_path)
    yield opened
    opened.box.close()


def fill(disk: Path) -> Path:
    """Somebody else takes all that is left."""
    other = disk / "somebody-else"
    with other.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4_096):
                pass
        except OSError:
            return other
    raise AssertionError


@pytest.mark.stack
@needs_mount
def test_a_disk_that_the_outbox_fills_itself_is_thinned_in_place(gateway: Gateway) -> None:
    for _ in range(600):
        gateway.keep()
    counts = gateway.box.counts()
    assert counts.thinned > 1_000
    assert (gateway.explained(), gateway.is_sound()) == (True, True)
    assert not (gateway.disk / "o.db.ballast").exists()
    gateway.box.apply_ack(Ack(gateway=GATEWAY, boot=gateway.box.boot, stored=[(1, 10**9)]))
    assert gateway.box.counts().pending == 0
    assert gateway.keep()


@pytest.mark.stack
@needs_mount
def test_what_is_outside_its_limits_is_never_given_up_for_room(gateway: Gateway) -> None:
    assert gateway.keep_until_it_fails(900)
    before = gateway.box.counts()
    for _ in range(5):
        gateway.keep(900)
    assert gateway.box.counts().pending == gateway.kept
    assert (gateway.explained(), gateway.is_sound(), before.thinned) == (True, True, 0)
    with pytest.raises(OutboxFull):
        gateway.box.add_rows([sample(10**6)])
    gateway.box.apply_ack(Ack(gateway=GATEWAY, boot=gateway.box.boot, stored=[(1, 10**9)]))
    assert gateway.keep()


@pytest.mark.stack
@needs_mount
def test_a_disk_that_somebody_else_fills_is_used_again_when_there_is_room(gateway: Gateway) -> None:
    for _ in range(20):
        gateway.keep()
    for _ in range(3):
        other = fill(gateway.disk)
        assert gateway.keep_until_it_fails(900)
        fill(gateway.disk)
        assert gateway.keep_until_it_fails(900)
        assert not gateway.keep(900)
        other.unlink()
        gateway.look_around()
        assert gateway.keep(900)
    assert (gateway.explained(), gateway.is_sound()) == (True, True)


@pytest.mark.stack
@needs_mount
def test_a_full_disk_at_the_start_is_waited_for(tiny_disk: Path, tmp_path: Path) -> None:
    with closing(Outbox(tiny_disk / "o.db")) as box:
        box.add_rows([sample(0)])
    other = fill(tiny_disk)
    tries: list[int] = []

    class Patience:
        def is_set(self) -> bool:
            return False

        def wait(self, _seconds: float) -> None:
            tries.append(1)
            if len(tries) == 3:
                other.unlink()

    again = loop.open_patiently(
        lambda: Outbox(tiny_disk / "o.db"),
        Ballast(tmp_path / "none"),
        Patience(),  # type: ignore[arg-type] # what is needed of an Event
    )
    assert again is not None
    assert (again.pending_count(), len(tries)) == (1, 3)
    again.close()


@pytest.mark.stack
@needs_mount
def test_a_disk_that_is_read_only_at_the_start_is_waited_for(tiny_disk: Path) -> None:
    with closing(Outbox(tiny_disk / "o.db")) as box:
        box.add_rows([sample(0)])
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(sqlite3.OperationalError):
        Outbox(tiny_disk / "o.db")
    subprocess.run(["mount", "-o", "remount,rw", str(tiny_disk)], check=True)
    with closing(Outbox(tiny_disk / "o.db")) as again:
        assert again.add_rows([sample(0), sample(1)]) == 1


def test_a_disk_that_fails_every_write_loses_nothing_and_comes_back(tmp_path: Path) -> None:
    """A limit on the size of files makes each write beyond it an I/O error, without root."""
    gateway = Gateway(tmp_path, tmp_path)
    for _ in range(10):
        assert gateway.keep()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "o.db-wal").stat().st_size, before[1]))
    try:
        assert gateway.keep_until_it_fails(900)
        assert not gateway.keep(900)
        newest = gateway.keeper.view()[0].newest
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert newest is None or newest.measured_at_ms < sample(gateway.kept).measured_at_ms
    assert gateway.explained()
    for _ in range(5):
        assert gateway.keep()
    assert (gateway.explained(), gateway.is_sound()) == (True, True)
    assert gateway.box.extremes(SENSOR, T0_MS, LATER_MS) == (450, 450)
    gateway.box.close()


def test_a_file_that_may_not_grow_is_thinned_in_place(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, tmp_path)
    for _ in range(40):
        gateway.keep()
    pages = gateway.box._connection.execute("PRAGMA page_count").fetchone()[0]
    gateway.box._connection.execute(f"PRAGMA max_page_count = {pages}")
    taken = sum(gateway.keep() for _ in range(100))
    assert taken > 80
    assert gateway.box.counts().thinned > 500
    assert (gateway.explained(), gateway.is_sound()) == (True, True)
    gateway.box.close()
