from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sheetal.readings.address import Address, v1_address, v2_address, v3_address
from sheetal.readings.check_server import policy_findings, server_findings, v1_data_findings, v1_httpd_findings
from sheetal.readings.finding import Finding, Sign
from tests.sheetal.readings.http_servers import Reply, Request, scripted, serving
from tests.stack.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {"wal-fsync-delay": "0s", "max-values-per-tag": 0, "max-series-per-database": 0}
PING = Reply(204, headers={"X-Influxdb-Version": "1.6.7~rc0"})
PING_V2 = Reply(204, headers={"X-Influxdb-Version": "v2.7.12"})
FOREVER = {"name": "autogen", "duration": "0s", "shardGroupDuration": "168h0m0s", "replicaN": 1, "default": True}


def signs(findings: list[Finding]) -> list[str]:
    return [finding.sign.value for finding in findings]


def found(answer: Callable[[Request], Reply], address: Callable[[str], Address]) -> list[Finding]:
    with serving(answer) as server:
        return server_findings(address(server.url), "user:secret")


def v1(url: str) -> Address:
    return v1_address(url, "cc")


def v2(url: str) -> Address:
    return v2_address(url, "health", "cc")


def table(name: str, *rows: dict[str, object]) -> Reply:
    series = {"name": name, "columns": list(rows[0]), "values": [list(row.values()) for row in rows]}
    return Reply(200, json.dumps({"results": [{"series": [series]}]}))


def test_a_server_of_good_settings_is_well() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/ping":
            return PING
        return table("config-data", GOOD) if "DIAGNOSTICS" in request.query["q"] else table("", FOREVER)

    findings = found(answer, v1)
    assert signs(findings) == ["ok"] * 5
    assert "InfluxDB 1.6.7~rc0 answers at 127.0.0.1" in findings[0].words
    assert "synced to disk before" in findings[1].words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("wal-fsync-delay", "100ms", "lost when the power fails"),
        ("wal-fsync-delay", None, "lost when the power fails"),
        ("max-values-per-tag", 100_000, "sensors beyond are refused"),
        ("max-series-per-database", 1_000_000, "sensors beyond are refused"),
    ],
)
def test_a_setting_that_loses_readings_is_a_problem_with_its_line(name: str, value: object, words: str) -> None:
    (finding,) = (one for one in v1_data_findings(GOOD | {name: value}) if one.sign is Sign.PROBLEM)
    assert words in finding.words
    assert name in finding.next_step


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (5_000, 1), (10_000, 1), (10_001, 0), (None, 0)])
def test_answers_that_are_cut_are_a_problem(limit: object, count: int) -> None:
    assert signs(v1_httpd_findings({"max-row-limit": limit})) == ["problem"] * count


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["ok"]),
        ({"duration": "720h0m0s"}, ["problem"]),
        ({"shardGroupDuration": "1h0m0s"}, ["ok", "look"]),
        ({"default": False, "duration": "24h0m0s"}, []),
    ],
)
def test_a_policy_that_forgets_is_a_problem(changes: dict[str, object], expected: list[str]) -> None:
    findings = policy_findings("cc", [FOREVER | changes, FOREVER | {"default": False, "duration": "1h0m0s"}])
    assert signs(findings) == expected
    if "problem" in expected:
        assert findings[0].next_step == 'ALTER RETENTION POLICY "autogen" ON "cc" DURATION INF'


def test_a_database_that_is_not_there_yet_is_no_problem() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/ping":
            return PING
        if "DIAGNOSTICS" in request.query["q"]:
            return table("config-data", GOOD)
        return Reply(200, '{"results":[{"error":"database not found: cc"}]}')

    assert "the first write makes it" in found(answer, v1)[-1].words


def test_what_an_account_may_not_ask_is_for_a_person_to_look_at() -> None:
    def answer(request: Request) -> Reply:
        return PING if request.path == "/ping" else Reply(403, '{"error":"requires admin privilege"}')

    findings = found(answer, v1)
    assert signs(findings) == ["ok", "look", "look"]
    assert 'wal-fsync-delay = "0s"' in findings[1].next_step
    assert "requires admin privilege" in findings[1].words


@pytest.mark.parametrize(
    ("reply", "words", "next_step"),
    [
        (Reply(401), "refuses the secret", "SHEETAL_READINGS_TOKEN"),
        (Reply(200, "<html>"), "no InfluxDB version", "proxy"),
        (Reply(204), "no InfluxDB version", "address"),
        (Reply(404), "no InfluxDB version", "address"),
        (PING_V2, "v2.7.12", "influxdb2+"),
        (Reply(200, '{"version":"3.4.0"}'), "3.4.0", "influxdb3+"),
        (Reply(reset=True), "nothing answers", "start the server"),
    ],
)
def test_what_is_not_the_server_of_the_address_ends_the_asking(reply: Reply, words: str, next_step: str) -> None:
    with scripted(reply) as server:
        (finding,) = server_findings(v1(server.url), None)
        assert len(server.requests) == 1
    assert finding.sign is Sign.PROBLEM
    assert words in finding.words
    assert next_step in finding.next_step


def test_a_server_that_is_away_is_said_so() -> None:
    (finding,) = server_findings(v2(f"http://127.0.0.1:{free_port()}"), "a-token")
    assert finding.sign is Sign.PROBLEM
    assert "nothing answers" in finding.words


@pytest.mark.parametrize(
    ("reply", "sign"),
    [
        (Reply(200, '{"config":{"storage-wal-fsync-delay":0}}'), "ok"),
        (Reply(200, '{"config":{"storage-wal-fsync-delay":100000000}}'), "problem"),
        (Reply(200, '{"config":{}}'), "look"),
        (Reply(401, '{"code":"unauthorized"}'), "look"),
        (Reply(404), "look"),
        (Reply(200, "[]"), "look"),
    ],
)
def test_a_v2_server_tells_an_operator_whether_it_syncs(reply: Reply, sign: str) -> None:
    findings = found(lambda request: PING_V2 if request.path == "/ping" else reply, v2)
    assert signs(findings) == ["ok", sign]


def test_a_v3_server_tells_nothing_and_a_person_must_look() -> None:
    findings = found(lambda _: Reply(200, '{"version":"3.4.0"}'), lambda url: v3_address(url, "cc"))
    assert signs(findings) == ["ok", "look", "look"]
    assert "432" in findings[2].words
