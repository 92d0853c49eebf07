"""The standby site's own settings; it shares none with the portal, so that it needs nothing of it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from sheetal.contracts.problem import SettingProblem

ENV_PREFIX = "SHEETAL_"
PORT_MAX = 65_535


class StandbySettings(BaseSettings):
    """Where to listen, and which folder to serve."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="ignore", frozen=True)

    standby_host: str = "127.0.0.1"
    standby_port: int = Field(default=8001, ge=0, le=PORT_MAX)
    mirror_folder: Path


def load_settings(**overrides: object) -> StandbySettings:
    """The settings from the environment; raises SettingProblem naming the first wrong variable."""
    try:
        return StandbySettings(**overrides)  # type: ignore[arg-type]  # pydantic checks each value itself
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        variable = ENV_PREFIX + str(first["loc"][0]).upper()
        raise SettingProblem(f"{variable}: {first['msg']}", variable=variable) from error
