from __future__ import annotations

import gzip
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup import readings
from sheetal.contracts.problem import Refused, Unavailable
from sheetal.contracts.reading import Reading
from sheetal.readings.connect import open_readings
from sheetal.readings.port import Health
from tests.backup.world import OTHER_SENSOR, rows
from tests.sheetal.ledger.seeds import SENSOR

if TYPE_CHECKING:
    from pathlib import Path

    from tests.backup.conftest import Said

FAR_MS = 4_000_000_000_000
ROW = st.tuples(st.integers(1, FAR_MS), st.integers(-10_000, 15_000), st.integers(0, 2**62), st.integers(0, 2**62)).map(
    lambda one: Reading("s", one[0], one[1], 0, one[2], one[3])
)


def exported(folder: Path, kept: list[Reading], said: Said) -> Path:
    file = folder / "readings.jsonl.gz"
    with closing(open_readings("memory:")) as store:
        store.write(kept)
        assert readings.export(store, sorted({one.sensor for one in kept} | {"silent"}), file, said) == len(kept)
    return file


def test_pages_of_many_sensors_come_back(tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "PAGE_ROWS", 4)
    kept = [*rows(count=9), *rows(OTHER_SENSOR, 4), *rows("a", 1)]
    file = exported(tmp_path, kept, said)
    assert readings.check(file) == 14
    assert len(list(readings.pages(file))) == 5
    with closing(open_readings(f"sqlite:///{tmp_path}/r.db")) as store:
        assert readings.is_empty(store, file)
        assert readings.restore(store, file, said) == 14
        assert readings.restore(store, file, said) == 14
        assert not readings.is_empty(store, file)
        assert [one for name in (SENSOR, OTHER_SENSOR, "a") for one in store.read(name, 0, FAR_MS)] == kept


@given(kept=st.lists(ROW, unique_by=lambda one: one.measured_at_ms, max_size=60))
@settings(max_examples=30)
def test_whatever_is_stored_is_exported_to_the_digit(
    tmp_path_factory: pytest.TempPathFactory, kept: list[Reading]
) -> None:
    folder = tmp_path_factory.mktemp("laws")
    said = [].append
    with closing(open_readings("memory:")) as store:
        store.write(kept)
        readings.export(store, ["s"], folder / "r.gz", said)
    with closing(open_readings("memory:")) as back:
        readings.restore(back, folder / "r.gz", said)
        assert back.read("s", 0, FAR_MS + 1) == sorted(kept, key=lambda one: one.measured_at_ms)


def test_an_export_cut_off_between_its_lines_is_seen(tmp_path: Path, said: Said) -> None:
    file = exported(tmp_path, rows(count=3), said)
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(lines[0]))
    with pytest.raises(Refused, match="was cut off"):
        readings.check(file)
    file.write_bytes(gzip.compress(lines[-1]))
    with pytest.raises(Refused, match="says 3 rows and holds 0"):
        readings.check(file)


@pytest.mark.parametrize(
    "lines",
    [
        b'{"sensor":"s","rows":[[2,1,0,1,1],[1,1,0,1,2]]}\n{"total":2}\n',
        b'{"sensor":"s","rows":[[1,1,0,1,1],[1,1,0,1,2]]}\n{"total":2}\n',
        b'{"sensor":"s","rows":[[5,1,0,1,1]]}\n{"sensor":"s","rows":[[5,1,0,1,1]]}\n{"total":2}\n',
    ],
)
def test_rows_out_of_order_are_seen(tmp_path: Path, lines: bytes) -> None:
    file = tmp_path / "r.gz"
    file.write_bytes(gzip.compress(lines))
    with pytest.raises(Refused, match="out of order"):
        readings.check(file)


@pytest.mark.parametrize(
    "damage",
    [b"", b"not gzip", gzip.compress(b"[1"), gzip.compress(b'{"rows":7}\n')],
    ids=["empty", "no gzip", "no json", "no page"],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "r.gz"
    file.write_bytes(damage)
    with pytest.raises(Refused, match=r"cannot be read|cut off"):
        readings.check(file)


def test_a_row_that_no_store_may_keep_stops_the_restore(tmp_path: Path, said: Said) -> None:
    file = tmp_path / "r.gz"
    file.write_bytes(gzip.compress(b'{"sensor":"s","rows":[[5,99999,0,1,1]]}\n{"total":1}\n'))
    with closing(open_readings("memory:")) as store, pytest.raises(Refused, match="store refuses: s, implausible"):
        readings.restore(store, file, said)


def test_a_store_that_is_away_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_bytes(b"torn" * 3_000)
    with closing(open_readings(f"sqlite:///{tmp_path}/r.db")) as store:
        assert isinstance(store.health(), Health)
        with pytest.raises(Unavailable):
            readings.check_answers(store)
