from __future__ import annotations

import pytest

from portal.standby.settings import load_settings
from sheetal.contracts.problem import SettingProblem


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("SHEETAL_STANDBY_HOST", "SHEETAL_STANDBY_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHEETAL_MIRROR_FOLDER", "/tmp/mirror")
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_one_folder_is_enough() -> None:
    settings = load_settings()
    assert (settings.standby_host, settings.standby_port) == ("127.0.0.1", 8001)


def test_a_missing_folder_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SHEETAL_MIRROR_FOLDER")
    with pytest.raises(SettingProblem, match=r"^SHEETAL_MIRROR_FOLDER: "):
        load_settings()


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_wrong_port_is_named(environment: pytest.MonkeyPatch, port: str) -> None:
    environment.setenv("SHEETAL_STANDBY_PORT", port)
    with pytest.raises(SettingProblem, match=r"^SHEETAL_STANDBY_PORT: ") as problem:
        load_settings()
    assert problem.value.facts["variable"] == "SHEETAL_STANDBY_PORT"
