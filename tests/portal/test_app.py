from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute

from portal.app import APIS, PAGES, create_app, load_gateway_authority, open_resources
from portal.orchestration.gateway_ca import make_authority
from portal.settings import Settings
from sheetal.contracts.problem import SettingProblem
from sheetal.ledger.connect import open_ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.conftest import Browser, Stage


def test_health_looks_into_the_ledger(client: Browser) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["ok"] is True


def test_the_schema_must_be_the_newest(tmp_path: Path, stage: Stage) -> None:
    old = stage.settings.model_copy(update={"ledger_url": f"sqlite:///{tmp_path / 'empty.db'}"})
    open_ledger(old.ledger_url).close()
    with pytest.raises(SettingProblem) as caught:
        open_resources(old)
    assert caught.value.facts["variable"] == "SHEETAL_LEDGER_URL"


def test_resources_open_and_close(stage: Stage) -> None:
    resources = open_resources(stage.settings)
    with resources.ledger.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM facility").scalar_one() == 2
    resources.close()


def test_a_key_file_that_is_not_there_is_named(stage: Stage, tmp_path: Path) -> None:
    broken = Settings(**(stage.settings.model_dump() | {"field_key_file": tmp_path / "missing"}))
    with pytest.raises(SettingProblem) as caught:
        open_resources(broken)
    assert "SHEETAL_FIELD_KEY_FILE" in caught.value.message


def test_no_interactive_documentation_page_loads_foreign_scripts(client: Browser) -> None:
    assert client.get("/docs").status_code == 404
    assert client.get("/redoc").status_code == 404


def test_the_machine_readable_description_lists_only_the_api(client: Browser) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert "/api/v1/sensors/{sensor_id}/exposure" in paths
    assert all(path.startswith("/api/") for path in paths)


def test_no_two_routes_want_the_same_address() -> None:
    routes = [route for router in (*PAGES, *APIS) for route in router.routes if isinstance(route, APIRoute)]
    wanted = [(method, route.path) for route in routes for method in route.methods]
    assert len(wanted) > 20
    assert len(wanted) == len(set(wanted))


def test_an_app_can_be_made_from_settings_alone(stage: Stage) -> None:
    app = create_app(stage.settings)
    assert app.state.settings is stage.settings
    app.state.readings.close()
    app.state.telemetry.close()
    app.state.ledger.close()


def test_a_demo_authority_is_refused_outside_a_demo(stage: Stage, tmp_path: Path) -> None:
    make_authority(tmp_path / "ca", name="Demo", demo=True, now_ms=stage.now_ms)
    settings = stage.settings.model_copy(update={"gateway_ca_folder": tmp_path / "ca"})
    with pytest.raises(SettingProblem, match="SHEETAL_GATEWAY_CA_FOLDER"):
        load_gateway_authority(settings, stage.now_ms)
    found = load_gateway_authority(settings.model_copy(update={"demo": True}), stage.now_ms)
    assert found is not None
    assert found.is_demo
    assert load_gateway_authority(stage.settings, stage.now_ms) is None
