from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.guarded_line import SHIPPED, GuardedLine
from benchmarks.faults.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack


def test_the_broker_runs_under_every_shipped_line(tmp_path: Path) -> None:
    GuardedLine(tmp_path, Scene(gateways=1, probes=1))
    ours = (tmp_path / "mosquitto.conf").read_text().splitlines()
    shipped = (SHIPPED / "mosquitto.conf").read_text().splitlines()
    assert [line.split(" ")[0] for line in ours[1:]] == [line.split(" ")[0] for line in shipped]
    assert "require_certificate true" in ours
    assert "use_username_as_clientid true" in ours
    assert not any("/mosquitto/" in line.replace(str(SHIPPED), "") for line in ours if not line.startswith("#"))


def test_each_gateway_is_set_up_with_its_own_certificate(tmp_path: Path) -> None:
    line = GuardedLine(tmp_path, Scene(gateways=2, probes=1))
    line._write_settings()
    for name in ("gw-00", "gw-01"):
        text = (tmp_path / f"{name}.toml").read_text()
        assert f'certificate_file = "{tmp_path}/gateways/{name}.pem"' in text
        assert f"mqtts://127.0.0.1:{line.outer_port}" in text
