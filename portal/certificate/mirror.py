"""The static tree that any web server can carry: bundles, keys, status lists and the pages that read them.

Every file is written beside its place, synced and renamed, so that a reader never sees half a file and a crash leaves
the old one. Nothing here is listed and nothing is readable without a link's secret.
"""

from __future__ import annotations

import base64
import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from portal.certificate.keys import SigningKeys
    from portal.certificate.schemas import BundleFile

VARIABLE = "SHEETAL_MIRROR_FOLDER"
TRUST_PATH = "keys/trust.json"
LIST_PATH = "status/doses.json"
# The pages' addresses are folders, so that a web server without rules finds them.
PAGES = {
    "certificate.html": ("c/index.html", "hi/c/index.html"),
    "verify.html": ("verify/index.html", "hi/verify/index.html"),
    "sw.js": ("sw.js",),
}


class TrustKey(msgspec.Struct, frozen=True, kw_only=True):
    """One document signer as a browser imports it: `x` and `y` are base64url of the P-256 point, `x5c` base64 DER."""

    kid: str
    issuer: str
    x: str
    y: str
    not_before_ms: int
    not_after_ms: int
    x5c: str


class TrustFile(msgspec.Struct, frozen=True, kw_only=True):
    """The signers that verifiers believe, and when this list was written."""

    country: str
    demo: bool
    issued_at_ms: int
    keys: list[TrustKey]


class Mirror:
    """The folder; one writer at a time (portal.worker holds a lease), any number of readers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def open(cls, folder: Path) -> Mirror:
        """The mirror in this folder, made when missing; raises SettingProblem when it cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mirror = cls(folder)
            mirror.write("robots.txt", b"User-agent: *\nDisallow: /\n")
        except OSError as error:
            raise SettingProblem(
                f"{VARIABLE}: {folder} cannot be written: {error.strerror}", variable=VARIABLE
            ) from error
        return mirror

    def write(self, path: str, data: bytes) -> None:
        """Put one file in its place, durable when this returns; raises OSError."""
        self.write_all([(path, data)])

    def write_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Put files in their places; when this returns all of them and their folders are synced; raises OSError."""
        folders = set()
        for path, data in files:
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            _replace(place, data)
            folders |= {place.parent, place.parent.parent}
        for folder in folders:
            _sync_folder(folder)

    def write_bundles(self, bundles: Iterable[BundleFile]) -> None:
        """Put certificates' bundles in their places; a bundle written again is the same bytes."""
        self.write_all((one.path, one.data) for one in bundles)

    def write_trust(self, keys: SigningKeys, now_ms: int) -> None:
        """Publish whom verifiers may believe."""
        self.write(TRUST_PATH, msgspec.json.encode(trust_file(keys, now_ms)))

    def write_status_list(self, data: bytes) -> None:
        """Publish the signed list of advisory levels."""
        self.write(LIST_PATH, data)

    def copy_pages(self, source: Path) -> None:
        """Carry the certificate and verifier pages too, so that the folder alone is a working site."""
        files = []
        for path in sorted(source.iterdir()):
            if path.is_file():
                places = PAGES.get(path.name, (f"static/{path.name}",))
                files += [(place, path.read_bytes()) for place in places]
        self.write_all(files)


def trust_file(keys: SigningKeys, now_ms: int) -> TrustFile:
    """Every signer that is still believed, in the form a browser's WebCrypto imports."""
    listed = []
    for key in keys.trust:
        point = key.public_key.public_numbers()
        listed.append(
            TrustKey(
                kid=base64.b64encode(key.kid).decode(),
                issuer=key.issuer_name,
                x=_coordinate(point.x),
                y=_coordinate(point.y),
                not_before_ms=key.not_before_ms,
                not_after_ms=key.not_after_ms,
                x5c=base64.b64encode(key.certificate_der).decode(),
            )
        )
    return TrustFile(country=keys.country, demo=keys.is_demo, issued_at_ms=now_ms, keys=listed)


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def _replace(place: Path, data: bytes) -> None:
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
