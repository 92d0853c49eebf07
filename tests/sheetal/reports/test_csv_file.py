from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from sheetal.reports.csv_file import COLUMNS, to_csv
from tests.sheetal.reports.given import REPORT, SENSOR


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_each_sensor_is_one_row_of_plain_figures() -> None:
    first, second = rows(to_csv(REPORT))
    assert tuple(first) == COLUMNS
    assert (first["month"], first["month_is_over"], first["in_range_percent"]) == ("2026-10", "true", "99.1")
    assert (first["lowest_celsius"], first["highest_celsius"], first["range_low_celsius"]) == ("-0.90", "11.26", "2.00")
    assert (first["below_range_minutes"], first["above_range_minutes"]) == ("75", "301")
    assert (second["in_range_percent"], second["lowest_celsius"]) == ("", "")


def test_lines_end_as_the_standard_says() -> None:
    text = to_csv(REPORT)
    assert text.count("\r\n") == text.count("\n") == 3


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_a_name_is_never_a_formula(name: str) -> None:
    (found,) = rows(to_csv(replace(REPORT, sensors=(replace(SENSOR, appliance_name=name),))))
    assert found["appliance"] == f"'{name}"


def test_commas_and_quotes_survive() -> None:
    (found,) = rows(to_csv(replace(REPORT, sensors=(replace(SENSOR, appliance_name='ILR "2", left'),))))
    assert found["appliance"] == 'ILR "2", left'
