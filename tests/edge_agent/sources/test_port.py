from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.app import make_source
from edge_agent.source_settings import Ds01TcpSetting

if TYPE_CHECKING:
    from edge_agent.sources.port import Source


def test_every_configured_kind_keeps_to_the_port() -> None:
    source: Source = make_source("gw", Ds01TcpSetting(port=9), lambda _name: None, lambda: 0)
    assert not source.is_connected()
    source.stop()
