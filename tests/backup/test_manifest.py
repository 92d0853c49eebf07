from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

import msgspec
import pytest

from backup import manifest
from backup.manifest import Kind, Manifest, Part, PartKind, check_parts, digest_of, part_of
from sheetal.contracts.problem import Refused

if TYPE_CHECKING:
    from pathlib import Path

AT_MS = 1_795_000_000_000


def written(folder: Path, **changes: object) -> Manifest:
    (folder / "ledger.db").write_bytes(b"x" * 3_000_000)
    made = Manifest(
        kind=Kind.DATA,
        program="1",
        revision="0001",
        began_at_ms=AT_MS,
        ended_at_ms=AT_MS + 1,
        began_at=manifest.instant(AT_MS),
        parts=[part_of(folder / "ledger.db", PartKind.SQLITE, ["ledger"], {"holding": 1})],
    )
    made = msgspec.structs.replace(made, **changes)
    manifest.write(folder, made)
    return made


def test_what_was_written_is_read(tmp_path: Path) -> None:
    made = written(tmp_path)
    assert manifest.read(tmp_path) == made
    assert made.began_at == "2026-11-18T11:06:40+00:00"
    assert made.part("ledger").rows == {"holding": 1}
    with pytest.raises(Refused, match="no readings"):
        made.part("readings")


def test_manifest_and_parts_are_for_their_owner(tmp_path: Path) -> None:
    written(tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_the_digest_is_that_of_the_whole_file(tmp_path: Path) -> None:
    written(tmp_path)
    size, digest = digest_of(tmp_path / "ledger.db")
    assert (size, digest) == (3_000_000, hashlib.sha256(b"x" * 3_000_000).hexdigest())


def test_every_changed_byte_of_a_manifest_is_seen(tmp_path: Path) -> None:
    written(tmp_path)
    file = tmp_path / manifest.NAME
    whole = file.read_bytes()
    for place in range(0, len(whole) - 1, 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        with pytest.raises(Refused, match="damaged manifest"):
            manifest.read(tmp_path)


def test_a_manifest_cut_off_anywhere_is_none(tmp_path: Path) -> None:
    written(tmp_path)
    file = tmp_path / manifest.NAME
    whole = file.read_bytes()
    for length in range(0, len(whole) - 1, 11):
        file.write_bytes(whole[:length])
        with pytest.raises(Refused):
            manifest.read(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    written(tmp_path, format=2)
    with pytest.raises(Refused, match="format 2"):
        manifest.read(tmp_path)
    text = b'{"kind": "who knows"}\n'
    whole = text + hashlib.sha256(text).hexdigest().encode() + b"\n"
    (tmp_path / manifest.NAME).write_bytes(whole)
    with pytest.raises(Refused, match="another release"):
        manifest.read(tmp_path)


def test_a_part_that_differs_is_named(tmp_path: Path) -> None:
    made = written(tmp_path)
    check_parts(tmp_path, made)
    (tmp_path / "ledger.db").write_bytes(b"x" * 2_999_999 + b"y")
    with pytest.raises(Refused, match=r"damaged ledger\.db"):
        check_parts(tmp_path, made)
    lost = Part(name="gone.db", kind=PartKind.SQLITE, stores=[], bytes=1, sha256="")
    with pytest.raises(Refused, match=r"lacks gone\.db"):
        check_parts(tmp_path, msgspec.structs.replace(made, parts=[lost]))
