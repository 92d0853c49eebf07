"""The service that a gateway runs as: what systemd itself says of it, and what it must allow and forbid."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.watchdog import PETS_A_PERIOD

FOLDER = Path(__file__).parents[2] / "deploy" / "gateway"
UNIT = FOLDER / "sheetal-gateway.service"


class Lines(dict[str, str]):
    """Repeated keys, as systemd allows them, are joined."""

    def __setitem__(self, key: str, value: str) -> None:
        joined = isinstance(value, list) and key in self
        super().__setitem__(key, [*self[key], *value] if joined else value)  # type: ignore[misc, list-item]


def service() -> dict[str, list[str]]:
    parser = configparser.RawConfigParser(strict=False, dict_type=Lines)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT)
    return {key: value.split("\n") for key, value in parser["Service"].items()}


def test_systemd_finds_nothing_to_say_against_it(tmp_path: Path) -> None:
    text = UNIT.read_text().replace("/opt/sheetal/.venv/bin/python", sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    assert text != UNIT.read_text()
    if analyze := shutil.which("systemd-analyze"):
        verdict = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
        assert (verdict.returncode, verdict.stderr) == (0, "")
        bare = tmp_path / "bare.service"
        bare.write_text("[Service]\nExecStart=/nowhere/at/all\n")
        assert subprocess.run([analyze, "verify", str(bare)], capture_output=True, check=False).returncode != 0


def test_it_is_watched_and_started_again_for_ever() -> None:
    told = service()
    assert told["Type"] == ["notify"]
    assert told["Restart"] == ["always"]
    assert "StartLimitIntervalSec=0" in UNIT.read_text()
    # The main loop looks every five seconds and may wait five more for the file's lock: well inside a third.
    assert int(told["WatchdogSec"][0]) / PETS_A_PERIOD >= 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("User", "sheetal-gateway"),
        ("StateDirectory", "sheetal-gateway"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("DevicePolicy", "closed"),
        ("MemorySwapMax", "0"),
        ("SystemCallArchitectures", "native"),
    ],
)
def test_it_may_do_no_more_than_it_must(key: str, value: str) -> None:
    assert service()[key] == [value]


def test_it_may_ask_the_kernel_for_its_clock_and_its_boot() -> None:
    """A forbidden adjtimex would look like a clock that nobody has set; /proc/sys tells one boot from the next."""
    text = UNIT.read_text()
    assert "SystemCallFilter=adjtimex clock_adjtime" in text
    keys = set(service())
    assert not keys & {"ProtectClock", "ProcSubset", "PrivateDevices", "PrivateNetwork"}


def test_everything_it_names_of_ours_is_there() -> None:
    root = FOLDER.parents[1]
    assert "-m edge_agent run --config /var/lib/sheetal-gateway/gateway.toml" in service()["ExecStart"][0]
    assert (root / "edge_agent" / "__main__.py").is_file()
    assert (root / "docs" / "deploy.md").is_file()
    guide = (root / "docs" / "deploy.md").read_text()
    assert all(path.name in guide for path in FOLDER.iterdir())


def test_every_line_without_a_key_is_a_remark_of_its_own() -> None:
    """systemd takes a remark behind a value for a part of the value."""
    for path in FOLDER.iterdir():
        for line in path.read_text().splitlines():
            assert line.startswith("#") or "#" not in line, f"{path.name}: {line}"
