"""What a backup is told: the services' own SHEETAL_ variables, those of data and those of keys apart."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from sheetal.settings import PREFIX, checked


class DataSettings(BaseSettings):
    """Where the stores are; `mirror_folder` holds the seal that a ledger is compared with."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    ledger_url: str
    telemetry_url: str
    readings_url: str
    readings_token: SecretStr | None = None
    mirror_folder: Path | None = None

    @property
    def token(self) -> str | None:
        """InfluxDB's secret."""
        return self.readings_token.get_secret_value() if self.readings_token else None


class KeySettings(BaseSettings):
    """Where the keys are."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    field_key_file: Path
    certificate_key_folder: Path | None = None
    gateway_ca_folder: Path | None = None

    @property
    def places(self) -> dict[str, Path]:
        """Each set of keys that is there by its name in a backup."""
        named = {
            "field": self.field_key_file,
            "certificate": self.certificate_key_folder,
            "gateway-ca": self.gateway_ca_folder,
        }
        return {name: place for name, place in named.items() if place is not None}


def data_settings() -> DataSettings:
    """From the environment; raises SettingProblem whose one line names the first wrong variable."""
    return checked(DataSettings)


def key_settings() -> KeySettings:
    """From the environment; raises SettingProblem whose one line names the first wrong variable."""
    return checked(KeySettings)
