"""From an address to a readings store; nothing is connected here, so a server that is away never stops a start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from sheetal.contracts.problem import SettingProblem
from sheetal.readings.address import v1_address, v2_address, v3_address
from sheetal.readings.memory import MemoryReadings
from sheetal.readings.sqlite import SqliteReadings

if TYPE_CHECKING:
    from sheetal.readings.address import Address
    from sheetal.readings.port import ReadingsStore

VARIABLE = "SHEETAL_READINGS_URL"
TOKEN_VARIABLE = "SHEETAL_READINGS_TOKEN"  # noqa: S105 - the name of a setting, not its value
FORMS = (
    "memory:, sqlite:////absolute/path.db, influxdb1+http://host:8086/database, "
    "influxdb2+http://host:8086/organisation/bucket or influxdb3+http://host:8181/database"
)
_SQLITE = "sqlite:///"
_SCHEME = re.compile(r"(influxdb[123])\+(https?)")
_DATABASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_TOKEN = re.compile(r"[!-~]+( [!-~]+)*")


def open_readings(url: str, token: str | None = None) -> ReadingsStore:
    """The store behind an address, not yet connected.

    `token` is InfluxDB's secret: `user:password` for `influxdb1`, an API token for the others.

    Raises:
        SettingProblem: the address is of none of the known forms, or names a folder that is not there.
    """
    if url == "memory:":
        return MemoryReadings()
    if url.startswith(_SQLITE):
        return SqliteReadings(_sqlite_path(url.removeprefix(_SQLITE)))
    # The client's import takes half a second: only those who use it pay.
    from sheetal.readings.influxdb import InfluxdbReadings  # noqa: PLC0415 - see above

    return InfluxdbReadings(influxdb_address(url, token), token or None)


def influxdb_address(url: str, token: str | None = None) -> Address:
    """Where an InfluxDB address leads; raises SettingProblem as `open_readings` does."""
    parts = _split(url)
    names = [unquote(name) for name in parts.path.split("/")[1:] if name]
    version, _, transport = parts.scheme.partition("+")
    origin = f"{transport}://{parts.netloc}"
    _check_token(version, token or None)
    match version, names:
        case "influxdb1", [database] if _DATABASE.fullmatch(database):
            return v1_address(origin, database)
        case "influxdb2", [organisation, bucket]:
            return v2_address(origin, organisation, bucket)
        case "influxdb3", [database] if _DATABASE.fullmatch(database):
            return v3_address(origin, database)
    raise _wrong(f"needs {'organisation/bucket' if version == 'influxdb2' else 'one database name'} after the host")


def _sqlite_path(name: str) -> Path:
    path = Path(name)
    if not name or path.is_dir():
        raise _wrong(f"names a folder, not a file: {name!r}")
    if not path.parent.is_dir():
        raise _wrong(f"names a folder that is not there: {str(path.parent)!r}")
    return path


def _split(url: str) -> SplitResult:
    """The parts of an InfluxDB address; messages never repeat it, since it may carry a password."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise _wrong(f"is no address: {str(error).partition(':')[0]}") from error
    if not _SCHEME.fullmatch(parts.scheme) or not has_host:
        raise _wrong("is no address of a readings store")
    if "@" in parts.netloc:
        raise _wrong(f"must not carry a name or password: they belong in {TOKEN_VARIABLE}")
    return parts


def _check_token(version: str, token: str | None) -> None:
    if token is None:
        return
    if not _TOKEN.fullmatch(token) or (version == "influxdb1" and ":" not in token):
        form = "user:password" if version == "influxdb1" else "an API token"
        raise SettingProblem(
            f"{TOKEN_VARIABLE}: is not {form} on one line", next_step=f"set {form}", variable=TOKEN_VARIABLE
        )


def _wrong(detail: str) -> SettingProblem:
    return SettingProblem(f"{VARIABLE}: {detail}", next_step=f"use one of {FORMS}", variable=VARIABLE)
