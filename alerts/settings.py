"""What alerts must be told, from SHEETAL_ environment variables; a wrong one stops the start with one line."""

from __future__ import annotations

from sheetal.settings import BrokerAddress as BrokerAddress
from sheetal.settings import StreamSettings, checked


class Settings(StreamSettings):
    """All settings of the service; `read_settings` makes one."""


def read_settings() -> Settings:
    """The settings in the environment; raises SettingProblem whose one line names the first wrong variable."""
    return checked(Settings)
