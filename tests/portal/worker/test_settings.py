from __future__ import annotations

import pytest

from portal.worker.settings import load_settings
from sheetal.contracts.problem import SettingProblem

GOOD = {
    "SHEETAL_LEDGER_URL": "sqlite:////tmp/ledger.db",
    "SHEETAL_FIELD_KEY_FILE": "/tmp/keys",
    "SHEETAL_CERTIFICATE_KEY_FOLDER": "/tmp/certificate-keys",
    "SHEETAL_MIRROR_FOLDER": "/tmp/mirror",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    for name in ("SHEETAL_DEMO", "SHEETAL_STANDBY_URL", "SHEETAL_HEALTH_PORT", "SHEETAL_STATUS_INTERVAL_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_four_places_are_enough() -> None:
    settings = load_settings()
    assert settings.status_interval_seconds == 60
    assert settings.standby_url == "http://127.0.0.1:8001"
    assert settings.health_port is None
    assert not settings.demo


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_place_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingProblem, match=f"^{name}: ") as problem:
        load_settings()
    assert problem.value.facts["variable"] == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHEETAL_STATUS_INTERVAL_SECONDS", "0"),
        ("SHEETAL_STANDBY_URL", "ftp://there"),
        ("SHEETAL_HEALTH_PORT", "70000"),
        ("SHEETAL_DEMO", "perhaps"),
    ],
)
def test_a_wrong_value_is_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingProblem, match=f"^{name}: "):
        load_settings()
