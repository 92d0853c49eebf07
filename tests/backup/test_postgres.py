from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy.engine import make_url

from backup import postgres
from sheetal.contracts.problem import Refused, Unavailable
from tests.stack.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backup.conftest import Said

ODD = ["plain", "tab\there", "back\\slash \\n \\N", "new\nline", "", None, "शीतल", "\\."]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("postgresql")) as url:
        with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as connection:
            connection.execute("CREATE SCHEMA telemetry")
            connection.execute("CREATE TABLE telemetry.state (id bigint PRIMARY KEY)")
            connection.execute("CREATE TABLE word (id bigint PRIMARY KEY, said text)")
            for number, word in enumerate(ODD):
                connection.execute("INSERT INTO word VALUES (%s, %s)", (number, word))
        yield url


@pytest.mark.stack
def test_a_dump_counts_and_tells_every_row(address: str, tmp_path: Path, said: Said) -> None:
    file = tmp_path / "d.dump"
    rows = postgres.dump(make_url(address), ["telemetry", "ledger"], file, said)
    assert rows == postgres.counts(file) == {"word": len(ODD), "telemetry.state": 0}
    told = {int(str(row["id"])): row["said"] for name, row in postgres.rows_of(file, ["word"]) if name == "word"}
    assert [told[number] for number in range(len(ODD))] == ODD


@pytest.mark.stack
def test_a_dump_is_put_back_in_one_transaction_or_not_at_all(address: str, tmp_path: Path, said: Said) -> None:
    file, url = tmp_path / "d.dump", make_url(address)
    postgres.dump(url, ["telemetry", "ledger"], file, said)
    assert not postgres.is_empty(url, ["ledger"])
    assert postgres.is_empty(url, ["telemetry"])
    plain = address.replace("+psycopg", "")
    with closing(psycopg.connect(plain, autocommit=True)) as connection:
        connection.execute("DELETE FROM word")
        connection.execute("DROP SCHEMA telemetry CASCADE")
    file.with_suffix(".cut").write_bytes(file.read_bytes()[:-400])
    with pytest.raises(Refused):
        postgres.put_back(file.with_suffix(".cut"), url, ["telemetry", "ledger"])
    assert postgres.is_empty(url, ["ledger"])
    postgres.put_back(file, url, ["telemetry", "ledger"])
    with closing(psycopg.connect(plain)) as connection:
        assert connection.execute("SELECT said FROM word ORDER BY id").fetchall() == [(word,) for word in ODD]


@pytest.mark.stack
def test_a_cut_off_dump_is_refused(address: str, tmp_path: Path, said: Said) -> None:
    file = tmp_path / "d.dump"
    postgres.dump(make_url(address), ["ledger"], file, said)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(Refused, match="cannot be read"):
        postgres.counts(file)


def test_a_server_that_is_away_is_told(tmp_path: Path, said: Said) -> None:
    away = make_url("postgresql+psycopg://nobody:secret@127.0.0.1:9/none")
    with pytest.raises(Unavailable) as caught:
        postgres.dump(away, ["ledger"], tmp_path / "d", said)
    assert "secret" not in f"{caught.value.message} {caught.value.facts}"


def test_a_program_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "PROGRAMS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="pg_dump is not installed"):
        postgres.program("pg_dump")


def test_the_newest_program_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("9.6", "15", "13"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "pg_dump").symlink_to(sys.executable)
    monkeypatch.setattr(postgres, "PROGRAMS", tmp_path)
    assert Path(postgres.program("pg_dump")).parts[-3] == "15"
