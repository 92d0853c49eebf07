"""A real migrated ledger, and the pieces that the demo's seeds start from."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest

from demo.district import SCENARIO
from demo.seed_stock import Seed, load_seed
from firmware_sim.scenario import Scenario, load_scenario
from sheetal.ledger.connect import Ledger, open_ledger
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.schema import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection


class Given(NamedTuple):
    """What a seed is given."""

    ledger: Ledger
    cipher: FieldCipher
    scenario: Scenario
    seed: Seed
    folder: Path

    def people(self) -> list[str]:
        """Everything about citizens that may stand nowhere in the clear."""
        return [word for one in self.seed.citizen for word in (one.name.split()[0], one.mobile, one.birth_date)]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    upgrade(f"sqlite:///{folder / 'ledger.db'}", f"sqlite:///{folder / 'telemetry.db'}")
    return folder


@pytest.fixture
def given(tmp_path: Path, migrated: Path) -> Iterator[Given]:
    (tmp_path / "ledger.db").write_bytes((migrated / "ledger.db").read_bytes())
    (tmp_path / "field-keys").write_text("test:" + base64.b64encode(bytes(range(32))).decode() + "\n")
    with closing(open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")) as ledger:
        cipher = FieldCipher.from_file(tmp_path / "field-keys")
        yield Given(ledger, cipher, load_scenario(SCENARIO), load_seed(), tmp_path)


@pytest.fixture
def look(given: Given) -> Iterator[Connection]:
    """The ledger as it is when the test asks first."""
    with given.ledger.read() as connection:
        yield connection
