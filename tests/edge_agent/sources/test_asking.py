from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.settings.file import load_settings
from edge_agent.sources import asking
from tests.edge_agent.kit import T0_MS, Hub, record, write_settings
from tests.edge_agent.sources.peers import FAULT, modbus_tcp_peer
from tests.edge_agent.sources.rigs import w1_slave

ROOT = Path(__file__).resolve().parents[3]
CSV = "time,celsius\n2026-09-01T00:00:00Z,4.5\n2026-09-01T00:10:00Z,oops\n"


def hub_and_modbus(config: Path, hub_port: int, port: int) -> None:
    config.write_text(
        config.read_text().replace("port = 1\n", f"port = {hub_port}\n")
        + f'[[source]]\nkind = "modbus_tcp"\nport = {port}\n'
        + '[[source.probe]]\nprobe = "good"\nappliance = "ILR-2"\nregister = { address = 0 }\n'
        + '[[source.probe]]\nprobe = "broken"\nappliance = "ILR-2"\nregister = { address = 1 }\n'
        + '[[source.aux]]\nfield = "DORV"\nappliance = "ILR-2"\nregister = { address = 4, scale = 1 }\n'
    )


def free_port() -> int:
    with Hub() as hub:
        return hub.port


def test_it_says_what_every_source_says(tmp_path: Path) -> None:
    port, out = free_port(), io.StringIO()
    peer = modbus_tcp_peer(port)
    peer.registers[:5] = [45, FAULT, 0, 0, 30]
    try:
        with Hub() as hub:
            hub.say(record(T0_MS, 5.25, BEMD=14))
            config = write_settings(tmp_path, hub_port=1)
            hub_and_modbus(config, hub.port, port)
            assert asking.ask(load_settings(config), 5.0, out) == 1
    finally:
        peer.close()
    told = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert told[0] == f"ds01_tcp 127.0.0.1:{hub.port}"
    assert told[1] == "gw-t.ilr1-tvc 5.25 °C 2026-09-21 14:13:20 UTC"
    assert told[2:4] == ["gw-t.ILR-1 BEMD 14", "connected"]
    assert told[5].startswith("gw-t.good 4.50 °C ")
    assert told[6:] == ["gw-t.broken OPEN_CIRCUIT", "gw-t.ILR-2 DORV 30", "connected"]


def test_one_that_says_nothing_is_waited_for_and_named(tmp_path: Path) -> None:
    out = io.StringIO()
    config = write_settings(tmp_path, hub_port=free_port())
    assert asking.ask(load_settings(config), 0.3, out) == 1
    assert "nothing said" in out.getvalue()
    assert "NOT CONNECTED" in out.getvalue()


def test_a_folder_tells_its_report_and_a_bus_its_probe(tmp_path: Path) -> None:
    out, device = io.StringIO(), "28-0000072431ac"
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "a.csv").write_text(CSV)
    (tmp_path / "w1" / device).mkdir(parents=True)
    (tmp_path / "w1" / device / "w1_slave").write_text(w1_slave(4_562))
    config = write_settings(tmp_path)
    config.write_text(
        config.read_text()
        + '[[source]]\nkind = "logger_folder"\nfolder = "usb"\ninterval_seconds = 0.1\n[[source.probe]]\nprobe = "f"\n'
        + f'[[source]]\nkind = "one_wire"\nroot = "w1"\n[[source.probe]]\nprobe = "w"\ndevice = "{device}"\n'
    )
    assert asking.ask(load_settings(config), 5.0, out) == 0
    assert "4.50 °C  2026-09-01 00:00:00 UTC" in out.getvalue()
    assert "a.csv: line 3" in out.getvalue()
    assert "4.56 °C" in out.getvalue()


@pytest.mark.parametrize(("text", "code"), [(None, 2), ("", 0)])
def test_the_command_line(tmp_path: Path, text: str | None, code: int) -> None:
    config = write_settings(tmp_path)
    if text is None:
        config.write_text("nonsense")
    command = [sys.executable, "-m", "edge_agent", "probe", "--config", str(config), "--seconds", "0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == code
    assert len(done.stderr.strip().splitlines()) == (1 if code else 0)
