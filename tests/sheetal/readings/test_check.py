from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import SettingProblem
from sheetal.readings.address import v1_address
from sheetal.readings.check import check, exit_code
from sheetal.readings.connect import open_readings
from sheetal.readings.finding import Finding, Sign, look, problem, well
from sheetal.readings.influxdb_http import InfluxdbHttp
from tests.sheetal.readings.conftest import TOKEN, influxdb
from tests.sheetal.readings.http_servers import Reply, Request, serving
from tests.stack.servers import influxd, running

if TYPE_CHECKING:
    from pathlib import Path

NONCE = 1_763_870_400_123


def problems(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.sign is Sign.PROBLEM]


def test_the_exit_code_counts_problems_only() -> None:
    assert exit_code([]) == exit_code([well("a"), look("b", "c")]) == 0
    assert exit_code([well("a"), problem("b", "c")]) == 1


def test_memory_is_no_store_for_a_service() -> None:
    (finding,) = check("memory:", None, NONCE)
    assert finding.sign is Sign.PROBLEM


def test_an_embedded_store_is_tried(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/readings.db"
    assert [finding.sign for finding in check(url, None, NONCE)] == [Sign.WELL] * 3
    with closing(open_readings(url)) as store:
        assert store.count("sheetal-check.probe", 1, 9) == 0


def test_an_embedded_store_that_is_no_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "readings.db").write_text("a list of vaccines\n" * 100)
    (finding,) = check(f"sqlite:///{tmp_path}/readings.db", None, NONCE)
    assert "not a database" in finding.words
    assert finding.next_step


def test_a_wrong_address_is_a_wrong_setting() -> None:
    with pytest.raises(SettingProblem):
        check("influxdb9+http://h/cc", None, NONCE)


def test_a_server_that_does_not_answer_is_not_probed() -> None:
    with serving(lambda _: Reply(401)) as server:
        assert len(check(f"influxdb2+{server.url}/health/cc", "a-token", NONCE)) == 1
        assert [request.path for request in server.requests] == ["/ping"]


def test_a_missing_mapping_of_a_v2_bucket_is_named_with_its_command() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/ping":
            return Reply(204, headers={"X-Influxdb-Version": "v2.7.12"})
        if request.path == "/query":
            return Reply(200, '{"results":[{"error":"database not found: cc"}]}')
        return Reply(204) if request.path == "/api/v2/write" else Reply(401)

    with serving(answer) as server:
        findings = check(f"influxdb2+{server.url}/health/cc", "a-token", NONCE)
    (finding,) = problems(findings)
    assert "influx v1 dbrp create" in finding.next_step


@pytest.mark.stack
@pytest.mark.parametrize("kind", ["influxdb1", "influxdb2", "influxdb3"])
def test_a_real_server_is_fit(influxdb_url: str, kind: str) -> None:
    with influxdb(kind, influxdb_url, f"check_{kind}") as url:
        for nonce in (NONCE, NONCE + 1):
            findings = check(url, None if kind == "influxdb1" else TOKEN, nonce)
            assert problems(findings) == []
            assert exit_code(findings) == 0
    assert "answers at 127.0.0.1" in findings[0].words
    assert any("written and read back" in finding.words for finding in findings)


@pytest.mark.stack
def test_a_real_server_of_careless_settings_is_told_line_by_line(tmp_path: Path) -> None:
    server = influxd(tmp_path, wal_fsync_delay='"100ms"', max_values_per_tag="100000", max_series_per_database="9")
    with running(server):
        origin = server.url.rpartition("/")[0]
        with closing(InfluxdbHttp(v1_address(origin.partition("+")[2], "short"), None)) as http:
            assert http.ask("POST", "/query", {"q": 'CREATE DATABASE "short" WITH DURATION 1d'}).is_success
        findings = check(f"{origin}/short", None, NONCE)
    told = " ".join(finding.words for finding in problems(findings))
    for words in ("wal-fsync-delay is 100ms", "max-values-per-tag is 100000", "max-series-per-database is 9"):
        assert words in told
    assert "drops readings after 24h0m0s" in told
    assert "a row of 1970 was refused" in told
    assert exit_code(findings) == 1
