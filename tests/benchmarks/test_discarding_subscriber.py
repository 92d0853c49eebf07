from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.discarding_subscriber import discarding
from benchmarks.ingest_rig import Fleet, broker_at
from benchmarks.raw_publisher import RawPublisher, prepared
from tests.stack.servers import port_of

if TYPE_CHECKING:
    from pathlib import Path


def test_it_takes_every_message_and_ends(tmp_path: Path) -> None:
    bundles = prepared(Fleet(20, 4, 60).messages(300))
    with broker_at(tmp_path) as url, RawPublisher(port_of(url)) as publisher, discarding(port_of(url), 300) as process:
        publisher.carry(bundles)
        assert process.wait(60) == 0


def test_it_waits_for_what_has_not_come(tmp_path: Path) -> None:
    bundles = prepared(Fleet(20).messages(9))
    with broker_at(tmp_path) as url, RawPublisher(port_of(url)) as publisher, discarding(port_of(url), 10) as process:
        publisher.carry(bundles)
        assert process.poll() is None
