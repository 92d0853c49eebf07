"""The `[local]` section of the gateway's settings: who stands in front of it, and what they may do there."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path

CODE_SIGNS_MIN = 8
NAME_LENGTH_MAX = 80
NO_DATA_MINUTES_MAX = 1_440
COMMAND_WORDS_MAX = 20
FORBIDDEN_MODE = 0o077
INDIA = "Asia/Kolkata"
INDIA_OFFSET = timezone(timedelta(hours=5, minutes=30), INDIA)
"""For machines without a time zone database; India has had no other time since 1945."""


class LocalSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gateway shows and does on the spot; paths are relative to the settings file.

    `no_data_alarm_minutes` is DS01's link-lost alarm (marmot: logger to EMD link lost 30 min); 0 switches it off.
    `record_hours` are the two local hours at which the twice-daily record is taken.
    """

    facility_name: str = ""
    facility_name_hindi: str = ""
    time_zone: str = INDIA
    device_code_file: str | None = None
    host_names: tuple[str, ...] = ()
    export_folders: tuple[str, ...] = ("/media", "/run/media")
    alarm_command: tuple[str, ...] = ()
    no_data_alarm_minutes: int = 30
    record_hours: tuple[int, int] = (9, 16)


class Local(NamedTuple):
    """The section, checked; `code_digest` is the SHA-256 of the normal form of the device's code, None without one."""

    facility_name: str = ""
    facility_name_hindi: str = ""
    zone: tzinfo = UTC
    code_digest: bytes | None = None
    host_names: tuple[str, ...] = ()
    export_folders: tuple[Path, ...] = ()
    alarm_command: tuple[str, ...] = ()
    no_data_alarm_minutes: int = 30
    record_hours: tuple[int, int] = (9, 16)


def check_local(written: LocalSetting, folder: Path) -> Local:
    """The checked section; raises SettingProblem that names the key."""
    for key in ("facility_name", "facility_name_hindi"):
        if len(getattr(written, key)) > NAME_LENGTH_MAX:
            raise _wrong(key, f"is longer than {NAME_LENGTH_MAX} signs")
    if not 0 <= written.no_data_alarm_minutes <= NO_DATA_MINUTES_MAX:
        raise _wrong("no_data_alarm_minutes", f"is not between 0 and {NO_DATA_MINUTES_MAX}")
    if len(written.alarm_command) > COMMAND_WORDS_MAX or "" in written.alarm_command[:1]:
        raise _wrong("alarm_command", f"must be a program and at most {COMMAND_WORDS_MAX - 1} words")
    first, second = written.record_hours
    if not 0 <= first < second <= 23:  # noqa: PLR2004 - a day's last hour
        raise _wrong("record_hours", "must be two hours of a day, the earlier one first")
    code = None if written.device_code_file is None else _code(folder / written.device_code_file)
    return Local(
        facility_name=written.facility_name,
        facility_name_hindi=written.facility_name_hindi or written.facility_name,
        zone=_zone(written.time_zone),
        code_digest=None if code is None else digest_of(code),
        host_names=tuple(name.lower() for name in written.host_names),
        export_folders=tuple(folder / name for name in written.export_folders),
        alarm_command=written.alarm_command,
        no_data_alarm_minutes=written.no_data_alarm_minutes,
        record_hours=written.record_hours,
    )


def normal_code(typed: str) -> str:
    """A device code as it is compared: letters and digits alone, in capitals; spaces and hyphens are for the eye."""
    return re.sub(r"[\s-]+", "", typed).upper()


def digest_of(typed: str) -> bytes:
    """What is kept of a code in memory, and what a try is compared by."""
    return hashlib.sha256(normal_code(typed).encode()).digest()


def _code(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        code = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong("device_code_file", f"cannot read {path}") from error
    if mode & FORBIDDEN_MODE:
        raise _wrong("device_code_file", f"others may read {path}; run: chmod 600 {path}")
    if len(normal_code(code)) < CODE_SIGNS_MIN:
        raise _wrong("device_code_file", f"{path} holds fewer than {CODE_SIGNS_MIN} signs")
    return code


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        if name == INDIA:
            return INDIA_OFFSET
        raise _wrong("time_zone", f"{name!r} is not a time zone this machine knows") from error


def _wrong(key: str, message: str) -> SettingProblem:
    return SettingProblem(f"local.{key}: {message}", variable=f"local.{key}")
