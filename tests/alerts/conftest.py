from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from sheetal.ledger.schema import upgrade
from tests.alerts.given import KEY, World, close_world, found_world, open_world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def empty_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schema")
    upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db")
    (folder / "field.key").write_text(f"k1:{base64.b64encode(KEY).decode()}\n")
    (folder / "field.key").chmod(0o600)
    return folder


MakeWorld = Callable[[], World]


@pytest.fixture
def make_world(tmp_path: Path, empty_stores: Path) -> Iterator[MakeWorld]:
    made: list[World] = []

    def make() -> World:
        folder = tmp_path / f"world-{len(made)}"
        shutil.copytree(empty_stores, folder)
        made.append(open_world(folder))
        found_world(made[-1])
        return made[-1]

    yield make
    for world in made:
        close_world(world)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
