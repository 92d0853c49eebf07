from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.bare_paho import _expect, seconds_taken
from benchmarks.ingest_rig import Fleet
from benchmarks.raw_publisher import RawPublisher, prepared
from demo.broker import EmbeddedBroker

if TYPE_CHECKING:
    from pathlib import Path


def test_it_takes_messages_in_a_process_of_its_own(tmp_path: Path) -> None:
    bundles = prepared(Fleet(5).messages(500))
    with EmbeddedBroker(tmp_path) as broker, RawPublisher(broker.port) as publisher:
        for _ in range(2):
            assert 0 < seconds_taken(broker.port, publisher, bundles, 500) < 60


def test_a_peer_that_dies_is_told() -> None:
    with pytest.raises(RuntimeError, match="nothing any more"):
        _expect(iter(()), "done")
