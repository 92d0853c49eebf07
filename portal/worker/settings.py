"""The worker's settings, from SHEETAL_* variables; a wrong one stops the start with one line naming it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sheetal.settings import PORT_MAX, PREFIX, checked


class WorkerSettings(BaseSettings):
    """Where the ledger, the keys and the mirror are, and how often the status list is written anew."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    ledger_url: str = Field(min_length=1)
    field_key_file: Path
    certificate_key_folder: Path
    mirror_folder: Path
    gateway_ca_folder: Path | None = None
    gateway_broker_folder: Path | None = None
    standby_url: str = Field(default="http://127.0.0.1:8001", pattern=r"^https?://[^/]+/?$")
    status_interval_seconds: int = Field(default=60, ge=1, le=86_400)
    health_host: str = "127.0.0.1"
    health_port: int | None = Field(default=None, ge=0, le=PORT_MAX)
    demo: bool = False


def load_settings(**overrides: object) -> WorkerSettings:
    """The settings from the environment; raises SettingProblem naming the first wrong variable."""
    return checked(WorkerSettings, **overrides)
