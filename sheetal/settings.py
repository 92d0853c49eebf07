"""What services are told, from SHEETAL_ environment variables; a wrong one stops the start with one line."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sheetal.contracts.problem import SettingProblem

PREFIX = "SHEETAL_"
PORTS = {"mqtt": 1883, "mqtts": 8883}
PORT_MAX = 65_535
Model = TypeVar("Model", bound=BaseSettings)


class BrokerAddress(NamedTuple):
    """Where the broker is and how to log in."""

    host: str
    port: int
    is_encrypted: bool
    username: str | None
    password: str | None


class StreamSettings(BaseSettings):
    """What a service needs that stands between the broker and the stores; `checked` makes one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    ledger_url: str
    telemetry_url: str
    readings_url: str
    readings_token: SecretStr | None = None
    broker_url: str
    broker_username: str | None = None
    broker_password: SecretStr | None = None
    field_key_file: Path
    health_host: str = "127.0.0.1"
    health_port: int = Field(default=0, ge=0, le=PORT_MAX)

    @field_validator("broker_url")
    @classmethod
    def _is_broker_address(cls, text: str) -> str:
        _broker_parts(text)
        return text

    @property
    def broker(self) -> BrokerAddress:
        """The broker's address taken apart."""
        parts = _broker_parts(self.broker_url)
        return BrokerAddress(
            host=parts.hostname or "",
            port=parts.port or PORTS[parts.scheme],
            is_encrypted=parts.scheme == "mqtts",
            username=self.broker_username,
            password=self.broker_password.get_secret_value() if self.broker_password else None,
        )


def checked(model: type[Model], **overrides: object) -> Model:
    """The settings in the environment; raises SettingProblem whose one line names the first wrong variable."""
    try:
        return model(**overrides)  # type: ignore[arg-type]  # pydantic checks each value itself
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        variable = PREFIX + str(first["loc"][0]).upper()
        raise SettingProblem(f"{variable}: {first['msg']}", variable=variable) from error


def _broker_parts(text: str) -> SplitResult:
    parts = urlsplit(text)
    # Reading the port is what checks it.
    if parts.scheme not in PORTS or not parts.hostname or parts.port == 0 or parts.path not in {"", "/"}:
        raise ValueError("must look like mqtt://127.0.0.1:1883 or mqtts://broker.example:8883")
    if parts.username or parts.password:
        raise ValueError(f"keeps secrets out of the address: use {PREFIX}BROKER_USERNAME and {PREFIX}BROKER_PASSWORD")
    return parts
