"""The `[[source]]` tables: one struct a kind of device, told apart by `kind`; a problem is one line naming its key."""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from edge_agent.settings.broker import is_host, wrong
from sheetal.contracts.topics import SENSOR_IDENTIFIER, sensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AUX_FIELDS = ("TAMB", "DORV", "SVA", "BEMD", "CMPR", "HOLD")
PORT_MAX = 65_535
REGISTER_MAX = 65_535
SCALE_MIN = 1e-9
SCALE_MAX = 1e9
"""A 32-bit raw value stays a number between these; 0, nan and inf would make every answer a fault."""
UNIT_MAX = 247
"""Modbus Application Protocol: 1 to 247 are single devices."""
POLL_MS_MIN = 100
POLL_MS_MAX = 86_400_000
ALARM_MINUTES_MAX = 60 * 24 * 365
ALARM_CLOSING_CENTI_CELSIUS_MAX = 500
WIDE_TYPES = frozenset({"int32", "uint32", "float32"})
"""Values that take two registers."""

_FIELD = re.compile(r"[A-Z][A-Z0-9]{0,15}")
_ONE_WIRE_DEVICE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{12}")


class ProbeSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One probe of one appliance: which field of whose record it is, its limits and its device alarms.

    The alarm defaults are the 30-day logger's: above +8.0 °C for 600 min, below −0.5 °C for 60 min (Fridge-tag 2
    export, `T AL: +8.0, t AL: 600` and `T AL: -0.5, t AL: 60`). An alarm minutes of 0 switches that alarm off. An alarm
    that has fired closes `alarm_closing_centi_celsius` within its limit, lest it flap; firing knows no margin.
    A source that is polled asks for the probe once every `interval_ms`. `is_live` says whether silence is a fault.
    """

    is_live: ClassVar[bool] = True

    probe: str
    field: str = "TVC"
    appliance: str = ""
    interval_ms: int = 60_000
    range_min_centi_celsius: int = 200
    range_max_centi_celsius: int = 800
    freeze_alarm_centi_celsius: int = -50
    freeze_alarm_minutes: int = 60
    freeze_alarm_inclusive: bool = True
    heat_alarm_centi_celsius: int = 800
    heat_alarm_minutes: int = 600
    heat_alarm_inclusive: bool = False
    alarm_closing_centi_celsius: int = 0


class AuxSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value beside temperature of a polled source, under its WHO DS01 field name."""

    field: str
    appliance: str
    interval_ms: int = 60_000


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a value stands in a Modbus device and how it is written there: `raw * scale + offset`.

    A raw value (as unsigned bits) among `fault_values` is the device's way to say that its probe is broken.
    """

    address: int
    unit: int = 1
    function: Literal["input", "holding"] = "input"
    type: Literal["int16", "uint16", "int32", "uint32", "float32"] = "int16"
    word_order: Literal["big", "little"] = "big"
    scale: float = 0.1
    offset: float = 0.0
    fault_values: tuple[int, ...] = (0x8000,)


class ModbusProbe(ProbeSetting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A probe behind a Modbus register."""

    register: Register


class ModbusAux(AuxSetting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An aux value behind a Modbus register."""

    register: Register


class OneWireProbe(ProbeSetting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A DS18B20; `device` is its folder's name below the root, such as 28-0000072431ac."""

    device: str


class OneWireAux(AuxSetting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another DS18B20 (`device`), or a file that holds 0 or 1 (`file`), such as a GPIO's value.

    A 1 is told as the interval's seconds, as DS01 counts open doors and mains; `active_low` means that 0 is on.
    """

    device: str = ""
    file: str = ""
    active_low: bool = False


class LoggerProbe(ProbeSetting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A logger whose files are carried here: a Fridge-tag by its serial number ("" takes any), a CSV by its name."""

    is_live: ClassVar[bool] = False

    serial: str = ""
    file: str = "*"
    column: str | None = None
    fahrenheit: bool = False


class Ds01TcpSetting(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ds01_tcp", tag_field="kind"
):
    """A logger hub that speaks DS01 as JSON lines over TCP."""

    host: str = "127.0.0.1"
    port: int = 0
    aux_fields: tuple[str, ...] = AUX_FIELDS
    probe: tuple[ProbeSetting, ...] = ()


class Ds01SerialSetting(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ds01_serial", tag_field="kind"
):
    """A logger that speaks DS01 as JSON lines over a serial line."""

    device: str
    baud_rate: int = 9_600
    parity: Literal["N", "E", "O"] = "N"
    aux_fields: tuple[str, ...] = AUX_FIELDS
    probe: tuple[ProbeSetting, ...] = ()


class ModbusTcpSetting(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="modbus_tcp", tag_field="kind"
):
    """Devices behind one Modbus TCP address."""

    host: str = "127.0.0.1"
    port: int = 502
    timeout_seconds: float = 1.0
    probe: tuple[ModbusProbe, ...] = ()
    aux: tuple[ModbusAux, ...] = ()


class ModbusRtuSetting(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="modbus_rtu", tag_field="kind"
):
    """Devices on one serial Modbus line."""

    device: str
    baud_rate: int = 9_600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    timeout_seconds: float = 1.0
    probe: tuple[ModbusProbe, ...] = ()
    aux: tuple[ModbusAux, ...] = ()


class OneWireSetting(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="one_wire", tag_field="kind"
):
    """The kernel's 1-Wire tree, and switches that the kernel shows as files."""

    root: str = "/sys/bus/w1/devices"
    probe: tuple[OneWireProbe, ...] = ()
    aux: tuple[OneWireAux, ...] = ()


class LoggerFolderSetting(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="logger_folder", tag_field="kind"
):
    """A folder, such as where a USB stick is mounted, whose logger files are taken in once each."""

    folder: str
    time_zone: str = "Asia/Kolkata"
    interval_seconds: float = 10.0
    probe: tuple[LoggerProbe, ...] = ()


SourceSetting = (
    Ds01TcpSetting | Ds01SerialSetting | ModbusTcpSetting | ModbusRtuSetting | OneWireSetting | LoggerFolderSetting
)
PolledSetting = ModbusTcpSetting | ModbusRtuSetting | OneWireSetting


def placed(source: SourceSetting, folder: Path) -> SourceSetting:
    """The source with its paths made absolute; `folder` is the settings file's."""
    if isinstance(source, LoggerFolderSetting):
        return msgspec.structs.replace(source, folder=str(folder / source.folder))
    if isinstance(source, OneWireSetting):
        aux = tuple(msgspec.structs.replace(a, file=str(folder / a.file)) if a.file else a for a in source.aux)
        return msgspec.structs.replace(source, root=str(folder / source.root), aux=aux)
    if isinstance(source, Ds01SerialSetting | ModbusRtuSetting):
        return msgspec.structs.replace(source, device=str(folder / source.device))
    return source


def check_sources(sources: Sequence[SourceSetting], gateway: str) -> None:
    """Raises SettingProblem for the first thing that cannot work, naming its key."""
    for number, source in enumerate(sources):
        _check_source(source, f"source[{number}]", gateway)
    seen: set[str] = set()
    for probe in (probe for source in sources for probe in source.probe):
        if probe.probe in seen:
            raise wrong("source.probe.probe", f"{probe.probe!r} is there twice")
        seen.add(probe.probe)


def _check_source(source: SourceSetting, key: str, gateway: str) -> None:
    _check_address(source, key)
    if not source.probe and not (isinstance(source, PolledSetting) and source.aux):
        raise wrong(f"{key}.probe", "at least one [[source.probe]] is needed")
    for number, probe in enumerate(source.probe):
        _check_probe(probe, f"{key}.probe[{number}]", gateway)
    if isinstance(source, PolledSetting):
        for number, point in enumerate([*source.probe, *source.aux]):
            aux = number - len(source.probe)
            _check_point(point, f"{key}.probe[{number}]" if aux < 0 else f"{key}.aux[{aux}]")
        for number, one in enumerate(source.aux):
            _check_aux(one, f"{key}.aux[{number}]", gateway)


def _check_address(source: SourceSetting, key: str) -> None:
    if isinstance(source, Ds01TcpSetting | ModbusTcpSetting):
        if not 1 <= source.port <= PORT_MAX:
            raise wrong(f"{key}.port", f"{source.port} is not a TCP port")
        if not is_host(source.host):
            raise wrong(f"{key}.host", f"{source.host!r} is not the name or address of a machine")
    if isinstance(source, Ds01SerialSetting | ModbusRtuSetting) and not 50 <= source.baud_rate <= 4_000_000:  # noqa: PLR2004 - what termios knows
        raise wrong(f"{key}.baud_rate", f"{source.baud_rate} is not a speed of a serial line")
    if isinstance(source, ModbusTcpSetting | ModbusRtuSetting):
        _check_between(f"{key}.timeout_seconds", source.timeout_seconds, 0.05, 2.0)
    if isinstance(source, LoggerFolderSetting):
        _check_folder(source, key)


def _check_folder(source: LoggerFolderSetting, key: str) -> None:
    _check_between(f"{key}.interval_seconds", source.interval_seconds, 0.1, 86_400)
    try:
        zoneinfo.ZoneInfo(source.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise wrong(f"{key}.time_zone", f"{source.time_zone!r} is not a time zone") from error


def _check_probe(probe: ProbeSetting, key: str, gateway: str) -> None:
    if not SENSOR_IDENTIFIER.fullmatch(sensor_of(gateway, probe.probe)):
        raise wrong(f"{key}.probe", f"{probe.probe!r} is not 1 to 64 letters, digits, '-' or '_'")
    if not _FIELD.fullmatch(probe.field):
        raise wrong(f"{key}.field", f"{probe.field!r} is not a DS01 field name")
    _check_between(f"{key}.interval_ms", probe.interval_ms, 1, POLL_MS_MAX)
    for side in ("freeze_alarm", "heat_alarm"):
        _check_between(f"{key}.{side}_minutes", getattr(probe, f"{side}_minutes"), 0, ALARM_MINUTES_MAX)
        _check_temperature(f"{key}.{side}_centi_celsius", getattr(probe, f"{side}_centi_celsius"))
    closing = probe.alarm_closing_centi_celsius
    _check_between(f"{key}.alarm_closing_centi_celsius", closing, 0, ALARM_CLOSING_CENTI_CELSIUS_MAX)
    _check_temperature(f"{key}.range_min_centi_celsius", probe.range_min_centi_celsius)
    _check_temperature(f"{key}.range_max_centi_celsius", probe.range_max_centi_celsius)
    if probe.range_min_centi_celsius >= probe.range_max_centi_celsius:
        raise wrong(f"{key}.range_min_centi_celsius", "must be below range_max_centi_celsius")


def _check_aux(aux: AuxSetting, key: str, gateway: str) -> None:
    if not _FIELD.fullmatch(aux.field):
        raise wrong(f"{key}.field", f"{aux.field!r} is not a DS01 field name")
    if not SENSOR_IDENTIFIER.fullmatch(sensor_of(gateway, aux.appliance)):
        raise wrong(f"{key}.appliance", f"{aux.appliance!r} is not 1 to 64 letters, digits, '-' or '_'")


def _check_point(point: ModbusProbe | ModbusAux | OneWireProbe | OneWireAux, key: str) -> None:
    _check_between(f"{key}.interval_ms", point.interval_ms, POLL_MS_MIN, POLL_MS_MAX)
    if isinstance(point, ModbusProbe | ModbusAux):
        _check_register(point.register, f"{key}.register")
        return
    switch = point.file if isinstance(point, OneWireAux) else ""
    if bool(switch) == bool(point.device):
        raise wrong(f"{key}.device", "name either a device or, for an aux value, a file")
    if point.device and not _ONE_WIRE_DEVICE.fullmatch(point.device):
        raise wrong(f"{key}.device", f"{point.device!r} is not a 1-Wire folder such as 28-0000072431ac")


def _check_register(register: Register, key: str) -> None:
    words = 2 if register.type in WIDE_TYPES else 1
    _check_between(f"{key}.address", register.address, 0, REGISTER_MAX + 1 - words)
    _check_between(f"{key}.unit", register.unit, 1, UNIT_MAX)
    _check_between(f"{key}.scale", abs(register.scale), SCALE_MIN, SCALE_MAX)
    _check_between(f"{key}.offset", register.offset, -SCALE_MAX, SCALE_MAX)
    for value in register.fault_values:
        _check_between(f"{key}.fault_values", value, 0, (1 << 16 * words) - 1)


def _check_temperature(key: str, centi_celsius: int) -> None:
    """Between absolute zero and what would be a fire."""
    _check_between(key, centi_celsius, -27_315, 100_000)


def _check_between(key: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise wrong(key, f"{value} is not between {lowest} and {highest}")
