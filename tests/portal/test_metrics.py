from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from portal.identity import service
from portal.identity.rules import SESSION_IDLE_MS
from portal.identity.service import Role
from portal.metrics import METRICS, Watched
from portal.serve import open_health
from sheetal.contracts.disposition import RefusalReason
from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.health import ask
from sheetal.ledger.schema import downgrade
from tests.portal.conftest import PASSWORD

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage


def told(stage: Stage) -> dict[str, float]:
    _, body = Watched(stage.app.state).page().render()
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_every_metric_that_is_declared_is_told_and_no_other(stage: Stage, client: Browser) -> None:
    client.get("/login")
    stage.app.state.gate_answers.add("dose", "use")
    names = {name.partition(" ")[0] for name in told(stage)}
    base = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names}
    own = {name for name in base if name.startswith(("sheetal_portal", "sheetal_http"))}
    assert own == {metric.name for metric in METRICS}
    assert "sheetal_disk_free_bytes" in base


def test_sessions_are_counted_while_they_are_open(stage: Stage, client: Browser) -> None:
    stage.add_person(Role.ADMIN)
    assert told(stage)["sheetal_portal_sessions"] == 0
    client.sign_in("admin")
    assert told(stage)["sheetal_portal_sessions"] == 1
    stage.now_ms += SESSION_IDLE_MS + 1
    assert told(stage)["sheetal_portal_sessions"] == 0


def test_a_session_that_was_ended_is_not_open(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    _, token = service.sign_in(
        stage.ledger, user_name="admin", password=PASSWORD, address="10.0.0.1", now_ms=stage.now_ms
    )
    assert told(stage)["sheetal_portal_sessions"] == 1
    service.sign_out(stage.ledger, token, stage.now_ms)
    assert told(stage)["sheetal_portal_sessions"] == 0


def test_the_gates_answers_are_counted_by_reason(stage: Stage) -> None:
    for asked_by, answer in (("check", "use"), ("check", RefusalReason.HELD), ("dose", RefusalReason.HELD)):
        stage.app.state.gate_answers.add(asked_by, str(answer))
    found = told(stage)
    assert found["sheetal_portal_gate_answers_total use check"] == 1
    assert found["sheetal_portal_gate_answers_total held dose"] == 1


def test_no_label_of_the_portal_names_a_person(stage: Stage, client: Browser) -> None:
    who = stage.add_person(Role.ADMIN)
    client.sign_in("admin")
    _, body = Watched(stage.app.state).page().render()
    assert who.id not in body.decode()
    assert who.display_name not in body.decode()


def test_readiness_asks_both_stores_for_their_schema(stage: Stage) -> None:
    watched = Watched(stage.app.state)
    assert watched.health() == watched.readiness() == {"ok": True}
    settings = stage.settings
    downgrade(settings.ledger_url, settings.telemetry_url, "-1")
    assert watched.health() == {"ok": True}
    with pytest.raises(SettingProblem, match="schema"):
        watched.readiness()


def test_a_ledger_that_is_away_is_neither_well_nor_ready(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise Unavailable("the ledger does not answer")

    monkeypatch.setattr(stage.ledger, "read", away)
    watched = Watched(stage.app.state)
    for asked in (watched.health, watched.readiness):
        with pytest.raises(Unavailable):
            asked()
    assert told(stage)["sheetal_metrics_source_failed ledger"] == 1


def test_without_a_port_of_its_own_nothing_is_served(stage: Stage) -> None:
    assert open_health(stage.settings, stage.app) is None


def test_the_public_port_has_no_metrics_and_the_inner_one_has(stage: Stage, client: Browser) -> None:
    assert [client.get(path).status_code for path in ("/metrics", "/readyz", "/hi/metrics")] == [404, 404, 404]
    health = open_health(stage.settings.model_copy(update={"health_port": 0}), stage.app)
    assert health is not None
    try:
        for path in ("healthz", "readyz"):
            assert ask(f"http://127.0.0.1:{health.port}/{path}") == (True, f"200 {json.dumps({'ok': True})}")
        with urllib.request.urlopen(f"http://127.0.0.1:{health.port}/metrics", timeout=5) as answer:
            assert b'sheetal_http_requests_total{method="GET",route="(none)",status="404"} 3.0' in answer.read()
    finally:
        health.close()


def test_pages_are_counted_in_both_languages_under_one_route(stage: Stage, client: Browser) -> None:
    for path in ("/login", "/hi/login", "/v/given/secret-dose", "/nothing-here", "/static/sheetal.css"):
        client.get(path)
    found = told(stage)
    assert found["sheetal_http_requests_total GET /login 200"] == 2
    assert found["sheetal_http_requests_total GET /static 200"] == 1
    assert not any("secret-dose" in name or "nothing-here" in name for name in found)
