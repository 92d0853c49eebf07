from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from sheetal.contracts.limits import Source
from sheetal.contracts.problem import FileProblem
from sheetal.ledger.catalogue_file import check_source, decode, is_day, source_flaw

if TYPE_CHECKING:
    from pathlib import Path


class Small(msgspec.Struct, forbid_unknown_fields=True):
    number: int


@pytest.mark.parametrize(
    ("content", "key"),
    [(b"number = 'a'", "number"), (b"unknown = 1", "the file"), (b"number =", "the file"), (b"\xff", "the file")],
)
def test_what_cannot_be_read_is_named_by_file_and_key(tmp_path: Path, content: bytes, key: str) -> None:
    path = tmp_path / "small.toml"
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=r"^small\.toml: ") as caught:
        decode(path, Small)
    assert (caught.value.facts["key"], caught.value.facts["file"]) == (key, str(path))


def test_a_file_is_read_as_its_type(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text("number = 4")
    assert decode(path, Small) == Small(4)
    with pytest.raises(FileProblem, match="cannot be read"):
        decode(tmp_path / "none.toml", Small)


@pytest.mark.parametrize(
    ("citation", "confidence", "flaw"),
    [
        ("a label", "high", None),
        ("a label", "low", None),
        (" ", "high", "citation"),
        ("a label", "certain", "confidence"),
        ("a label", "High", "confidence"),
    ],
)
def test_a_source_cites_something_and_says_how_sure_it_is(citation: str, confidence: str, flaw: str | None) -> None:
    found = source_flaw(Source(citation=citation, confidence=confidence))
    assert (found[0] if found else None) == flaw


def test_a_bad_source_is_named_where_it_stands(tmp_path: Path) -> None:
    check_source(tmp_path / "a.toml", "ranges[0]", Source(citation="a label", confidence="medium"))
    with pytest.raises(FileProblem) as caught:
        check_source(tmp_path / "a.toml", "ranges[0]", Source(citation="", confidence="medium"))
    assert caught.value.facts["key"] == "ranges[0].source.citation"


@pytest.mark.parametrize(
    ("day", "is_one"),
    [
        ("2026-11-23", True),
        (None, True),
        ("20261123", False),
        ("2026-W48-1", False),
        ("2026-02-30", False),
        ("", False),
    ],
)
def test_a_day_is_written_one_way(day: str | None, is_one: bool) -> None:  # noqa: FBT001 -- the table's own column
    assert is_day(day) is is_one
