"""The part of the settings that may be set from afar: the uplink and source sections, with no path and no secret."""

from __future__ import annotations

import msgspec

from edge_agent.settings.file import Settings, SourceSetting, UplinkSetting, with_sections
from edge_agent.settings.source import (
    Ds01SerialSetting,
    LoggerFolderSetting,
    ModbusRtuSetting,
    OneWireSetting,
)
from sheetal.contracts.problem import SettingProblem

CONFIG_BYTES_MAX = 32 * 1024


class Sections(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `Desired.config` holds and `Reported.config` shows; both must be there, so that no slip empties one."""

    uplink: UplinkSetting
    source: tuple[SourceSetting, ...]


def config_of(settings: Settings) -> bytes:
    """The two sections as JSON, every default written out."""
    return msgspec.json.encode({"uplink": settings.uplink, "source": settings.sources})


def under(installed: Settings, config: str) -> Settings:
    """The installed settings with these two sections instead; raises SettingProblem with one line that names the key.

    Files, folders and serial lines can only be those that the settings file itself names: a person on the spot put
    them there.
    """
    if not config:
        return installed
    if len(config) > CONFIG_BYTES_MAX:
        raise SettingProblem(f"config: is longer than {CONFIG_BYTES_MAX} bytes", variable="config")
    try:
        sections = msgspec.json.decode(config, type=Sections)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise SettingProblem(f"config: {' '.join(str(error).split())}", variable="config") from error
    foreign = _paths(sections.source) - _paths(installed.sources) - {OneWireSetting().root}
    if foreign:
        raise SettingProblem(
            f"config: only the gateway's own settings file may name {min(foreign)}", variable="config.source"
        )
    changed = with_sections(installed, sections.uplink, sections.source)
    _check_that_it_can_be_told(changed)
    return changed


def _check_that_it_can_be_told(settings: Settings) -> None:
    if len(config_of(settings)) > CONFIG_BYTES_MAX:
        raise SettingProblem(f"config: with its defaults it is longer than {CONFIG_BYTES_MAX} bytes", variable="config")


def _paths(sources: tuple[SourceSetting, ...]) -> set[str]:
    named: set[str] = set()
    for source in sources:
        match source:
            case Ds01SerialSetting() | ModbusRtuSetting():
                named.add(source.device)
            case LoggerFolderSetting():
                named.add(source.folder)
            case OneWireSetting():
                named |= {source.root, *(aux.file for aux in source.aux if aux.file)}
            case _:
                continue
    return named
