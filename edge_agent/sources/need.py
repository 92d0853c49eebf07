"""What a driver reads of its setting; the rest is the keeper's business and may change while the source goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_agent.settings.source import LoggerFolderSetting, PolledSetting, ProbeSetting

if TYPE_CHECKING:
    from edge_agent.settings.source import SourceSetting

JUDGED = (
    "range_min_centi_celsius",
    "range_max_centi_celsius",
    "freeze_alarm_centi_celsius",
    "freeze_alarm_minutes",
    "freeze_alarm_inclusive",
    "heat_alarm_centi_celsius",
    "heat_alarm_minutes",
    "heat_alarm_inclusive",
    "alarm_closing_centi_celsius",
)
"""What no driver reads."""

_defaults = {field.name: field.default for field in msgspec.structs.fields(ProbeSetting)}


def need_of(setting: SourceSetting) -> SourceSetting:
    """The setting with all that its driver does not read made default: sources of equal need do the same.

    Only what is polled has a pace, and only a hub tells of several appliances.
    """
    unread = [*JUDGED]
    if not isinstance(setting, PolledSetting):
        unread.append("interval_ms")
    if isinstance(setting, PolledSetting | LoggerFolderSetting):
        unread.append("appliance")
    defaults = {name: _defaults[name] for name in unread}
    probes = tuple(msgspec.structs.replace(probe, **defaults) for probe in setting.probe)
    return msgspec.structs.replace(setting, probe=probes)
