from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.intruder import Intruder
from benchmarks.faults.line import Line, free_ports, wait_for
from benchmarks.faults.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path


def test_an_intruder_hears_and_says_whatever_it_likes(tmp_path: Path) -> None:
    line = Line(tmp_path, Scene(gateways=1, probes=1))
    with line:
        line.start(line.broker)
        with Intruder(line.broker_port, ["cc/v1/gw-00/ack"]) as intruder:
            intruder.publish("cc/v1/gw-00/ack", b"mine")
            assert wait_for(lambda: intruder.heard == [("cc/v1/gw-00/ack", b"mine")], 10)


def test_a_broker_that_is_not_there_is_told() -> None:
    with pytest.raises(OSError, match="refused"), Intruder(free_ports(1)):
        pass
