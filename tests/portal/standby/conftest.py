from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.given_certificates import Books, open_books
from tests.portal.standby.site import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def books(tmp_path: Path, migrated: Path) -> Iterator[Books]:
    with open_books(tmp_path, migrated, f"http://127.0.0.1:{free_port()}") as opened:
        yield opened
