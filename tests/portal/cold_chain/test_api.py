from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest

from portal.cold_chain import service
from portal.identity.service import Role
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import assets
from tests.portal.district import GATEWAY_KEY

if TYPE_CHECKING:
    from httpx import Response

    from tests.portal.conftest import Browser, Stage

SENSOR = "gw-01.a-101-1-tvc"


def path_of(stage: Stage, sensor: str = SENSOR, span_ms: int = DAY_MS) -> str:
    return f"/api/v1/sensors/{sensor}/exposure?from_ms={stage.now_ms - span_ms}&until_ms={stage.now_ms}"


def signed(client: Browser, path: str, at_ms: int, gateway: str = "gw-01", key: bytes = GATEWAY_KEY) -> Response:
    mac = hmac.new(key, f"GET\n{path}\n{at_ms}".encode(), hashlib.sha256).hexdigest()
    headers = {"X-Sheetal-Gateway": gateway, "X-Sheetal-At": str(at_ms), "X-Sheetal-Mac": mac}
    return client.get(path, headers=headers)


def test_a_gateway_gets_the_report_on_its_own_sensor(client: Browser, seeded: Stage) -> None:
    answer = signed(client, path_of(seeded), seeded.now_ms)
    assert answer.status_code == 200
    report = answer.json()
    assert report["sensor"] == SENSOR
    assert report["readings"] > 1400
    assert report["centi_celsius_min"] == -90
    assert {line["product"] for line in report["what_if"]} >= {"covishield", "covaxin"}
    assert any(run["side"] == "cold" and run["open"] for run in report["runs"])


def test_a_signature_of_another_time_key_or_gateway_is_refused(client: Browser, seeded: Stage) -> None:
    path = path_of(seeded)
    assert signed(client, path, seeded.now_ms - 300_001).status_code == 401
    assert signed(client, path, seeded.now_ms, key=bytes(32)).status_code == 401
    assert signed(client, path, seeded.now_ms, gateway="gw-99").status_code == 401
    answer = client.get(path, headers={"X-Sheetal-Gateway": "gw-01"})
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:sheetal:problem:sign_in_needed"


def test_a_signature_counts_for_its_own_question_only(client: Browser, seeded: Stage) -> None:
    path = path_of(seeded)
    mac = hmac.new(GATEWAY_KEY, f"GET\n{path}\n{seeded.now_ms}".encode(), hashlib.sha256).hexdigest()
    headers = {"X-Sheetal-Gateway": "gw-01", "X-Sheetal-At": str(seeded.now_ms), "X-Sheetal-Mac": mac}
    assert client.get(path_of(seeded, span_ms=DAY_MS // 2), headers=headers).status_code == 401


def test_a_gateway_does_not_hear_of_others_sensors(client: Browser, seeded: Stage) -> None:
    assert signed(client, path_of(seeded, "gw-02.a-102-1-tvc"), seeded.now_ms).status_code == 404


def test_a_retired_gateway_is_refused(client: Browser, seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        assets.retire_gateway(conn, "gw-01", seeded.now_ms)
    assert signed(client, path_of(seeded), seeded.now_ms).status_code == 401


def test_nobody_gets_nothing(client: Browser, seeded: Stage) -> None:
    answer = client.get(path_of(seeded))
    assert answer.status_code == 401
    assert "readings" not in answer.json()


def test_an_officer_sees_every_sensor_a_handler_the_own(client: Browser, seeded: Stage) -> None:
    seeded.add_person(Role.AUDITOR)
    seeded.add_person(Role.HANDLER, "F-101")
    client.sign_in("auditor")
    assert client.get(path_of(seeded, "gw-02.a-102-1-tvc")).status_code == 200
    client.sign_in("handler")
    assert client.get(path_of(seeded)).status_code == 200
    assert client.get(path_of(seeded, "gw-02.a-102-1-tvc")).status_code == 404


def test_span_and_rows_are_bounded(client: Browser, seeded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    seeded.add_person(Role.AUDITOR)
    client.sign_in("auditor")
    answer = client.get(path_of(seeded, span_ms=400 * DAY_MS + 1))
    assert (answer.status_code, answer.json()["facts"]) == (409, {"reason": "span"})
    assert client.get(path_of(seeded, span_ms=0)).json()["facts"] == {"reason": "span"}
    monkeypatch.setattr(service, "REPORT_ROWS_MAX", 100)
    assert client.get(path_of(seeded)).json()["facts"] == {"reason": "rows"}


def test_a_sensor_without_readings_is_not_found(client: Browser, seeded: Stage) -> None:
    assert signed(client, path_of(seeded, "gw-01.unknown"), seeded.now_ms).status_code == 404


@pytest.mark.parametrize(
    "query", ["", "from_ms=1", "from_ms=-1&until_ms=2", "from_ms=a&until_ms=2", "from_ms=1&until_ms=9e99"]
)
def test_a_wrong_question_is_answered(client: Browser, seeded: Stage, query: str) -> None:
    del seeded
    assert client.get(f"/api/v1/sensors/{SENSOR}/exposure?{query}").status_code == 422
