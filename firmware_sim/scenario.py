"""Reads a scenario: the district, its hubs and appliances, and the faults that will befall them.

The same file seeds the demo: gateways' settings and the ledger's facilities, appliances and sensors come from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from firmware_sim.cabinet import STEP_SECONDS, Cabinet, Thermostat
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.kinds import CABINETS, Kind
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.topics import IDENTIFIER, SENSOR_IDENTIFIER, sensor_of

if TYPE_CHECKING:
    from pathlib import Path

SECONDS_PER_MINUTE = 60
TEMPERATURE_FIELDS = {"TVC", "TFRZ"}


class Ambient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The room's day: a cosine around a mean, warmest at one instant told in minutes before now."""

    mean_celsius: float
    swing_celsius: float
    warmest_minutes_before_now: float


class District(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the scenario plays, by the ids of the places table."""

    state_id: int
    state_name: str
    district_id: int
    district_name: str
    time_zone: str


class ApplianceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One appliance with its built-in logger.

    `field` is the DS01 name of its probe, `probe` the gateway's name for it, `constants` override the kind's cabinet;
    `fresh_ice_every_minutes` is how often a carrier is packed anew.
    """

    serial: str
    appliance: str
    kind: Kind
    name: str
    model: str
    field: str
    probe: str
    thermostat: Thermostat | None = None
    constants: dict[str, float] = {}
    doors_per_day: int = 8
    fresh_ice_every_minutes: int | None = None
    faults: list[Fault] = []

    @property
    def cabinet(self) -> Cabinet:
        """The constants of this very appliance."""
        return msgspec.structs.replace(CABINETS[self.kind], **self.constants)


class Hub(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one gateway listens to: the loggers of one facility behind one TCP port."""

    gateway: str
    facility: str
    facility_name: str
    facility_name_hindi: str
    facility_kind: str
    latitude: float
    longitude: float
    appliances: list[ApplianceSpec]

    def sensor(self, appliance: ApplianceSpec) -> str:
        """The id under which the gateway reports this appliance's probe."""
        return sensor_of(self.gateway, appliance.probe)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole district and its story; see `clock_plan` for the four times."""

    seed: int
    interval_seconds: int
    history_minutes: int
    story_minutes: int
    catch_up_seconds: int
    district: District
    ambient: Ambient
    hubs: list[Hub]

    @property
    def appliances(self) -> list[ApplianceSpec]:
        """Every appliance, in the order of the file."""
        return [appliance for hub in self.hubs for appliance in hub.appliances]


def load_scenario(path: Path) -> Scenario:
    """The scenario of a TOML file; raises SettingProblem with one line that says what is wrong."""
    try:
        scenario = msgspec.toml.decode(path.read_bytes(), type=Scenario)
    except OSError as error:
        raise _problem(path, f"cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _problem(path, str(error)) from error
    for wrong in _wrongs(scenario):
        raise _problem(path, wrong)
    return scenario


def _problem(path: Path, what: str) -> SettingProblem:
    return SettingProblem(f"scenario {path}: {what}", variable="--scenario")


def _wrongs(scenario: Scenario) -> list[str]:
    serials = [appliance.serial for appliance in scenario.appliances]
    gateways = [hub.gateway for hub in scenario.hubs]
    sensors = [hub.sensor(appliance) for hub in scenario.hubs for appliance in hub.appliances]
    wrongs = [f"{name} twice" for names in (serials, gateways, sensors) for name in _repeated(names)]
    wrongs += [f"not a gateway id: {name!r}" for name in gateways if not IDENTIFIER.fullmatch(name)]
    wrongs += [f"not a sensor id: {name!r}" for name in sensors if not SENSOR_IDENTIFIER.fullmatch(name)]
    if not scenario.appliances:
        wrongs.append("no appliance")
    if scenario.interval_seconds <= 0 or scenario.interval_seconds % STEP_SECONDS:
        wrongs.append(f"interval_seconds must be a positive multiple of {STEP_SECONDS}")
    if not 0 <= scenario.story_minutes <= scenario.history_minutes:
        wrongs.append("story_minutes must lie between 0 and history_minutes")
    if not 0 <= scenario.catch_up_seconds <= scenario.story_minutes * SECONDS_PER_MINUTE:
        wrongs.append("catch_up_seconds must lie between 0 and the story's own length")
    return wrongs + [wrong for appliance in scenario.appliances for wrong in _appliance_wrongs(appliance)]


def _appliance_wrongs(appliance: ApplianceSpec) -> list[str]:
    wrongs = []
    if appliance.field not in TEMPERATURE_FIELDS:
        wrongs.append(f"field {appliance.field!r} is not one of {', '.join(sorted(TEMPERATURE_FIELDS))}")
    if (appliance.thermostat is None) != (appliance.kind is Kind.CARRIER):
        wrongs.append("a thermostat belongs to every appliance but a carrier")
    if appliance.thermostat and appliance.thermostat.off_below_celsius >= appliance.thermostat.on_above_celsius:
        wrongs.append("the thermostat must switch off below the temperature it switches on above")
    wrongs += [f"no such constant: {name}" for name in appliance.constants if name not in Cabinet.__struct_fields__]
    wrongs += [
        f"a {fault.kind.value} needs celsius"
        for fault in appliance.faults
        if fault.kind in {FaultKind.SPIKE, FaultKind.PROBE_STUCK} and fault.celsius is None
    ]
    return [f"{appliance.serial}: {wrong}" for wrong in wrongs]


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
