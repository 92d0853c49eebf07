"""The portal's settings, all from SHEETAL_* variables; a wrong one stops the start with one line naming it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from sheetal.settings import PORT_MAX, PREFIX, checked


class Settings(BaseSettings):
    """Addresses and folders of the portal's processes; secrets never appear in its repr."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    ledger_url: str = Field(min_length=1)
    telemetry_url: str = Field(min_length=1)
    readings_url: str = "memory:"
    readings_token: SecretStr | None = None
    field_key_file: Path
    portal_host: str = "127.0.0.1"
    portal_port: int = Field(default=8000, ge=0, le=PORT_MAX)
    portal_url: str = Field(default="http://127.0.0.1:8000", pattern=r"^https?://[^/]+$")
    standby_host: str = "127.0.0.1"
    standby_port: int = Field(default=8001, ge=0, le=PORT_MAX)
    standby_url: str = Field(default="http://127.0.0.1:8001", pattern=r"^https?://[^/]+$")
    mirror_folder: Path | None = None
    certificate_key_folder: Path | None = None
    gateway_ca_folder: Path | None = None
    health_host: str = "127.0.0.1"
    health_port: int | None = Field(default=None, ge=0, le=PORT_MAX)
    gateway_broker_url: str | None = Field(default=None, pattern=r"^mqtts?://[^/@]+$")
    demo: bool = False

    @property
    def is_secure(self) -> bool:
        """Whether people reach the portal over https; decides the cookies' names and HSTS."""
        return self.portal_url.startswith("https://")


def load_settings(**overrides: object) -> Settings:
    """The settings from the environment; raises SettingProblem naming the first wrong variable."""
    return checked(Settings, **overrides)
