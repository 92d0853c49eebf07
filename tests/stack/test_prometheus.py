"""Debian's own tools over the shipped alert rules, settings and every expression of the dashboard."""

from __future__ import annotations

import http.server
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import yaml

from sheetal.health import serve_health
from sheetal.metrics import MetricsPage
from tests.stack.compose import ROOT
from tests.stack.exposed import CONFIG, RULES, expressions, rules
from tests.stack.prometheus_server import PROMTOOL, ask, prometheus, query
from tests.stack.quiet_ports import quiet_port
from tests.stack.servers import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.stack.servers import Server

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

RULE_TESTS = ROOT / "tests" / "stack" / "rules_test.yml"
JOBS = ["ingest", "alerts", "portal", "portal-worker", "standby"]


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(PROMTOOL), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_the_shipped_settings_and_rules_are_prometheus_own() -> None:
    for words in (("check", "config", CONFIG), ("check", "rules", "--lint=all", "--lint-fatal", RULES)):
        ended = promtool(*words)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_fires_when_it_should_and_else_is_quiet() -> None:
    ended = promtool("test", "rules", RULE_TESTS)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    firing, quiet = set(), set()
    for one in yaml.safe_load(RULE_TESTS.read_text())["tests"]:
        for case in one["alert_rule_test"]:
            (firing if case["exp_alerts"] else quiet).add(case["alertname"])
    assert firing == quiet == {rule["alert"] for rule in rules()}


def test_the_cases_would_notice_another_limit(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES.read_text().replace("> 600", "> 6000"))
    cases = RULE_TESTS.read_text().replace("../../deploy/prometheus/rules.yml", "rules.yml")
    (tmp_path / "test.yml").write_text(cases)
    ended = promtool("test", "rules", tmp_path / "test.yml")
    assert ended.returncode != 0
    assert "JudgedThroughTooOld" in ended.stdout + ended.stderr


def test_every_expression_of_the_dashboard_is_promql(tmp_path: Path) -> None:
    asked = [one.expression.replace("$__rate_interval", "1m") for one in expressions()]
    recorded = [{"record": f"test:case{number}", "expr": text} for number, text in enumerate(asked)]
    (tmp_path / "all.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": recorded}]}))
    ended = promtool("check", "rules", tmp_path / "all.yml")
    assert ended.returncode == 0, ended.stderr
    assert f"SUCCESS: {len(asked)} rules found" in ended.stdout


@contextmanager
def silent_address() -> Iterator[str]:
    """One that answers, but with no numbers."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_service_that_is_not_there_or_tells_nothing_is_seen(tmp_path: Path) -> None:
    page = MetricsPage("test", {})
    with silent_address() as wrong:
        health = serve_health("127.0.0.1", 0, lambda: {"ok": True}, metrics=page.render)
        well = f"127.0.0.1:{health.port}"
        targets = {job: [well] for job in JOBS} | {"portal": [wrong], "standby": [f"127.0.0.1:{quiet_port()}"]}
        try:
            with running(prometheus(tmp_path, targets)) as server:
                until(lambda: jobs(server, "up == 1") == {"ingest", "alerts", "portal-worker"}, "three are up")
                until(lambda: jobs(server, "up == 0") == {"portal", "standby"}, "two are down")
                until(lambda: jobs(server, 'ALERTS{alertname="ServiceDown"}') == {"portal", "standby"}, "both alert")
                until(lambda: are_evaluated(server), "every rule was evaluated without error")
        finally:
            health.close()


def jobs(server: Server, expression: str) -> set[str]:
    return {found["metric"]["job"] for found in query(server, expression)}


def are_evaluated(server: Server) -> bool:
    found = {rule["name"]: rule["health"] for group in ask(server, "rules")["groups"] for rule in group["rules"]}
    assert "err" not in found.values()
    assert set(found) == {rule["alert"] for rule in rules()}
    return set(found.values()) == {"ok"}
