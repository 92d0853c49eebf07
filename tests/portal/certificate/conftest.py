from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.given_certificates import Books, demo_keys, open_books

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


@pytest.fixture
def books(tmp_path: Path, migrated: Path) -> Iterator[Books]:
    with open_books(tmp_path, migrated) as opened:
        yield opened
