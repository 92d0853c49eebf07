"""Which source a setting makes; a driver is imported only here, when it is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.settings.source import (
    Ds01SerialSetting,
    Ds01TcpSetting,
    LoggerFolderSetting,
    OneWireSetting,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.sample import Recall
    from edge_agent.settings.source import SourceSetting
    from edge_agent.sources.port import Source
    from sheetal.contracts.clock import Clock


def make_source(
    gateway: str,
    setting: SourceSetting,
    recall: Recall,
    clock: Clock,
    anchored: Callable[[], int | None] | None = None,
) -> Source:
    """The source of one [[source]].

    `clock` stamps what has no time of its own; `anchored` is the same clock, but None while it cannot be trusted.
    """
    if isinstance(setting, Ds01TcpSetting):
        from edge_agent.sources.ds01_tcp import Ds01TcpSource  # noqa: PLC0415 - only a configured driver is loaded

        return Ds01TcpSource(gateway, setting, recall, anchored or clock)
    if isinstance(setting, Ds01SerialSetting):
        from edge_agent.sources.ds01_serial import Ds01SerialSource  # noqa: PLC0415 - as above

        return Ds01SerialSource(gateway, setting, recall, anchored or clock)
    if isinstance(setting, LoggerFolderSetting):
        from edge_agent.sources.logger_folder import LoggerFolderSource  # noqa: PLC0415 - as above

        return LoggerFolderSource(gateway, setting, recall)
    if isinstance(setting, OneWireSetting):
        from edge_agent.sources.one_wire import one_wire_source  # noqa: PLC0415 - as above

        return one_wire_source(gateway, setting, clock)
    from edge_agent.sources.modbus import modbus_source  # noqa: PLC0415 - as above

    return modbus_source(gateway, setting, clock)
