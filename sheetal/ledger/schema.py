"""The schema's versions: bringing both stores to the newest, and refusing to start on an older one."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import NullPool

from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.ledger import (
    asset_tables,
    decision_tables,
    gateway_tables,
    judgement_tables,
    lasting_tables,
    stock_tables,
    telemetry_tables,
    watch_tables,
)
from sheetal.ledger.base import ledger_metadata, telemetry_metadata
from sheetal.ledger.connect import LEDGER_VARIABLE, TELEMETRY_VARIABLE, checked_url, unavailable_when_away

if TYPE_CHECKING:
    from collections.abc import Callable

    from alembic.runtime.environment import EnvironmentContext
    from sqlalchemy import URL, Connection, Engine, MetaData
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from sheetal.ledger.connect import Ledger

LEDGER = "ledger"
TELEMETRY = "telemetry"
SCHEMA_PAUSE_SECONDS = 1.0
FOLDER = Path(__file__).parents[2] / "migrations"
MIGRATION_LOCK = 0x5EE7A1
TABLE_MODULES = (
    asset_tables,
    gateway_tables,
    stock_tables,
    decision_tables,
    judgement_tables,
    watch_tables,
    telemetry_tables,
    lasting_tables,
)


@dataclass(frozen=True, slots=True)
class Store:
    """One of the two stores of the chain, where it is and which tables it holds."""

    name: str
    url: URL
    metadata: MetaData

    @property
    def schema(self) -> str | None:
        """The PostgreSQL schema of its tables and of its version; None for the default one and on SQLite."""
        return TELEMETRY if self.name == TELEMETRY and self.url.get_backend_name() == "postgresql" else None


def upgrade(ledger_url: str, telemetry_url: str, revision: str = "head") -> None:
    """Bring both stores to a revision; raises SettingProblem for an impossible address, and Unavailable."""
    command.upgrade(_config(ledger_url, telemetry_url), revision)


def downgrade(ledger_url: str, telemetry_url: str, revision: str) -> None:
    """Take both stores back to a revision."""
    command.downgrade(_config(ledger_url, telemetry_url), revision)


def newest_revision() -> str:
    """The revision that this program works with."""
    return str(ScriptDirectory(str(FOLDER)).get_current_head())


def knows_revision(revision: str) -> bool:
    """Whether a store of this revision can be brought to the newest."""
    return any(one.revision == revision for one in ScriptDirectory(str(FOLDER)).walk_revisions())


def check_schema(ledger: Ledger) -> None:
    """Raise SettingProblem, naming the variable, unless the store stands at the chain's newest revision."""
    wanted = newest_revision()
    with ledger.read() as connection:
        schema = TELEMETRY if ledger.store == TELEMETRY and ledger.dialect_name == "postgresql" else None
        found = MigrationContext.configure(
            connection,
            opts={"version_table_schema": schema},
        ).get_current_revision()
    if found != wanted:
        raise SettingProblem(
            f"{ledger.variable} names a store at schema {found or 'none'}, this program needs {wanted}",
            next_step="run `alembic upgrade head`",
            variable=ledger.variable,
        )


def await_schema(ledger: Ledger, told: Callable[[Unavailable], None], pause: Callable[[float], object]) -> None:
    """`check_schema` once the store answers: a server that is away is waited for, `told` hears each vain try.

    Raises SettingProblem as `check_schema` does.
    """
    while True:
        try:
            return check_schema(ledger)
        except Unavailable as away:
            told(away)
            pause(SCHEMA_PAUSE_SECONDS)


def only_for(store: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Let an upgrade or downgrade step run on one store and pass by on the other."""

    def wrap(step: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(step)
        def stepped() -> None:
            if store_of_run() == store:
                step()

        return stepped

    return wrap


def store_of_run() -> str:
    """The store that the running revision is being applied to."""
    return str(op.get_context().opts["store"])


def telemetry_schema_of_run() -> str | None:
    """The schema that the running revision's telemetry tables stand in; None on SQLite."""
    return TELEMETRY if op.get_context().dialect.name == "postgresql" else None


def migrate(environment: Any) -> None:  # noqa: ANN401 - alembic's context is a module that plays EnvironmentContext
    """Walk the chain over both stores; called by migrations/env.py. Raises SettingProblem and Unavailable."""
    for store in _stores(environment.config):
        engine = _engine(store.url)
        try:
            with unavailable_when_away(), engine.connect() as connection:
                _walk(environment, connection, store)
        finally:
            engine.dispose()


def _walk(environment: EnvironmentContext, connection: Connection, store: Store) -> None:
    with connection.begin():
        if store.url.get_backend_name() == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        if store.schema is not None:
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {store.schema}"))
        environment.configure(
            connection=connection,
            target_metadata=store.metadata,
            version_table_schema=store.schema,
            render_as_batch=True,
            transactional_ddl=True,
            store=store.name,
        )
        environment.run_migrations()


def _stores(config: Config) -> tuple[Store, Store]:
    return (
        Store(LEDGER, _url(config, LEDGER, LEDGER_VARIABLE), ledger_metadata),
        Store(TELEMETRY, _url(config, TELEMETRY, TELEMETRY_VARIABLE), telemetry_metadata),
    )


def _url(config: Config, store: str, variable: str) -> URL:
    address = config.attributes.get(store) or os.environ.get(variable)
    if not address:
        raise SettingProblem(f"{variable} is not set", next_step=f"set {variable}", variable=variable)
    return checked_url(address, variable)


def _config(ledger_url: str, telemetry_url: str) -> Config:
    config = Config(attributes={LEDGER: ledger_url, TELEMETRY: telemetry_url})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("prepend_sys_path", str(FOLDER.parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _engine(url: URL) -> Engine:
    engine = create_engine(url, poolclass=NullPool)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _without_foreign_keys)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _without_foreign_keys(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """SQLite changes a table by copying it, during which its references must rest."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = OFF")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
