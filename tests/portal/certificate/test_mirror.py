from __future__ import annotations

import base64
import dataclasses
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from cryptography import x509

from portal.certificate import mirror
from portal.certificate.mirror import Mirror, TrustFile
from portal.certificate.schemas import BundleFile
from sheetal.contracts.problem import SettingProblem
from tests.portal.given_certificates import NOW_MS

if TYPE_CHECKING:
    from portal.certificate.keys import SigningKeys

PAGES = Path(mirror.__file__).parents[1] / "standby" / "static"


def test_a_file_is_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    Mirror(tmp_path).write("b/ab/file.enc", b"one")
    Mirror(tmp_path).write("b/ab/file.enc", b"two")
    assert (tmp_path / "b" / "ab" / "file.enc").read_bytes() == b"two"
    assert [path.name for path in (tmp_path / "b" / "ab").iterdir()] == ["file.enc"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    place, done = tmp_path / "status" / "doses.json", threading.Event()
    kept = Mirror(tmp_path)
    kept.write("status/doses.json", b"a" * 100_000)
    seen: set[bytes] = set()

    def read() -> None:
        while not done.is_set():
            data = place.read_bytes()
            seen.add(data[:1] if data == data[:1] * 100_000 else b"torn")

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        kept.write("status/doses.json", (b"a" if number % 2 else b"b") * 100_000)
    done.set()
    reader.join()
    assert b"torn" not in seen


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Mirror(tmp_path)
    kept.write("keys/trust.json", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept.write("keys/trust.json", b"new")
    assert (tmp_path / "keys" / "trust.json").read_bytes() == b"old"
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["trust.json"]


def test_bundles_go_to_their_own_paths(tmp_path: Path) -> None:
    files = [BundleFile(f"c{number}", f"b/a{number}/n{number}.enc", bytes([number])) for number in range(3)]
    Mirror(tmp_path).write_bundles(files)
    assert [(tmp_path / file.path).read_bytes() for file in files] == [b"\x00", b"\x01", b"\x02"]


def test_the_trust_list_holds_what_a_browser_imports(
    tmp_path: Path, keys: SigningKeys, foreign_keys: SigningKeys
) -> None:
    both = dataclasses.replace(keys, earlier=(foreign_keys.signer,))
    Mirror(tmp_path).write_trust(both, NOW_MS)
    file = msgspec.json.decode((tmp_path / "keys" / "trust.json").read_bytes(), type=TrustFile)
    assert (file.demo, file.issued_at_ms, len(file.keys)) == (True, NOW_MS, 2)
    entry, point = file.keys[0], keys.signer.public_key.public_numbers()
    assert base64.b64decode(entry.kid) == keys.signer.kid
    assert int.from_bytes(base64.urlsafe_b64decode(entry.x + "="), "big") == point.x
    assert int.from_bytes(base64.urlsafe_b64decode(entry.y + "="), "big") == point.y
    assert x509.load_der_x509_certificate(base64.b64decode(entry.x5c)).public_key() == keys.signer.public_key
    assert base64.b64decode(file.keys[1].kid) == foreign_keys.signer.kid


def test_the_folder_alone_is_a_working_site(tmp_path: Path) -> None:
    Mirror(tmp_path).copy_pages(PAGES)
    for place in ("c/index.html", "hi/c/index.html", "verify/index.html", "hi/verify/index.html", "sw.js"):
        assert (tmp_path / place).is_file()
    assert (tmp_path / "static" / "hcert.js").read_bytes() == (PAGES / "hcert.js").read_bytes()
    assert not (tmp_path / "static" / "verify.html").exists()


def test_a_folder_that_cannot_be_written_stops_the_start_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SettingProblem) as problem:
        Mirror.open(tmp_path / "file" / "mirror")
    assert problem.value.facts["variable"] == "SHEETAL_MIRROR_FOLDER"
    assert Mirror.open(tmp_path / "new" / "mirror").folder.is_dir()
