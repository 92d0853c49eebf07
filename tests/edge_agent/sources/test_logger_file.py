from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_agent.sources import logger_file
from edge_agent.sources.csv_file import CsvOptions
from edge_agent.sources.logger_file import parse_logger_file, read_logger_file
from tests.edge_agent.exports import KOLKATA, NEW_YORK, REAL, Day, export

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = CsvOptions(KOLKATA)
CSV = b"time,celsius\n2026-03-01 10:00,4.1\n"


def test_the_kind_is_told_by_what_is_in_the_file() -> None:
    assert parse_logger_file(export(Day()).encode(), OPTIONS).kind == "fridge_tag"
    assert parse_logger_file(CSV, OPTIONS).kind == "csv"


@pytest.mark.parametrize("name", ["export.csv", "export.txt", "export"])
def test_a_name_says_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(export(Day()))
    assert read_logger_file(path, OPTIONS).kind == "fridge_tag"
    path.write_bytes(CSV)
    assert len(read_logger_file(path, OPTIONS).rows) == 1


@pytest.mark.parametrize("data", [b"", b"\n\n", b"  \r\n"])
def test_an_empty_file_is_said_to_be_empty(data: bytes) -> None:
    file = parse_logger_file(data, OPTIONS)
    assert [one.message for one in file.problems] == ["the file is empty"]
    assert file.problems[0].facts["line"] == 0


@pytest.mark.parametrize("data", [b"PK\x03\x04\x00\x00\x00", b"%PDF-1.4\n\x00\x01", "time".encode("utf-16")])
def test_what_is_no_text_is_said_so(data: bytes) -> None:
    assert "not a text file" in parse_logger_file(data, OPTIONS).problems[0].message


def test_a_file_that_is_not_there_or_is_a_folder_is_a_problem_of_the_file(tmp_path: Path) -> None:
    assert "No such file" in read_logger_file(tmp_path / "none.txt", OPTIONS).problems[0].message
    assert "directory" in read_logger_file(tmp_path, OPTIONS).problems[0].message


def test_a_file_beyond_the_bound_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger_file, "FILE_BYTES_MAX", 1024 * 1024)
    path = tmp_path / "large.csv"
    path.write_bytes(CSV + b"x" * 1024 * 1024)
    assert "larger than 1 MiB" in read_logger_file(path, OPTIONS).problems[0].message


@pytest.mark.stack
def test_every_real_file_is_answered() -> None:
    files = sorted(path for path in REAL.iterdir() if path.suffix in {".csv", ".txt"})
    assert len(files) == 19
    for path in files:
        column = "cooling_2" if path.name.startswith("coldstore") else None
        zone = NEW_YORK if column else KOLKATA
        file = read_logger_file(path, CsvOptions(zone, column, fahrenheit="fahrenheit" in path.name))
        assert bool(file.problems) == ("invalid" in path.name), path.name
        assert file.rows or file.days or file.problems
