from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from benchmarks.faults.ticking_probe import COLD_CENTI_CELSIUS, DEVICE, TickingProbe, true_ms
from edge_agent.sources.one_wire import scratchpad

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.sources.polled import Answer


def asked(root: Path) -> Answer:
    return scratchpad((root / DEVICE / "w1_slave").read_text())


def test_what_the_gateway_s_driver_reads_was_said_at_that_moment(tmp_path: Path) -> None:
    read: list[tuple[int, int]] = []
    with TickingProbe(tmp_path / "w1") as probe:
        for number in range(8):
            if number == 4:
                probe.freeze()
            time.sleep(0.15)
            answer = asked(tmp_path / "w1")
            assert answer.value is not None
            read.append((true_ms(), round(answer.value * 100)))
        assert probe.is_cold
        probe.thaw()
    truth = {said.centi_celsius: said for said in probe.truth()}
    for at_ms, centi_celsius in read:
        assert truth[centi_celsius].from_ms - 1 <= at_ms <= truth[centi_celsius].until_ms + 200
    assert min(centi_celsius for _, centi_celsius in read) < COLD_CENTI_CELSIUS


def test_each_value_is_said_once_and_without_a_gap(tmp_path: Path) -> None:
    with TickingProbe(tmp_path / "w1") as probe:
        time.sleep(0.5)
    truth = probe.truth()
    assert len({said.centi_celsius for said in truth}) == len(truth) >= 2
    assert all(before.until_ms == after.from_ms for before, after in itertools.pairwise(truth))
