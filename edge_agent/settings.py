"""The gateway's settings: one TOML file, decoded by msgspec; every problem is one line that names its key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.broker_settings import Broker, BrokerSetting, broker_of, secret_text
from edge_agent.broker_settings import wrong as _wrong
from edge_agent.local_settings import Local, LocalSetting, check_local
from edge_agent.parcel import DepartureRule
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.seal import KEY_BYTES_MIN
from sheetal.contracts.topics import IDENTIFIER, SENSOR_IDENTIFIER, sensor_of

if TYPE_CHECKING:
    from pathlib import Path

DS01_TCP = "ds01_tcp"
AUX_FIELDS = ("TAMB", "DORV", "SVA", "BEMD", "CMPR", "HOLD")
PORT_MAX = 65_535


class ProbeSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One probe of one appliance: which field of whose record it is, its limits and its device alarms.

    The alarm defaults are the 30-day logger's: above +8.0 °C for 600 min, below −0.5 °C for 60 min (Fridge-tag 2
    export, `T AL: +8.0, t AL: 600` and `T AL: -0.5, t AL: 60`). An alarm minutes of 0 switches that alarm off.
    """

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


class SourceSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device that speaks, and its probes."""

    kind: str
    host: str = "127.0.0.1"
    port: int = 0
    aux_fields: tuple[str, ...] = AUX_FIELDS
    probe: tuple[ProbeSetting, ...] = ()


class GatewaySetting(BrokerSetting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this gateway is and where its things are; paths are relative to the settings file."""

    id: str
    key_file: str
    outbox: str
    portal_url: str | None = None
    local_page_host: str = "127.0.0.1"
    local_page_port: int | None = None
    keep_days: int = 60
    rows_max: int = 2_000_000


class UplinkSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages travel; the defaults are DESIGN section 5's."""

    message_rows: int = 10
    message_age_seconds: float = 60.0
    fresh_seconds: float = 600.0
    batch_items_max: int = 500
    batches_in_flight_max: int = 8
    resend_seconds: float = 30.0
    resend_jitter_seconds: float = 6.0
    reconnect_seconds_min: int = 1
    reconnect_seconds_max: int = 60

    @property
    def departure(self) -> DepartureRule:
        """When a message goes."""
        return DepartureRule(
            rows=self.message_rows,
            age_ms=round(self.message_age_seconds * 1_000),
            fresh_ms=round(self.fresh_seconds * 1_000),
            items_max=self.batch_items_max,
        )


class SettingsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as it is written."""

    gateway: GatewaySetting
    uplink: UplinkSetting = UplinkSetting()
    local: LocalSetting = LocalSetting()
    source: tuple[SourceSetting, ...] = ()


class Settings(NamedTuple):
    """All settings, checked, with the key read and the paths made absolute. `key` and `broker.password` are secrets."""

    gateway: str
    key: bytes
    outbox: Path
    broker: Broker
    portal_url: str | None
    local_page: tuple[str, int] | None
    keep_days: int
    rows_max: int
    uplink: UplinkSetting
    sources: tuple[SourceSetting, ...]
    local: Local = Local()

    @property
    def sensors(self) -> list[str]:
        """The sensors this gateway is set up for."""
        return [sensor_of(self.gateway, probe.probe) for source in self.sources for probe in source.probe]


def load_settings(path: Path) -> Settings:
    """The settings of one TOML file; raises SettingProblem with one line that names the file and the key."""
    try:
        written = msgspec.toml.decode(path.read_bytes(), type=SettingsFile)
        return _checked(written, path.resolve().parent)
    except OSError as error:
        raise SettingProblem(f"{path}: cannot be read: {error.strerror}", variable="--config") from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise SettingProblem(f"{path}: {' '.join(str(error).split())}", variable=_key_of(str(error))) from error
    except SettingProblem as problem:
        raise SettingProblem(f"{path}: {problem.message}", variable=problem.facts["variable"]) from problem


def _checked(written: SettingsFile, folder: Path) -> Settings:
    gateway = written.gateway
    if not IDENTIFIER.fullmatch(gateway.id):
        raise _wrong("gateway.id", f"{gateway.id!r} is not 1 to 48 letters, digits, '-' or '_'")
    _check_numbers(written)
    for number, source in enumerate(written.source):
        _check_source(source, f"source[{number}]", gateway.id)
    _check_probes_differ(written)
    page = gateway.local_page_port
    return Settings(
        gateway=gateway.id,
        key=_key(folder / gateway.key_file),
        outbox=folder / gateway.outbox,
        broker=broker_of(gateway, folder),
        portal_url=gateway.portal_url.rstrip("/") if gateway.portal_url else None,
        local_page=None if page is None else (gateway.local_page_host, page),
        keep_days=gateway.keep_days,
        rows_max=gateway.rows_max,
        uplink=written.uplink,
        sources=written.source,
        local=check_local(written.local, folder),
    )


def _check_numbers(written: SettingsFile) -> None:
    uplink, gateway = written.uplink, written.gateway
    bounds: list[tuple[str, float, float, float]] = [
        ("gateway.keep_days", gateway.keep_days, 1, 3_650),
        ("gateway.rows_max", gateway.rows_max, 1_000, 50_000_000),
        ("gateway.local_page_port", gateway.local_page_port or 0, 0, PORT_MAX),
        ("uplink.message_rows", uplink.message_rows, 1, 500),
        ("uplink.message_age_seconds", uplink.message_age_seconds, 0, 3_600),
        ("uplink.fresh_seconds", uplink.fresh_seconds, 1, 86_400),
        ("uplink.batch_items_max", uplink.batch_items_max, 1, 500),
        ("uplink.batches_in_flight_max", uplink.batches_in_flight_max, 1, 64),
        ("uplink.resend_seconds", uplink.resend_seconds, 0.1, 3_600),
        ("uplink.resend_jitter_seconds", uplink.resend_jitter_seconds, 0, uplink.resend_seconds),
        ("uplink.reconnect_seconds_min", uplink.reconnect_seconds_min, 1, 3_600),
        ("uplink.reconnect_seconds_max", uplink.reconnect_seconds_max, uplink.reconnect_seconds_min, 3_600),
    ]
    for key, value, lowest, highest in bounds:
        if not lowest <= value <= highest:
            raise _wrong(key, f"{value} is not between {lowest} and {highest}")


def _check_source(source: SourceSetting, key: str, gateway: str) -> None:
    if source.kind != DS01_TCP:
        raise _wrong(f"{key}.kind", f"{source.kind!r} is not known; this gateway speaks {DS01_TCP!r}")
    if not 1 <= source.port <= PORT_MAX:
        raise _wrong(f"{key}.port", f"{source.port} is not a TCP port")
    if not source.probe:
        raise _wrong(f"{key}.probe", "at least one [[source.probe]] is needed")
    for number, probe in enumerate(source.probe):
        _check_probe(probe, f"{key}.probe[{number}]", gateway)


def _check_probe(probe: ProbeSetting, key: str, gateway: str) -> None:
    if not SENSOR_IDENTIFIER.fullmatch(sensor_of(gateway, probe.probe)):
        raise _wrong(f"{key}.probe", f"{probe.probe!r} is not 1 to 64 letters, digits, '-' or '_'")
    if not re.fullmatch(r"[A-Z][A-Z0-9]{0,15}", probe.field):
        raise _wrong(f"{key}.field", f"{probe.field!r} is not a DS01 field name")
    if probe.interval_ms < 1:
        raise _wrong(f"{key}.interval_ms", "must be positive")
    if min(probe.freeze_alarm_minutes, probe.heat_alarm_minutes) < 0:
        raise _wrong(f"{key}.freeze_alarm_minutes or .heat_alarm_minutes", "must not be negative")
    if probe.range_min_centi_celsius >= probe.range_max_centi_celsius:
        raise _wrong(f"{key}.range_min_centi_celsius", "must be below range_max_centi_celsius")


def _check_probes_differ(written: SettingsFile) -> None:
    seen: set[str] = set()
    for probe in (probe for source in written.source for probe in source.probe):
        if probe.probe in seen:
            raise _wrong("source.probe.probe", f"{probe.probe!r} is there twice")
        seen.add(probe.probe)


def _key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(secret_text(path, "gateway.key_file"))
    except ValueError as error:
        raise _wrong("gateway.key_file", f"{path} does not hold hex digits") from error
    if len(key) < KEY_BYTES_MIN:
        raise _wrong("gateway.key_file", f"{path} holds {len(key)} bytes; at least {KEY_BYTES_MIN} are needed")
    return key


def _key_of(message: str) -> str:
    found = re.search(r"at `\$\.?([^`]*)`", message) or re.search(r"field `([^`]*)`", message)
    return found.group(1) if found else ""
