from __future__ import annotations

import pytest

from alerts.settings import BrokerAddress, read_settings
from sheetal.contracts.problem import SettingProblem

WHOLE = {
    "SHEETAL_LEDGER_URL": "sqlite:////l.db",
    "SHEETAL_TELEMETRY_URL": "sqlite:////t.db",
    "SHEETAL_READINGS_URL": "memory:",
    "SHEETAL_BROKER_URL": "mqtt://127.0.0.1:1883",
    "SHEETAL_FIELD_KEY_FILE": "/etc/sheetal/field.key",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)


def test_the_whole_environment_is_read() -> None:
    found = read_settings()
    assert found.broker == BrokerAddress("127.0.0.1", 1883, is_encrypted=False, username=None, password=None)
    assert (found.health_host, found.health_port) == ("127.0.0.1", 0)


def test_the_broker_may_be_encrypted_and_ask_for_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEETAL_BROKER_URL", "mqtts://broker.example")
    monkeypatch.setenv("SHEETAL_BROKER_USERNAME", "alerts")
    monkeypatch.setenv("SHEETAL_BROKER_PASSWORD", "hush")
    found = read_settings()
    assert found.broker == BrokerAddress("broker.example", 8883, is_encrypted=True, username="alerts", password="hush")
    assert "hush" not in repr(found)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingProblem) as problem:
        read_settings()
    assert problem.value.facts["variable"] == name
    assert "\n" not in problem.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHEETAL_BROKER_URL", "http://127.0.0.1"),
        ("SHEETAL_BROKER_URL", "mqtt://user:hunter2@127.0.0.1"),
        ("SHEETAL_BROKER_URL", "mqtt://127.0.0.1:0"),
        ("SHEETAL_BROKER_URL", "mqtt://"),
        ("SHEETAL_HEALTH_PORT", "70000"),
    ],
)
def test_what_is_wrong_is_named_without_repeating_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingProblem) as problem:
        read_settings()
    assert problem.value.facts["variable"] == name
    assert "hunter2" not in problem.value.message
