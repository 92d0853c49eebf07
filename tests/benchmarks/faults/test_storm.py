from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import storm
from benchmarks.faults.child import Child
from benchmarks.faults.fleet_line import ALL_EMBEDDED, Parts
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import SERVER, wait_for
from benchmarks.faults.storm import GATEWAYS_A_PROCESS, Peak, Report, problems_of, shares, shipped_broker
from benchmarks.faults.storm_gateways import Order, Outcome

if TYPE_CHECKING:
    from pathlib import Path

PLAN = Plan(1_760_000_000_000, gateways=3, rows=2)
RESEND_SECONDS = 3.0
"""Instead of 30: who finds the broker before ingest does is answered by sending again."""


@pytest.mark.timeout(180)
def test_a_few_hundred_gateways_come_back_to_the_broker_out_of_a_wheel() -> None:
    report = storm.storm(300, 1.0, ALL_EMBEDDED, resend_seconds=RESEND_SECONDS)
    assert report.held, str(report)
    assert len(report.outcome.served) == 300
    assert min(report.ingest_bytes, report.broker_bytes) > 0


@pytest.mark.stack
@pytest.mark.timeout(240)
def test_a_thousand_gateways_come_back_to_mosquitto_with_the_shipped_limits() -> None:
    report = storm.storm(1_000, 3.0, Parts(SERVER), resend_seconds=RESEND_SECONDS)
    assert report.held, str(report)
    assert report.outcome.refused > 0, "some came while it was away"
    assert sum(report.outcome.connected.values()) >= 1_000


def test_what_is_missing_doubled_or_changed_is_told() -> None:
    all_rows = [PLAN.reading(number, sequence) for number in range(3) for sequence in (1, 2)]
    served = Outcome(served=[1.0, 2.0, 3.0])
    assert problems_of(PLAN, served, all_rows) == []
    assert problems_of(PLAN, served, all_rows[1:]) == ["1 rows are not in the store"]
    assert problems_of(PLAN, served, [*all_rows, all_rows[0]]) == ["1 rows are there more than once"]
    changed = all_rows[0]._replace(centi_celsius=999)
    assert problems_of(PLAN, served, [changed, *all_rows]) == ["1 rows are not as they were sent"]
    assert problems_of(PLAN, Outcome(served=[1.0]), all_rows[:2]) == ["2 gateways were never answered"]


def test_seconds_are_counted_from_the_brokers_return() -> None:
    outcome = Outcome(served=[4.0, 5.0, 13.0], tries={3: 2, 4: 9}, connected={4: 3}, refused=7, sent=4)
    report = Report(3, outcome, 3.0, 50 << 20, 10 << 20, ["2 rows are not in the store"])
    assert [report.served_seconds(share) for share in (0.5, 1.0)] == [2.0, 10.0]
    assert not report.held
    text = str(report)
    assert "3 of 3 served after 3 s away: half in 2.0 s, 99 % in 10.0 s, all in 10.0 s" in text
    assert "11 connects, at most 9/s tried and 3/s let in; 0 turned away, 7 refused" in text
    assert "ingest at most 50 MB, broker 10 MB" in text
    assert "2 rows are not in the store" in text


def test_every_gateway_is_somebodys_and_no_process_has_too_many() -> None:
    order = Order(PLAN._replace(gateways=2 * GATEWAYS_A_PROCESS + 1), 0, 0, 1883, 0.0, 1.0)
    parts = [(one.first, one.count) for one in shares(order)]
    assert parts == [
        (0, GATEWAYS_A_PROCESS),
        (GATEWAYS_A_PROCESS, GATEWAYS_A_PROCESS),
        (2 * GATEWAYS_A_PROCESS, 1),
    ]


def test_the_brokers_limits_are_the_shipped_ones_without_the_access_rules(tmp_path: Path) -> None:
    shipped_broker(tmp_path, 1883, 1884)
    text = (tmp_path / "shipped.conf").read_text()
    for line in ("max_inflight_messages 1000", "set_tcp_nodelay true", "memory_limit 1073741824", "persistence true"):
        assert f"{line}\n" in text
    inner, _, outer = text.partition("listener 1884 127.0.0.1\n")
    assert inner.endswith("listener 1883 127.0.0.1\n")
    assert outer.startswith("max_connections ")
    assert "acl_file" not in text
    assert "8883" not in text


def test_the_most_memory_is_remembered(tmp_path: Path) -> None:
    child = Child(["sleep", "60"], tmp_path / "log").start()
    try:
        with Peak(child) as peak:
            assert wait_for(lambda: peak.bytes[0] > 0, 10)
        assert peak.bytes[0] > 10_000
    finally:
        child.kill()


def test_a_storm_is_counted_as_failed_when_it_did_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def played(gateways: int, away_seconds: float, *_: object, **__: object) -> Report:
        return Report(gateways, Outcome(), away_seconds, 0, 0, ["lost"] if away_seconds > 10 else [])

    monkeypatch.setattr(storm, "storm", played)
    assert storm.run(0, 2, 10) == 1
    assert storm.run(0, 1, 10) == 0
