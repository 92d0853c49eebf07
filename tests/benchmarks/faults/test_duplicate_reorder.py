from __future__ import annotations

import pytest

from benchmarks.faults import duplicate_reorder
from benchmarks.faults.duplicate_reorder import Conditions
from benchmarks.faults.line import EMBEDDED, SERVER, Programs
from benchmarks.faults.scene import Scene
from benchmarks.faults.shuffling_link import Disorder
from tests.benchmarks.faults.tiers import plain, stack

SMALL = Conditions(Scene(gateways=2, probes=4, interval_seconds=60, history_minutes=150), Disorder(window_seconds=0.4))
LARGER = Conditions(Scene(gateways=4, probes=4, interval_seconds=60, history_minutes=240), Disorder(window_seconds=1))
PLANTED = Programs(ingest="tests.benchmarks.faults.planted_no_dedupe")


def test_disorder_leaves_the_same_behind_as_order() -> None:
    assert duplicate_reorder.run(0, plain(duplicate_reorder.FULL), EMBEDDED, SMALL) == 0


@pytest.mark.stack
def test_disorder_behind_mosquitto_leaves_the_same_behind_as_order() -> None:
    assert duplicate_reorder.run(100, stack(duplicate_reorder.FULL), SERVER, LARGER) == 0


@pytest.mark.stack
def test_an_ingest_that_takes_a_repetition_twice_is_caught() -> None:
    assert duplicate_reorder.run(0, 1, SERVER, SMALL._replace(programs=PLANTED)) == 1
