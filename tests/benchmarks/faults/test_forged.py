from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import forged
from benchmarks.faults.intruder import Intruder
from benchmarks.faults.line import EMBEDDED, SERVER, Line, Programs
from sheetal.contracts.topics import Channel, of_gateway
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from pathlib import Path

PLANTED = "tests.benchmarks.faults.planted_credulous_"


def test_no_forgery_is_believed() -> None:
    assert forged.run(0, plain(forged.FULL), EMBEDDED) == 0


@pytest.mark.stack
def test_no_forgery_is_believed_over_mosquitto() -> None:
    assert forged.run(10_000, stack(forged.FULL), SERVER) == 0


def attacked(folder: Path, programs: Programs, names: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(forged, "HEARD_SECONDS_MAX", 3.0)
    line = Line(folder, forged.SCENE, programs=programs)
    with line:
        line.start(line.broker, line.simulator, *line.gateways.values())
        with Intruder(line.broker_port, [of_gateway(forged.GATEWAY, Channel.REPORTED)]) as intruder:
            stage = forged.Stage(line, intruder, random.Random(7))
            return {name: "; ".join(forged.ATTACKS[name](stage, 22)) for name in names}


@pytest.mark.stack
def test_a_gateway_that_looks_at_no_seal_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = attacked(tmp_path, Programs(gateway=PLANTED + "gateway"), ["acks"], monkeypatch)
    assert "items were settled by forgeries" in told["acks"]


@pytest.mark.stack
def test_an_ingest_that_looks_at_no_seal_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = attacked(tmp_path, Programs(ingest=PLANTED + "ingest"), ["batches"], monkeypatch)
    assert "forged readings are in the store" in told["batches"]
