"""Encryption of single fields at rest: AES-256-GCM, bound to its place, with a key id for rotation.

    sealed = length of key id (1 byte) | key id | nonce (12 bytes) | ciphertext and tag

The additional data are "table:row:column", so that a sealed value cannot be moved to another place. The key file holds
lines `keyid:base64 of 32 bytes`; the first is the current key. A blind index is an HMAC under a key derived from the
last line: rotate by putting a new line first, and never take the last one away.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sheetal.contracts.problem import Rejected, SettingProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "SHEETAL_FIELD_KEY_FILE"
KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class FieldCipher:
    """Seals and opens fields; `keys` maps key id to key, the current one first, the oldest last."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._current = next(iter(self._keys))
        self._index_key = next(reversed(self._keys.values()))

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """The cipher of a key file; raises SettingProblem that names the variable, never a key."""
        try:
            lines = Path(path).read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable("names a file that cannot be read") from error
        keys = dict(_key_of(number, line) for number, line in enumerate(lines, start=1))
        if not keys or len(keys) != len(lines):
            raise _unusable("names a file without keys, or with one key id twice")
        return cls(keys)

    def seal(self, plain: bytes | str, *, table: str, row: str, column: str) -> bytes:
        """The value encrypted for exactly this place."""
        data = plain.encode() if isinstance(plain, str) else plain
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._keys[self._current]).encrypt(nonce, data, _place(table, row, column))
        key_id = self._current.encode()
        return bytes([len(key_id)]) + key_id + nonce + sealed

    def open(self, sealed: bytes, *, table: str, row: str, column: str) -> bytes:
        """The value in the clear; raises Rejected for an unknown key, another place or a changed byte."""
        head = 1 + (sealed[0] if sealed else 0)
        key = self._keys.get(sealed[1:head].decode("ascii", "replace"))
        if key is None:
            raise Rejected("a sealed field names a key that is not in the key file", table=table, column=column)
        nonce, body = sealed[head : head + NONCE_BYTES], sealed[head + NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, body, _place(table, row, column))
        except (InvalidTag, ValueError) as error:
            raise Rejected("a sealed field does not open in its place", table=table, column=column) from error

    def blind_index(self, value: str | bytes, *, purpose: str) -> str:
        """A keyed hash to look a value up by without storing it; differs by purpose; 64 hex digits."""
        data = value.encode() if isinstance(value, str) else value
        purpose_key = hmac.new(self._index_key, f"blind index\x00{purpose}".encode(), hashlib.sha256).digest()
        return hmac.new(purpose_key, data, hashlib.sha256).hexdigest()


def _place(table: str, row: str, column: str) -> bytes:
    return f"{table}:{row}:{column}".encode()


def _key_of(number: int, line: str) -> tuple[str, bytes]:
    key_id, _, text = line.partition(":")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _unusable(f"names a file whose line {number} is not keyid:base64") from error
    if not KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
        raise _unusable(f"names a file whose line {number} is not keyid:base64 of {KEY_BYTES} bytes")
    return key_id, key


def _unusable(what: str) -> SettingProblem:
    return SettingProblem(f"{VARIABLE} {what}", next_step="make a key file, see docs/SECURITY.md", variable=VARIABLE)
