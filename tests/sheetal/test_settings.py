from __future__ import annotations

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sheetal.contracts.problem import SettingProblem
from sheetal.settings import PREFIX, StreamSettings, checked

NEEDED = {
    "SHEETAL_LEDGER_URL": "sqlite:////x/ledger.db",
    "SHEETAL_TELEMETRY_URL": "sqlite:////x/telemetry.db",
    "SHEETAL_READINGS_URL": "memory:",
    "SHEETAL_BROKER_URL": "mqtt://127.0.0.1:1884",
    "SHEETAL_FIELD_KEY_FILE": "/x/keys",
}


class Small(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    small_number: int = Field(ge=1, le=9)


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_the_environment_is_read_and_an_override_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEETAL_SMALL_NUMBER", "4")
    assert checked(Small).small_number == 4
    assert checked(Small, small_number=7).small_number == 7


@pytest.mark.parametrize("value", ["none", "0", "10", ""])
def test_a_wrong_value_is_one_line_that_names_its_variable_and_not_the_value(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SHEETAL_SMALL_NUMBER", value)
    with pytest.raises(SettingProblem) as problem:
        checked(Small)
    assert problem.value.message.startswith("SHEETAL_SMALL_NUMBER: ")
    assert problem.value.facts["variable"] == "SHEETAL_SMALL_NUMBER"
    assert "\n" not in problem.value.message


def test_a_missing_one_is_named() -> None:
    with pytest.raises(SettingProblem, match="SHEETAL_SMALL_NUMBER"):
        checked(Small)


def test_a_broker_address_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEETAL_BROKER_PASSWORD", "hidden words")
    settings = checked(StreamSettings)
    assert (settings.broker.host, settings.broker.port, settings.broker.is_encrypted) == ("127.0.0.1", 1884, False)
    assert settings.broker.password == "hidden words"
    assert "hidden words" not in repr(settings)


@pytest.mark.parametrize(("address", "port"), [("mqtt://broker", 1883), ("mqtts://broker", 8883)])
def test_the_usual_ports_are_known(monkeypatch: pytest.MonkeyPatch, address: str, port: int) -> None:
    monkeypatch.setenv("SHEETAL_BROKER_URL", address)
    assert checked(StreamSettings).broker.port == port


@pytest.mark.parametrize("address", ["http://x", "mqtt://", "mqtt://x:0", "mqtt://x/path", "mqtt://user:secret@x"])
def test_an_address_that_is_none_or_carries_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("SHEETAL_BROKER_URL", address)
    with pytest.raises(SettingProblem) as problem:
        checked(StreamSettings)
    assert "SHEETAL_BROKER_URL" in problem.value.message
    assert "secret@" not in problem.value.message
