from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.problem import Rejected, SettingProblem
from sheetal.ledger.field_cipher import FieldCipher

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = b"o" * 32, b"n" * 32
CIPHER = FieldCipher({"k1": OLD})
PLACE = {"table": "person", "row": "p-1", "column": "name"}


def line(key_id: str, key: bytes) -> str:
    return f"{key_id}:{base64.b64encode(key).decode()}\n"


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_in_its_place(plain: bytes) -> None:
    assert CIPHER.open(CIPHER.seal(plain, **PLACE), **PLACE) == plain


def test_text_is_sealed_as_utf_8() -> None:
    assert CIPHER.open(CIPHER.seal("सीता", **PLACE), **PLACE).decode() == "सीता"


def test_the_same_value_never_looks_the_same_twice() -> None:
    assert CIPHER.seal("Sita", **PLACE) != CIPHER.seal("Sita", **PLACE)


def test_nothing_of_the_value_shows() -> None:
    assert b"Sita" not in CIPHER.seal("Sita", **PLACE)


@pytest.mark.parametrize("moved", [{"table": "staff"}, {"row": "p-2"}, {"column": "mobile"}])
def test_a_value_does_not_open_elsewhere(moved: dict[str, str]) -> None:
    sealed = CIPHER.seal("Sita", **PLACE)
    with pytest.raises(Rejected, match="place"):
        CIPHER.open(sealed, **{**PLACE, **moved})


@given(data=st.data())
def test_a_changed_byte_never_opens(data: st.DataObject) -> None:
    sealed = bytearray(CIPHER.seal("Sita", **PLACE))
    where = data.draw(st.integers(0, len(sealed) - 1))
    sealed[where] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Rejected):
        CIPHER.open(bytes(sealed), **PLACE)


@given(st.integers(0, 30))
def test_a_cut_value_never_opens(length: int) -> None:
    with pytest.raises(Rejected):
        CIPHER.open(CIPHER.seal("Sita", **PLACE)[:length], **PLACE)


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(line("k1", OLD))
    sealed = FieldCipher.from_file(file).seal("Sita", **PLACE)
    file.write_text(line("k2", NEW) + line("k1", OLD))
    rotated = FieldCipher.from_file(file)
    assert rotated.open(sealed, **PLACE) == b"Sita"
    assert rotated.seal("Sita", **PLACE)[1:3] == b"k2"
    with pytest.raises(Rejected, match="key"):
        CIPHER.open(rotated.seal("Sita", **PLACE), **PLACE)


def test_a_blind_index_outlives_a_rotation() -> None:
    rotated = FieldCipher({"k2": NEW, "k1": OLD})
    assert rotated.blind_index("9812345678", purpose="mobile") == CIPHER.blind_index("9812345678", purpose="mobile")


def test_a_blind_index_differs_by_value_purpose_and_key() -> None:
    found = {
        CIPHER.blind_index("9812345678", purpose="mobile"),
        CIPHER.blind_index(b"9812345679", purpose="mobile"),
        CIPHER.blind_index("9812345678", purpose="id_number"),
        FieldCipher({"k1": NEW}).blind_index("9812345678", purpose="mobile"),
    }
    assert len(found) == 4
    assert all(len(one) == 64 for one in found)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no colon\n",
        "k1:not base64!\n",
        line("k1", b"short"),
        line("", OLD),
        line("key with spaces", OLD),
        line("k1", OLD) + line("k1", NEW),
        "k1:ü\n",
    ],
)
def test_a_bad_key_file_is_a_setting_problem_that_shows_no_key(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys"
    file.write_text(content)
    with pytest.raises(SettingProblem, match="SHEETAL_FIELD_KEY_FILE") as caught:
        FieldCipher.from_file(file)
    assert caught.value.facts == {"variable": "SHEETAL_FIELD_KEY_FILE"}
    assert base64.b64encode(OLD).decode() not in str(caught.value)


def test_a_missing_key_file_is_a_setting_problem(tmp_path: Path) -> None:
    with pytest.raises(SettingProblem, match="cannot be read"):
        FieldCipher.from_file(tmp_path / "none")
