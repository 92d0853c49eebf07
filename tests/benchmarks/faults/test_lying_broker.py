from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import lying_broker
from benchmarks.faults.line import EMBEDDED, SERVER, Line, Programs
from benchmarks.faults.scene import Scene
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Scene(gateways=1, probes=4, interval_seconds=10, history_minutes=60, story_minutes=55, catch_up_seconds=20)
BELIEVER = Programs(gateway="tests.benchmarks.faults.planted_delete_on_puback")


def test_no_lie_of_the_broker_costs_a_reading() -> None:
    assert lying_broker.run(0, plain(lying_broker.FULL), EMBEDDED) == 0


@pytest.mark.stack
def test_no_lie_of_mosquitto_costs_a_reading() -> None:
    assert lying_broker.run(100, stack(lying_broker.FULL), SERVER) == 0


@pytest.mark.stack
def test_an_outbox_that_believes_the_broker_is_caught(tmp_path: Path) -> None:
    line = Line(tmp_path, SMALL, programs=BELIEVER)
    report = lying_broker.group(line, 0, 1, ["dropping link"], seconds=3)
    assert any("true, told and not stored" in problem for problem in report.problems)


def test_a_lie_that_nobody_told_is_no_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lying_broker.WAYS, "dropping link", lambda *_: 0)
    report = lying_broker.group(Line(tmp_path, SMALL), 0, 1, ["dropping link"])
    assert report.problems == ["no lie by dropping link"]
