from __future__ import annotations

from pathlib import Path

import pytest

from backup.settings import data_settings, key_settings
from sheetal.contracts.problem import SettingProblem

DATA = {"LEDGER_URL": "sqlite:///l", "TELEMETRY_URL": "sqlite:///t", "READINGS_URL": "sqlite:///r"}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*DATA, "READINGS_TOKEN", "MIRROR_FOLDER", "FIELD_KEY_FILE", "GATEWAY_CA_FOLDER"):
        monkeypatch.delenv(f"SHEETAL_{name}", raising=False)


def test_data_are_named_by_the_services_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in DATA.items():
        monkeypatch.setenv(f"SHEETAL_{name}", value)
    monkeypatch.setenv("SHEETAL_READINGS_TOKEN", "secret")
    found = data_settings()
    assert (found.ledger_url, found.token, found.mirror_folder) == ("sqlite:///l", "secret", None)
    assert "secret" not in repr(found)


@pytest.mark.parametrize("missing", DATA)
def test_a_missing_one_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in DATA.items():
        if name != missing:
            monkeypatch.setenv(f"SHEETAL_{name}", value)
    with pytest.raises(SettingProblem, match=f"SHEETAL_{missing}"):
        data_settings()


def test_keys_need_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingProblem, match="SHEETAL_FIELD_KEY_FILE"):
        key_settings()
    monkeypatch.setenv("SHEETAL_FIELD_KEY_FILE", "/keys/field")
    monkeypatch.setenv("SHEETAL_GATEWAY_CA_FOLDER", "/keys/ca")
    assert key_settings().places == {"field": Path("/keys/field"), "gateway-ca": Path("/keys/ca")}
