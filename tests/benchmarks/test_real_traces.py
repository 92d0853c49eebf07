from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from benchmarks.real_traces import SERIES, YEAR, folder, parts_of, read, real_traces

if TYPE_CHECKING:
    from pathlib import Path


def test_a_column_is_read_as_centi_degrees_in_order(tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text(
        "at,celsius\n2020-01-01T00:00:00Z,4.6\n2020-01-01 00:05:00,4.85\n2020-01-01T00:05:00Z,9.9\n"
        "2020-01-01T00:02:00Z,9.9\n2020-01-01T00:10:00Z,\n2020-01-01T00:15:00Z,-1\n"
    )
    start_ms = 1_577_836_800_000
    assert read(file, "at", "celsius") == [(start_ms, 460), (start_ms + 300_000, 485), (start_ms + 900_000, -100)]


def test_the_year_has_a_half_that_was_held_out() -> None:
    samples = [(ms, 400) for ms in range(7)]
    assert parts_of("other.csv", samples) == [("", samples)]
    assert parts_of(YEAR, samples) == [(" (chosen by)", samples[:3]), (" (held out)", samples[3:])]


def test_the_folder_of_real_files_may_be_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHEETAL_SHARED", str(tmp_path))
    assert folder() == tmp_path / "data"


@pytest.mark.stack
def test_every_usable_real_series_is_read() -> None:
    traces = real_traces()
    assert len({trace.name for trace in traces}) == len(traces) == 13
    assert {name for name, *_ in SERIES} == {trace.name.split(" ")[0] for trace in traces}
    for trace in traces:
        assert len(trace.said) > 3_000
        assert all(earlier < later for (earlier, _), (later, _) in pairwise(trace.said))
