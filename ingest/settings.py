"""What ingest must be told, from SHEETAL_ environment variables; a wrong one stops the start with one line."""

from __future__ import annotations

from pydantic import Field

from ingest.retention import KEEP_DAYS_MIN
from sheetal.settings import BrokerAddress as BrokerAddress
from sheetal.settings import StreamSettings, checked


class Settings(StreamSettings):
    """All settings of the service; `read_settings` makes one. Without a number of days all is kept for ever."""

    readings_keep_days: int | None = Field(default=None, ge=KEEP_DAYS_MIN)
    rollups_keep_days: int | None = Field(default=None, ge=KEEP_DAYS_MIN)


def read_settings() -> Settings:
    """The settings in the environment; raises SettingProblem whose one line names the first wrong variable."""
    return checked(Settings)
