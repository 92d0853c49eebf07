"""PostgreSQL's own tools: pg_dump of both schemas in one snapshot, pg_restore in one transaction."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from sheetal.contracts.problem import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import URL, Connection

    Say = Callable[[str], None]

PROGRAMS = Path("/usr/lib/postgresql")
SCHEMAS = {"ledger": "public", "telemetry": "telemetry"}
_TABLES = text("SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(:schemas) ORDER BY 1, 2")
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)
LEAVING_SECONDS = 5.0
_COPY = re.compile(rb'COPY "?(\w+)"?\."?(\w+)"? \((.*)\) FROM stdin;')
_ESCAPE = re.compile(r"\\([bfnrtv\\])")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


class Block(NamedTuple):
    """The rows of one table in a dump."""

    schema: str
    table: str
    columns: list[str]

    @property
    def name(self) -> str:
        """As rows are counted by."""
        return _named(self.schema, self.table)


def dump(url: URL, stores: Sequence[str], file: Path, say: Say) -> dict[str, int]:
    """Dump the schemas of these stores as one snapshot; gives the rows of each table. Raises Refused, Unavailable."""
    schemas = [SCHEMAS[store] for store in stores]
    with _connected(url) as conn:
        conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        snapshot = str(conn.execute(text("SELECT pg_export_snapshot()")).scalar_one())
        rows = {_named(*table): _count(conn, *table) for table in _tables(conn, schemas)}
        say(f"PostgreSQL: {sum(rows.values()):,} rows of {len(rows)} tables")
        patterns = [part for schema in schemas for part in ("-t", f"{schema}.*")]
        _run(
            "pg_dump",
            url,
            ["-Fc", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", *patterns, "-f", str(file)],
        )
    return rows


def counts(file: Path) -> dict[str, int]:
    """How many rows of each table a dump holds, read from end to end; raises Refused for a damaged one."""
    found: dict[str, int] = {}
    for block, line in _lines(file, []):
        found[block.name] = found.get(block.name, 0) + (line is not None)
    return found


def rows_of(file: Path, tables: Sequence[str]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """The rows of some tables in a dump: the table, and its texts by column."""
    for block, line in _lines(file, [part for name in tables for part in ("-t", name)]):
        if line is not None:
            values = [_value(word) for word in line.decode().split("\t")]
            yield block.table, dict(zip(block.columns, values, strict=True))


def is_empty(url: URL, stores: Sequence[str]) -> bool:
    """Whether no table of these schemas holds a row, alembic's own aside."""
    with _connected(url) as conn:
        tables = _tables(conn, [SCHEMAS[store] for store in stores])
        return all(_count(conn, *table) == 0 for table in tables if table[1] != "alembic_version")


def check_unused(url: URL) -> None:
    """Raises Refused while anybody else is connected; one that has just left is given a moment to be gone."""
    until = time.monotonic() + LEAVING_SECONDS
    with _connected(url) as conn:
        while others := int(conn.execute(_OTHERS).scalar_one()):
            conn.rollback()
            if time.monotonic() > until:
                raise Refused(
                    f"the database {url.database} is in use: {others} others are connected",
                    next_step="stop ingest, alerts, the portal and its worker",
                    reason="in_use",
                )
            time.sleep(0.1)


def put_back(file: Path, url: URL, stores: Sequence[str]) -> None:
    """Put a dump in the place of all the schemas' tables, in one transaction; raises Refused when it did not go.

    What stands there goes first, a transaction before: of a newer schema it holds tables that the dump does not know.
    """
    schemas = [SCHEMAS[store] for store in stores]
    with _connected(url) as conn:
        for schema in schemas:
            conn.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        for schema, table in _tables(conn, schemas):
            conn.execute(text(f'DROP TABLE IF EXISTS "{schema}"."{table}" CASCADE'))
        conn.commit()
    options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run("pg_restore", url, [*options, str(file)])


def program(name: str) -> str:
    """The newest installed client program; raises Refused where there is none."""
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    place = str(found[-1]) if found else shutil.which(name)
    if place is None:
        raise Refused(f"{name} is not installed", next_step="install PostgreSQL's client programs", reason="no_program")
    return place


def _lines(file: Path, options: Sequence[str]) -> Iterator[tuple[Block, bytes | None]]:
    """Every row of a dump behind a None that begins its table; the dump is read as a stream."""
    command = [program("pg_restore"), "--data-only", *options, "-f", "-", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        block: Block | None = None
        for line in process.stdout or ():
            row = line.rstrip(b"\n")
            if block is None:
                block = _block(row)
                if block:
                    yield block, None
            elif row == b"\\.":
                block = None
            else:
                yield block, row
        said = process.stderr.read() if process.stderr else b""
    if process.returncode:
        raise _refuse(f"{file} cannot be read", said)


def _block(line: bytes) -> Block | None:
    found = _COPY.match(line)
    if not found:
        return None
    schema, table, columns = (word.decode() for word in found.groups())
    return Block(schema, table, [name.strip(' "') for name in columns.split(",")])


def _value(word: str) -> str | None:
    return None if word == "\\N" else _ESCAPE.sub(lambda found: _ESCAPED[found.group(1)], word)


def _named(schema: str, table: str) -> str:
    return table if schema == SCHEMAS["ledger"] else f"{schema}.{table}"


def _tables(conn: Connection, schemas: Sequence[str]) -> list[tuple[str, str]]:
    return [(str(row[0]), str(row[1])) for row in conn.execute(_TABLES, {"schemas": list(schemas)})]


def _count(conn: Connection, schema: str, table: str) -> int:
    return int(conn.execute(text(f'SELECT count(*) FROM "{schema}"."{table}"')).scalar_one())  # noqa: S608 - names out of the catalogue


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as conn:
            yield conn
    except SQLAlchemyError as error:
        raise Unavailable("PostgreSQL does not do it", next_step="look at its log", why=type(error).__name__) from error
    finally:
        engine.dispose()


def _run(name: str, url: URL, options: Sequence[str]) -> None:
    """Runs a client program; the password goes by the environment, where other users do not see it."""
    place = ["-h", url.host or "", "-p", str(url.port or ""), "-U", url.username or "", "-d", url.database or ""]
    command = [program(name), *(part for pair in zip(place[::2], place[1::2], strict=True) if pair[1] for part in pair)]
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    done = subprocess.run(
        [*command, *options], check=False, capture_output=True, env={**os.environ, **secret}, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise _refuse(f"{name} did not do it", done.stderr)


def _refuse(message: str, said: bytes) -> Refused:
    detail = said.decode(errors="replace").strip().splitlines()
    return Refused(f"{message}: {detail[0] if detail else 'no reason given'}", next_step="see above", reason="database")
