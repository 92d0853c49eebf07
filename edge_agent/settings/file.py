"""The gateway's settings: one TOML file, decoded by msgspec; every problem is one line that names its key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.settings.broker import Broker, BrokerSetting, broker_of, secret_text
from edge_agent.settings.broker import wrong as _wrong
from edge_agent.settings.clock import ClockSetting
from edge_agent.settings.local import Local, LocalSetting, check_local
from edge_agent.settings.source import ProbeSetting as ProbeSetting
from edge_agent.settings.source import SourceSetting as SourceSetting
from edge_agent.settings.source import check_sources, placed
from edge_agent.settings.uplink import Bound, RemoteSetting
from edge_agent.settings.uplink import UplinkSetting as UplinkSetting
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.seal import KEY_BYTES_MIN
from sheetal.contracts.topics import IDENTIFIER, sensor_of

if TYPE_CHECKING:
    from pathlib import Path

PORT_MAX = 65_535


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
    bytes_max: int = 512 * 1024 * 1024
    commit_rows: int = 5
    commit_seconds: float = 60.0


class SettingsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as it is written."""

    gateway: GatewaySetting
    uplink: UplinkSetting = UplinkSetting()
    remote: RemoteSetting = RemoteSetting()
    local: LocalSetting = LocalSetting()
    clock: ClockSetting = ClockSetting()
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
    clock: ClockSetting = ClockSetting()
    remote: RemoteSetting = RemoteSetting()
    bytes_max: int = 512 * 1024 * 1024
    commit_rows: int = 5
    commit_seconds: float = 60.0

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
    except UnicodeDecodeError as error:
        raise SettingProblem(f"{path}: is no UTF-8 text; save it as UTF-8", variable="--config") from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise SettingProblem(f"{path}: {' '.join(str(error).split())}", variable=_key_of(str(error))) from error
    except SettingProblem as problem:
        raise SettingProblem(f"{path}: {problem.message}", variable=problem.facts["variable"]) from problem


def with_sections(settings: Settings, uplink: UplinkSetting, sources: tuple[SourceSetting, ...]) -> Settings:
    """The same gateway under another uplink and other sources; raises SettingProblem that names the key."""
    _check_bounds(uplink.bounds())
    check_sources(sources, settings.gateway)
    return settings._replace(uplink=uplink, sources=sources)


def _checked(written: SettingsFile, folder: Path) -> Settings:
    gateway = written.gateway
    if not IDENTIFIER.fullmatch(gateway.id):
        raise _wrong("gateway.id", f"{gateway.id!r} is not 1 to 48 letters, digits, '-' or '_'")
    _check_numbers(written)
    check_sources(written.source, gateway.id)
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
        sources=tuple(placed(source, folder) for source in written.source),
        local=check_local(written.local, folder),
        clock=written.clock,
        remote=written.remote,
        bytes_max=gateway.bytes_max,
        commit_rows=gateway.commit_rows,
        commit_seconds=gateway.commit_seconds,
    )


def _check_numbers(written: SettingsFile) -> None:
    gateway = written.gateway
    bounds = [
        ("gateway.keep_days", gateway.keep_days, 1, 3_650),
        ("gateway.rows_max", gateway.rows_max, 1_000, 50_000_000),
        ("gateway.bytes_max", gateway.bytes_max, 1024 * 1024, 64 * 1024**3),
        ("gateway.commit_rows", gateway.commit_rows, 1, 100),
        ("gateway.commit_seconds", gateway.commit_seconds, 0, 600),
        ("gateway.local_page_port", gateway.local_page_port or 0, 0, PORT_MAX),
        *written.uplink.bounds(),
        *written.remote.bounds(),
        *written.clock.bounds(),
    ]
    _check_bounds(bounds)


def _check_bounds(bounds: list[Bound]) -> None:
    for key, value, lowest, highest in bounds:
        if not lowest <= value <= highest:
            raise _wrong(key, f"{value} is not between {lowest} and {highest}")


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
