"""The demo's Mosquitto settings; what the real broker makes of them is the stack tier's."""

from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from demo import mosquitto
from demo.broker import answers, free_port
from demo.mosquitto import Programs
from tests.demo.children import until

if TYPE_CHECKING:
    from pathlib import Path

USERS = ("ingest", "alerts", "gw-01")


def shelf(folder: Path, *names: str) -> str:
    """A PATH with these programs and no others."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 0\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_both_programs_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", shelf(tmp_path / "broker only", "mosquitto"))
    assert mosquitto.find() is None
    both = shelf(tmp_path / "both", "mosquitto", "mosquitto_passwd")
    monkeypatch.setenv("PATH", both)
    assert mosquitto.find() == Programs(f"{both}/mosquitto", f"{both}/mosquitto_passwd")


def test_every_user_has_a_password_of_its_own() -> None:
    first, second = mosquitto.make_passwords(USERS), mosquitto.make_passwords(USERS)
    assert list(first) == list(USERS)
    assert len({*first.values(), *second.values()}) == 6
    assert all(len(password) >= 24 and ":" not in password for password in first.values())


def test_the_settings_let_nobody_in_without_a_password(tmp_path: Path) -> None:
    hasher = tmp_path / "hasher"
    hasher.write_text('#!/bin/sh\nprintf "%s" "$1 $2" > "$2.called"\nsed -i "s/:.*/:hashed/" "$2"\n')
    hasher.chmod(0o755)
    folder = tmp_path / "servers"
    settings = mosquitto.write_settings(Programs("broker", str(hasher)), folder, 1234, {"gw-01": "open sesame"})
    lines = settings.read_text().splitlines()
    assert lines[0] == "listener 1234 127.0.0.1"
    assert "allow_anonymous false" in lines
    assert f"acl_file {mosquitto.ACCESS}" in lines
    assert f"password_file {folder / 'passwords'}" in lines
    assert (folder / "passwords").read_text() == "gw-01:hashed\n"
    assert (folder / "passwords.called").read_text() == f"-U {folder / 'passwords'}"
    assert stat.S_IMODE((folder / "passwords").stat().st_mode) == 0o600


def test_gateways_come_by_certificate_as_in_production(tmp_path: Path) -> None:
    ours = set(mosquitto.by_certificate(18883, tmp_path).split("\n"))
    shipped = mosquitto.ACCESS.with_name("mosquitto.conf").read_text().split("listener 8883\n")[1].split("\n")
    said = [line for line in shipped if line and not line.startswith(("#", "max_connections"))]
    places = {line.split()[0] for line in said if "/" in line}
    assert {line for line in said if "/" not in line} <= ours
    assert places == {line.split()[0] for line in ours if "/" in line}


def test_the_access_rules_are_productions_own() -> None:
    assert mosquitto.ACCESS.is_file()
    assert mosquitto.ACCESS.parent.name == "mosquitto"
    assert "pattern write cc/v1/%u/data" in mosquitto.ACCESS.read_text().splitlines()


def outcome(port: int, username: str | None, password: str | None) -> str:
    """What the broker says to a client that comes so."""
    said: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = lambda _client, _data, _flags, code, _properties: said.append(str(code))
    if username is not None:
        client.username_pw_set(username, password)
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(lambda: bool(said))
    client.disconnect()
    client.loop_stop()
    return said[0]


@pytest.mark.stack
def test_the_real_broker_knows_its_users_and_keeps_no_plain_password(tmp_path: Path) -> None:
    programs = mosquitto.find()
    assert programs is not None
    port, passwords = free_port(), mosquitto.make_passwords(USERS)
    settings = mosquitto.write_settings(programs, tmp_path / "servers", port, passwords)
    kept = (tmp_path / "servers" / "passwords").read_text()
    assert not any(password in kept for password in passwords.values())
    with subprocess.Popen([programs.broker, "-c", str(settings)], stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: answers(port))
            assert outcome(port, "gw-01", passwords["gw-01"]) == "Success"
            assert outcome(port, "gw-01", passwords["ingest"]) == "Not authorized"
            assert outcome(port, "gw-99", "whatever") == "Not authorized"
            assert outcome(port, None, None) == "Not authorized"
        finally:
            process.terminate()
