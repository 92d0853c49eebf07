from __future__ import annotations

from pathlib import Path

import pytest

from ingest.settings import BrokerAddress, read_settings
from sheetal.contracts.problem import SettingProblem

GOOD = {
    "SHEETAL_LEDGER_URL": "sqlite:////tmp/ledger.db",
    "SHEETAL_TELEMETRY_URL": "sqlite:////tmp/telemetry.db",
    "SHEETAL_READINGS_URL": "memory:",
    "SHEETAL_BROKER_URL": "mqtt://127.0.0.1:1883",
    "SHEETAL_FIELD_KEY_FILE": "/tmp/keys",
    "SHEETAL_HEALTH_PORT": "8101",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_the_environment_is_read() -> None:
    settings = read_settings()
    assert settings.readings_url == "memory:"
    assert settings.field_key_file == Path("/tmp/keys")
    assert (settings.health_host, settings.health_port) == ("127.0.0.1", 8101)
    assert settings.readings_token is None
    assert settings.broker == BrokerAddress("127.0.0.1", 1883, is_encrypted=False, username=None, password=None)


@pytest.mark.parametrize("missing", [name for name in GOOD if name != "SHEETAL_HEALTH_PORT"])
def test_a_missing_setting_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(SettingProblem) as caught:
        read_settings()
    assert caught.value.message.startswith(f"{missing}: ")
    assert "\n" not in caught.value.message
    assert caught.value.facts["variable"] == missing


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHEETAL_BROKER_URL", "127.0.0.1:1883"),
        ("SHEETAL_BROKER_URL", "http://127.0.0.1:1883"),
        ("SHEETAL_BROKER_URL", "mqtt://"),
        ("SHEETAL_BROKER_URL", "mqtt://host:port"),
        ("SHEETAL_BROKER_URL", "mqtt://host:99999"),
        ("SHEETAL_BROKER_URL", "mqtt://host:1883/topic"),
        ("SHEETAL_BROKER_URL", "mqtt://name:hunter2@host"),
        ("SHEETAL_HEALTH_PORT", "many"),
        ("SHEETAL_HEALTH_PORT", "70000"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingProblem) as caught:
        read_settings()
    assert caught.value.facts["variable"] == name
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "host", "port", "encrypted"),
    [
        ("mqtt://broker", "broker", 1883, False),
        ("mqtts://broker/", "broker", 8883, True),
        ("mqtts://broker:1", "broker", 1, True),
    ],
)
def test_the_broker_address_has_defaults(
    monkeypatch: pytest.MonkeyPatch, url: str, host: str, port: int, *, encrypted: bool
) -> None:
    monkeypatch.setenv("SHEETAL_BROKER_URL", url)
    monkeypatch.setenv("SHEETAL_BROKER_USERNAME", "ingest")
    monkeypatch.setenv("SHEETAL_BROKER_PASSWORD", "secret")
    assert read_settings().broker == (host, port, encrypted, "ingest", "secret")


def test_secrets_are_not_shown() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEETAL_READINGS_TOKEN", "hunter2")
        patch.setenv("SHEETAL_BROKER_PASSWORD", "hunter2")
        assert "hunter2" not in repr(read_settings())


def test_readings_are_kept_for_ever_unless_a_number_of_days_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (read_settings().readings_keep_days, read_settings().rollups_keep_days) == (None, None)
    monkeypatch.setenv("SHEETAL_READINGS_KEEP_DAYS", "400")
    assert read_settings().readings_keep_days == 400


def test_no_reading_goes_before_gateways_have_forgotten_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEETAL_READINGS_KEEP_DAYS", "30")
    with pytest.raises(SettingProblem, match="SHEETAL_READINGS_KEEP_DAYS"):
        read_settings()
