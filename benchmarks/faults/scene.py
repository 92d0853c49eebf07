"""What a line of processes is set up from: the simulator's scenario and each gateway's settings, as TOML."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.topics import sensor_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from firmware_sim.truth import Truth

UPLINK: dict[str, float] = {
    "message_age_seconds": 0.5,
    "resend_seconds": 1,
    "resend_jitter_seconds": 0.3,
    "reconnect_seconds_max": 2,
}
"""Faster than shipped, so that a try takes seconds: what is promised does not depend on how long a gateway waits."""


class Scene(NamedTuple):
    """How many gateways with how many probes each, and how simulated time runs (see firmware_sim.clock_plan).

    `freezing` of each gateway's probes fall below their limits during the history; all others stay inside.
    """

    gateways: int = 2
    probes: int = 4
    interval_seconds: int = 10
    history_minutes: int = 60
    story_minutes: int = 0
    catch_up_seconds: int = 0
    freezing: int = 0
    seed: int = 1

    @property
    def names(self) -> list[str]:
        """Every gateway's id."""
        return [f"gw-{number:02d}" for number in range(self.gateways)]

    @property
    def sensors(self) -> list[str]:
        """Every sensor's id."""
        return [sensor_of(name, probe(number)) for name in self.names for number in range(self.probes)]

    def sensor_of_truth(self, line: Truth) -> str:
        """The sensor under which the gateway reports this line of the truth log."""
        gateway, _, number = line.appliance.rpartition("-")
        return sensor_of(gateway, probe(int(number)))


def probe(number: int) -> str:
    """A probe's name below its gateway."""
    return f"p{number}"


def key_of(gateway: str) -> bytes:
    """The enrolment key that a gateway and the ledger both derive."""
    return hashlib.sha256(gateway.encode()).digest()


def scenario_text(scene: Scene) -> str:
    """The simulator's scenario: quiet refrigerators, one hub a gateway."""
    head = [
        f"seed = {scene.seed}",
        f"interval_seconds = {scene.interval_seconds}",
        f"history_minutes = {scene.history_minutes}",
        f"story_minutes = {scene.story_minutes}",
        f"catch_up_seconds = {scene.catch_up_seconds}",
        '[district]\nstate_id = 1\nstate_name = "S"\ndistrict_id = 1\ndistrict_name = "D"\ntime_zone = "Asia/Kolkata"',
        "[ambient]\nmean_celsius = 29.0\nswing_celsius = 4.0\nwarmest_minutes_before_now = 150",
    ]
    return "\n".join([*head, *(_hub(scene, name) for name in scene.names)]) + "\n"


def settings_text(scene: Scene, gateway: str, broker_url: str, hub_port: int, options: Options) -> str:
    """One gateway's settings; its key file, made by `write_key`, lies beside it."""
    uplink = {**UPLINK, **options.uplink}
    lines = [
        f'[gateway]\nid = "{gateway}"\nkey_file = "{gateway}.key"\noutbox = "{options.outbox or gateway + ".outbox"}"',
        f'broker_url = "{broker_url}"',
        *(f"{name} = {value}" for name, value in options.gateway.items()),
        "[uplink]",
        *(f"{name} = {value}" for name, value in uplink.items()),
        f'[[source]]\nkind = "ds01_tcp"\nport = {hub_port}',
        *(
            f'[[source.probe]]\nprobe = "{probe(number)}"\nappliance = "{gateway}-{number}"\n'
            f"interval_ms = {scene.interval_seconds * 1_000}"
            for number in range(scene.probes)
        ),
    ]
    return "\n".join(lines) + "\n"


class Options(NamedTuple):
    """What a suite sets differently: `[uplink]` and `[gateway]` lines, and where the outbox is."""

    uplink: Mapping[str, float] = MappingProxyType({})
    gateway: Mapping[str, float] = MappingProxyType({})
    outbox: Path | None = None


AS_SHIPPED = Options()


def write_key(folder: Path, gateway: str) -> None:
    """The gateway's key file, for its owner only."""
    path = folder / f"{gateway}.key"
    path.touch(mode=0o600)
    path.write_text(key_of(gateway).hex() + "\n")


def _hub(scene: Scene, gateway: str) -> str:
    lines = [
        f'[[hubs]]\ngateway = "{gateway}"\nfacility = "F-{gateway}"\nfacility_name = "F"\nfacility_name_hindi = "F"',
        'facility_kind = "cold_chain_point"\nlatitude = 18.5\nlongitude = 73.6',
    ]
    for number in range(scene.probes):
        lines.append(
            f'[[hubs.appliances]]\nserial = "{gateway}-{number}"\nappliance = "A-{gateway}-{number}"\nkind = "ilr"\n'
            f'name = "I"\nmodel = "I"\nfield = "TVC"\nprobe = "{probe(number)}"\ndoors_per_day = 0\n'
            "thermostat = { on_above_celsius = 4.6, off_below_celsius = 3.4 }"
        )
        if number < scene.freezing:
            lines.append(
                "[[hubs.appliances.faults]]\n"
                f'kind = "thermostat_stuck_on"\nbegins_minutes_before_now = {scene.history_minutes}'
            )
    return "\n".join(lines)
