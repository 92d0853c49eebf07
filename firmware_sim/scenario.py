"""Reads a scenario: the district, its hubs and appliances, and the faults that will befall them.

The same file seeds the demo: gateways' settings and the ledger's facilities, appliances and sensors come from it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import msgspec

from firmware_sim.cabinet import STEP_SECONDS, Cabinet, Thermostat
from firmware_sim.faults import PROBE_FAULTS, Fault
from firmware_sim.kinds import CABINETS, Kind
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.topics import IDENTIFIER, SENSOR_IDENTIFIER, sensor_of

SCENARIOS = Path(__file__).parent / "scenarios"
SECONDS_PER_MINUTE = 60
TEMPERATURE_FIELDS = {"TVC", "TFRZ"}
FIELD = re.compile(r"[A-Z][A-Z0-9]{0,15}")
EXTRA_PROBES_MAX = 3
BACKLOG_MINUTES = 60 * 24 * SECONDS_PER_MINUTE
"""Sixty days: how long a Fridge-tag keeps its days, and twice what the WHO asks of a remote monitoring device."""


class HubProtocol(StrEnum):
    """How a hub speaks; see the module of that name in `protocols`."""

    DS01 = "ds01"
    DS01_SERIAL = "ds01_serial"
    MODBUS = "modbus"
    ONE_WIRE = "one_wire"


class Place(StrEnum):
    """Where a probe sits."""

    AIR = "air"
    LOAD = "load"
    PLATE = "plate"
    AMBIENT = "ambient"


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


class ExtraProbe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more probe of an appliance: the gateway's name for it, its name in a DS01 record, where it sits.

    `offset_celsius` is how much warmer its corner is than the rest of that place. `faults` are its own; those of the
    appliance's spec befall the first probe only.
    """

    probe: str
    field: str
    place: Place = Place.AIR
    offset_celsius: float = 0.0
    faults: list[Fault] = []


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
    extra_probes: list[ExtraProbe] = []

    @property
    def probes(self) -> list[str]:
        """The gateway's names of all its probes, the first one first."""
        return [self.probe, *(one.probe for one in self.extra_probes)]

    @property
    def cabinet(self) -> Cabinet:
        """The constants of this very appliance."""
        return msgspec.structs.replace(CABINETS[self.kind], **self.constants)


class Hub(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one gateway listens to: the loggers of one facility behind one port, bus or line."""

    gateway: str
    facility: str
    facility_name: str
    facility_name_hindi: str
    facility_kind: str
    latitude: float
    longitude: float
    appliances: list[ApplianceSpec]
    protocol: HubProtocol = HubProtocol.DS01

    def sensor(self, appliance: ApplianceSpec) -> str:
        """The id under which the gateway reports this appliance's probe."""
        return sensor_of(self.gateway, appliance.probe)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole district and its story; see `clock_plan` for the four times.

    `backlog_minutes` is how much of the past each hub keeps for those that ask again.
    """

    seed: int
    interval_seconds: int
    history_minutes: int
    story_minutes: int
    catch_up_seconds: int
    district: District
    ambient: Ambient
    hubs: list[Hub]
    backlog_minutes: int = BACKLOG_MINUTES

    @property
    def appliances(self) -> list[ApplianceSpec]:
        """Every appliance, in the order of the file."""
        return [appliance for hub in self.hubs for appliance in hub.appliances]


def named_scenario(name: str) -> Path:
    """The file of a scenario that comes along with the simulator, by its bare name; any other name is a path."""
    coming_along = SCENARIOS / f"{name}.toml"
    return coming_along if coming_along.is_file() else Path(name)


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
    sensors = [sensor_of(hub.gateway, probe) for hub in scenario.hubs for one in hub.appliances for probe in one.probes]
    wrongs = [f"{name} twice" for names in (serials, gateways, sensors) for name in _repeated(names)]
    wrongs += [f"not a gateway id: {name!r}" for name in gateways if not IDENTIFIER.fullmatch(name)]
    wrongs += [f"not a sensor id: {name!r}" for name in sensors if not SENSOR_IDENTIFIER.fullmatch(name)]
    if not scenario.appliances:
        wrongs.append("no appliance")
    if scenario.interval_seconds <= 0 or scenario.interval_seconds % STEP_SECONDS:
        wrongs.append(f"interval_seconds must be a positive multiple of {STEP_SECONDS}")
    if scenario.backlog_minutes <= 0:
        wrongs.append("backlog_minutes must be positive")
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
    wrongs += _probe_wrongs(appliance)
    return [f"{appliance.serial}: {wrong}" for wrong in wrongs]


def _probe_wrongs(appliance: ApplianceSpec) -> list[str]:
    own = [fault for probe in appliance.extra_probes for fault in probe.faults]
    fields = [appliance.field, *(probe.field for probe in appliance.extra_probes)]
    needs = [(fault.kind, fault.missing()) for fault in appliance.faults + own]
    wrongs = [f"a {kind.value} needs {missing}" for kind, missing in needs if missing]
    wrongs += [f"a {fault.kind.value} is no fault of a probe" for fault in own if fault.kind not in PROBE_FAULTS]
    wrongs += [f"not a field name: {field!r}" for field in fields if not FIELD.fullmatch(field)]
    wrongs += [f"field {field} twice" for field in _repeated(fields)]
    if len(appliance.extra_probes) > EXTRA_PROBES_MAX:
        wrongs.append(f"more than {EXTRA_PROBES_MAX} extra probes")
    return wrongs


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
