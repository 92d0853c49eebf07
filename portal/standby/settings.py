"""The standby site's own settings; it shares none with the portal, so that it needs nothing of it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sheetal.settings import PORT_MAX, PREFIX, checked


class StandbySettings(BaseSettings):
    """Where to listen, and which folder to serve."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    standby_host: str = "127.0.0.1"
    standby_port: int = Field(default=8001, ge=0, le=PORT_MAX)
    health_host: str = "127.0.0.1"
    health_port: int | None = Field(default=None, ge=0, le=PORT_MAX)
    mirror_folder: Path


def load_settings(**overrides: object) -> StandbySettings:
    """The settings from the environment; raises SettingProblem naming the first wrong variable."""
    return checked(StandbySettings, **overrides)
