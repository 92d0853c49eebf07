from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from sheetal.ledger.schema import upgrade
from tests.portal.given_certificates import Books, demo_keys, open_books
from tests.stack.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portal.certificate.keys import SigningKeys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return demo_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def foreign_keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return demo_keys(tmp_path_factory.mktemp("foreign-keys"))


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("server")) as url:
        upgrade(url, url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.stack)])
def books(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[Books]:
    """Fresh books on SQLite; on PostgreSQL too when the stack tests run."""
    url: str | None = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("TRUNCATE certificate")
    with open_books(tmp_path, migrated, ledger_url=url) as opened:
        yield opened
