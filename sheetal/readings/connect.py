"""From an address to a readings store; nothing is connected here, so a server that is away never stops a start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sheetal.contracts.problem import SettingProblem
from sheetal.readings.memory import MemoryReadings
from sheetal.readings.sqlite import SqliteReadings

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from sheetal.readings.port import ReadingsStore

VARIABLE = "SHEETAL_READINGS_URL"
FORMS = (
    "memory:, sqlite:////absolute/path.db, influxdb1+http://host:8086/database "
    "or influxdb2+http://host:8086/organisation/bucket"
)
_SQLITE = "sqlite:///"


def open_readings(url: str, token: str | None = None) -> ReadingsStore:
    """The store behind an address, not yet connected.

    `token` is InfluxDB's secret: an API token for `influxdb2`, `user:password` for `influxdb1`.

    Raises:
        SettingProblem: the address is of none of the known forms, or names a folder that is not there.
    """
    if url == "memory:":
        return MemoryReadings()
    if url.startswith(_SQLITE):
        return SqliteReadings(_sqlite_path(url))
    parts = urlsplit(url)
    version, _, transport = parts.scheme.partition("+")
    if version in {"influxdb1", "influxdb2"} and transport in {"http", "https"} and parts.netloc:
        return _open_influxdb(version, transport, parts, token)
    raise _wrong(f"not an address of a readings store: {url!r}")


def _sqlite_path(url: str) -> Path:
    name = url.removeprefix(_SQLITE)
    path = Path(name)
    if not name or path.is_dir():
        raise _wrong(f"names no file: {url!r}")
    if not path.parent.is_dir():
        raise _wrong(f"names a folder that is not there: {path.parent}")
    return path


def _open_influxdb(version: str, transport: str, parts: SplitResult, token: str | None) -> ReadingsStore:
    # The client's import takes half a second: only those who use it pay.
    from sheetal.readings.influxdb import InfluxdbReadings, v1_address, v2_address  # noqa: PLC0415 - see above

    if parts.username or parts.password:
        raise _wrong("keeps a secret out of the address: put it into SHEETAL_READINGS_TOKEN")
    origin = f"{transport}://{parts.netloc}"
    names = [unquote(name) for name in parts.path.split("/")[1:] if name]
    match version, names:
        case "influxdb1", [database]:
            return InfluxdbReadings(v1_address(origin, database), token)
        case "influxdb2", [organisation, bucket]:
            return InfluxdbReadings(v2_address(origin, organisation, bucket), token)
    raise _wrong(f"names {'a database' if version == 'influxdb1' else 'an organisation and a bucket'} after the host")


def _wrong(detail: str) -> SettingProblem:
    return SettingProblem(f"{VARIABLE}: {detail}", next_step=f"use one of {FORMS}", variable=VARIABLE)
