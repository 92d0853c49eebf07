from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from backup import manifest
from backup.make import make
from backup.manifest import PartKind, part_of
from backup.verify import verify
from sheetal.contracts.problem import Refused
from tests.backup.world import World, in_files
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.backup.conftest import Said


@pytest.fixture
def backup(world: World, tmp_path: Path, said: Said) -> Path:
    make(tmp_path / "b", world.settings, lambda: NOW_MS, said)
    return tmp_path / "b"


def rewrite(folder: Path, name: str, change: Callable[[Path], None]) -> None:
    """Change a part, and the manifest with it, as one would who wants it not to be seen."""
    found = manifest.read(folder)
    change(folder / name)
    parts = [
        part_of(folder / name, part.kind, part.stores, part.rows) if part.name == name else part for part in found.parts
    ]
    manifest.write(folder, msgspec.structs.replace(found, parts=parts))


def test_a_good_backup_is_told_to_be(backup: Path, said: Said) -> None:
    found = verify(backup, said)
    assert found.revision
    assert "audit chains hold" in str(said)
    assert "readings.jsonl.gz: 19 rows" in str(said)


@pytest.mark.parametrize("at", [0, 0.5, 0.999])
def test_one_changed_byte_is_seen_wherever_it_is(backup: Path, said: Said, at: float) -> None:
    for part in backup.iterdir():
        whole = part.read_bytes()
        place = min(int(len(whole) * at), len(whole) - 2)
        part.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Refused, match=r"damaged|another release"):
            verify(backup, said)
        part.write_bytes(whole)
    verify(backup, said)


def test_a_missing_or_short_part_is_seen(backup: Path, said: Said) -> None:
    file = backup / "readings.jsonl.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(Refused, match=r"damaged readings\.jsonl\.gz"):
        verify(backup, said)
    file.unlink()
    with pytest.raises(Refused, match="lacks readings"):
        verify(backup, said)


def test_a_folder_without_a_manifest_is_no_backup(backup: Path, said: Said, tmp_path: Path) -> None:
    (backup / "manifest.json").unlink()
    with pytest.raises(Refused, match="cut off"):
        verify(backup, said)
    with pytest.raises(Refused, match="cut off"):
        verify(tmp_path / "nowhere", said)


def test_readings_that_were_left_out_are_seen(backup: Path, said: Said) -> None:
    def cut(file: Path) -> None:
        lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
        file.write_bytes(gzip.compress(b"".join([*lines[1:-1], b'{"total":12}\n'])))

    rewrite(backup, "readings.jsonl.gz", cut)
    with pytest.raises(Refused, match="other rows"):
        verify(backup, said)


@pytest.fixture
def files(tmp_path: Path, said: Said) -> Path:
    """A backup of embedded stores, whose parts a test can change."""
    world = in_files(tmp_path / "w")
    world.begin()
    made = make(tmp_path / "f", world.settings, lambda: NOW_MS, said)
    assert made.part("ledger").kind is PartKind.SQLITE
    return tmp_path / "f"


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE number = 1", "audit chain of F-101 is broken at entry 1"),
        ("UPDATE seal SET sealed_at_ms = sealed_at_ms + 1", "seals are broken at number 1"),
        ("UPDATE holding SET lot_id = 'none'", "without its parent"),
    ],
)
def test_an_act_that_was_changed_is_seen(files: Path, said: Said, harm: str, told: str) -> None:
    def change(file: Path) -> None:
        with closing(sqlite3.connect(file)) as database:
            database.execute(harm)
            database.commit()

    rewrite(files, "ledger.db", change)
    with pytest.raises(Refused, match=told):
        verify(files, said)


def test_a_torn_page_is_seen(files: Path, said: Said) -> None:
    def tear(file: Path) -> None:
        whole = bytearray(file.read_bytes())
        whole[4096 * 3 : 4096 * 6] = bytes(4096 * 3)
        file.write_bytes(whole)

    rewrite(files, "ledger.db", tear)
    with pytest.raises(Refused, match=r"damaged|cannot be read"):
        verify(files, said)


def test_a_seal_kept_outside_tells_what_is_missing(world: World, tmp_path: Path, said: Said) -> None:
    make(tmp_path / "b", world.settings, lambda: NOW_MS, said)
    verify(tmp_path / "b", said, world.seal(NOW_MS + 1))
    assert "every act that the outside seal proves is in this backup" in str(said)
    with closing(world.ledger()) as ledger:
        seeds.receive(ledger, "H-2")
    verify(tmp_path / "b", said, world.seal(NOW_MS + 60_000))
    assert "1 acts from" in str(said)
    assert "F-101: entries" in str(said)
