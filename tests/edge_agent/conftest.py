from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.broker import EmbeddedBroker
from edge_agent.outbox.outbox import Outbox
from tests.edge_agent.kit import T0_MS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class SetClock:
    """A clock that stands where it was put."""

    def __init__(self, at_ms: int = T0_MS) -> None:
        self.at_ms = at_ms

    def __call__(self) -> int:
        return self.at_ms


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def outbox(tmp_path: Path, clock: SetClock) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db", clock=clock)
    yield box
    box.close()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running
