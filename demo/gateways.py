"""Writes each gateway's settings, keys and folders, as a field agent would when enrolling it."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from demo.limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from demo.plan import Plan
    from firmware_sim.scenario import ApplianceSpec, Hub, Scenario

KEY_BYTES = 32
REPLAY_GATEWAY = "gw-replay"
UPLINK = "\n[uplink]\nmessage_age_seconds = 2\n"
"""Two seconds in place of a minute: while simulated time runs fast, a reading is old soon."""


def names(scenario: Scenario) -> list[str]:
    """Every gateway of the demo."""
    return [*(hub.gateway for hub in scenario.hubs), REPLAY_GATEWAY]


def write_all(plan: Plan, scenario: Scenario, broker_url: str, passwords: Mapping[str, str]) -> dict[str, bytes]:
    """One settings file, key and broker password a hub, and those of the replay gateway; returns the keys by gateway.

    `passwords` are the broker's, by gateway; none where it asks for none.
    """
    plan.gateways.mkdir(parents=True, exist_ok=True)
    keys: dict[str, bytes] = {}
    for number, hub in enumerate(scenario.hubs):
        keys[hub.gateway] = _write_key(plan.gateways, hub.gateway)
        text = _head(plan, hub.gateway, broker_url, plan.ports.local_page_first + number)
        text += _login(plan.gateways, hub.gateway, passwords)
        text += UPLINK
        text += _local(plan.gateways, hub)
        text += _source(scenario, hub, plan.ports.simulator_first + number)
        (plan.gateways / f"{hub.gateway}.toml").write_text(text)
    keys[REPLAY_GATEWAY] = _write_key(plan.gateways, REPLAY_GATEWAY)
    text = _head(plan, REPLAY_GATEWAY, broker_url, None) + _login(plan.gateways, REPLAY_GATEWAY, passwords) + UPLINK
    (plan.gateways / f"{REPLAY_GATEWAY}.toml").write_text(text)
    return keys


def _write_key(folder: Path, gateway: str) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    _write_secret(folder / f"{gateway}.key", key.hex())
    return key


def _login(folder: Path, gateway: str, passwords: Mapping[str, str]) -> str:
    if gateway not in passwords:
        return ""
    _write_secret(folder / f"{gateway}.password", passwords[gateway])
    return f'username = "{gateway}"\npassword_file = "{gateway}.password"\n'


def _local(folder: Path, hub: Hub) -> str:
    """Where it stands, and the code of its label, which in the demo anybody may know."""
    _write_secret(folder / f"{hub.gateway}.code", device_code(hub.gateway))
    return (
        "\n[local]\n"
        f"facility_name = {json.dumps(hub.facility_name, ensure_ascii=False)}\n"
        f"facility_name_hindi = {json.dumps(hub.facility_name_hindi, ensure_ascii=False)}\n"
        f'device_code_file = "{hub.gateway}.code"\n'
    )


def device_code(gateway: str) -> str:
    """The demo's code for a gateway's set-up page."""
    return f"demo-{gateway}"


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text + "\n")


def _head(plan: Plan, gateway: str, broker_url: str, local_page_port: int | None) -> str:
    page = f"local_page_port = {local_page_port}\n" if local_page_port else ""
    return (
        "[gateway]\n"
        f'id = "{gateway}"\n'
        f'key_file = "{gateway}.key"\n'
        f'outbox = "{gateway}.outbox.db"\n'
        f'broker_url = "{broker_url}"\n'
        f'portal_url = "{plan.portal_url}"\n'
        f"{page}"
    )


def _source(scenario: Scenario, hub: Hub, port: int) -> str:
    head = f'\n[[source]]\nkind = "ds01_tcp"\nport = {port}\n'
    return head + "".join(_probe(scenario, appliance) for appliance in hub.appliances)


def _probe(scenario: Scenario, appliance: ApplianceSpec) -> str:
    limits = LIMITS[appliance.kind]
    return (
        "\n[[source.probe]]\n"
        f'probe = "{appliance.probe}"\n'
        f'field = "{appliance.field}"\n'
        f'appliance = "{appliance.serial}"\n'
        f"interval_ms = {scenario.interval_seconds * 1000}\n"
        f"range_min_centi_celsius = {limits.centi_celsius_min}\n"
        f"range_max_centi_celsius = {limits.centi_celsius_max}\n"
        f"freeze_alarm_centi_celsius = {limits.freeze_alarm_centi_celsius or 0}\n"
        f"freeze_alarm_minutes = {limits.freeze_alarm_minutes or 0}\n"
        f"heat_alarm_centi_celsius = {limits.heat_alarm_centi_celsius}\n"
        f"heat_alarm_minutes = {limits.heat_alarm_minutes}\n"
    )
