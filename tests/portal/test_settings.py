from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.settings import load_settings
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("READINGS_TOKEN", "READINGS_URL", "DEMO", "PORTAL_URL", "PORTAL_PORT", "PORTAL_HOST"):
        monkeypatch.delenv(f"SHEETAL_{name}", raising=False)
    monkeypatch.setenv("SHEETAL_LEDGER_URL", "sqlite:////nowhere/ledger.db")
    monkeypatch.setenv("SHEETAL_TELEMETRY_URL", "sqlite:////nowhere/telemetry.db")
    monkeypatch.setenv("SHEETAL_FIELD_KEY_FILE", str(tmp_path / "field.key"))


def test_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHEETAL_PORTAL_PORT", "8123")
    settings = load_settings()
    assert settings.portal_port == 8123
    assert settings.portal_host == "127.0.0.1"
    assert settings.field_key_file == tmp_path / "field.key"
    assert not settings.demo
    assert not settings.is_secure


def test_the_gateways_broker_is_an_address_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (load_settings().gateway_broker_url, load_settings().gateway_ca_folder) == (None, None)
    monkeypatch.setenv("SHEETAL_GATEWAY_BROKER_URL", "mqtts://broker.example:8883")
    assert load_settings().gateway_broker_url == "mqtts://broker.example:8883"
    for wrong in ("https://broker.example", "mqtts://name:word@broker.example", "broker.example:8883"):
        monkeypatch.setenv("SHEETAL_GATEWAY_BROKER_URL", wrong)
        with pytest.raises(SettingProblem, match=r"^SHEETAL_GATEWAY_BROKER_URL: "):
            load_settings()


def test_https_makes_cookies_secure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEETAL_PORTAL_URL", "https://portal.example")
    assert load_settings().is_secure


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SHEETAL_PORTAL_PORT", "70000"),
        ("SHEETAL_PORTAL_PORT", "web"),
        ("SHEETAL_PORTAL_URL", "ftp://portal"),
        ("SHEETAL_PORTAL_URL", "http://portal/path"),
        ("SHEETAL_DEMO", "perhaps"),
        ("SHEETAL_LEDGER_URL", ""),
    ],
)
def test_a_wrong_value_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingProblem) as caught:
        load_settings()
    assert caught.value.facts["variable"] == variable
    assert caught.value.message.startswith(f"{variable}: ")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("variable", ["SHEETAL_LEDGER_URL", "SHEETAL_TELEMETRY_URL", "SHEETAL_FIELD_KEY_FILE"])
def test_a_missing_value_is_named(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(SettingProblem) as caught:
        load_settings()
    assert caught.value.facts["variable"] == variable


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEETAL_READINGS_TOKEN", "hush-hush")
    assert "hush" not in repr(load_settings())
