from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerts.engine import Engine
from alerts.keys import Keys
from alerts.listener import Listener
from alerts.metrics import METRICS, Watched
from alerts.notify.announce import announce
from alerts.outbound import seal_heads
from alerts.settings import BrokerAddress
from alerts.subscriber import Subscriber
from sheetal.ledger import judgement_writes
from sheetal.ledger.judgements import GatewayState
from tests.alerts.given import FACILITY, GATEWAY, HOLDING, at
from tests.alerts.notify.told import Desk, Recorder, add_contact
from tests.alerts.test_outbound import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.alerts.given import World

NOWHERE = BrokerAddress(host="127.0.0.1", port=1, is_encrypted=False, username=None, password=None)


class Clock:
    def __init__(self, minute: float) -> None:
        self.ms = at(minute)

    def __call__(self) -> int:
        return self.ms


class Bench:
    """A service's parts without its threads."""

    def __init__(self, world: World, minute: float = 90) -> None:
        self.world = world
        self.clock = Clock(minute)
        self.engine = Engine(world.stores, world.readings, "one", self.clock)
        self.subscriber = Subscriber(NOWHERE, "alerts-1", self.engine.wake)
        listener = Listener(self.subscriber, world.ledger, Keys(world.ledger, world.cipher, self.clock), self.clock)
        self.watched = Watched(self.engine, self.subscriber, listener, (world.ledger, world.telemetry), self.clock)

    def told(self) -> dict[str, float]:
        _, body = self.watched.page().render()
        return {
            sample.name + "".join(f"/{value}" for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(body.decode())
            for sample in family.samples
        }


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


def test_every_metric_that_is_declared_is_told_and_no_other(bench: Bench) -> None:
    bench.world.receive()
    bench.world.feed((0, 90, -180))
    bench.engine.drain(threading.Event())
    bench.engine.sweep()
    names = {name.partition("/")[0] for name in bench.told()}
    told = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names}
    assert {metric.name for metric in METRICS} <= told
    own = {name for name in told if name.startswith("sheetal_alerts_")}
    assert own == {metric.name for metric in METRICS}


def test_a_freezing_fridge_shows_in_the_numbers(bench: Bench) -> None:
    bench.world.receive()
    bench.world.feed((0, 90, -180))
    before = bench.told()
    assert (before["sheetal_alerts_dirty_hours"], before["sheetal_alerts_rejudge_marks"]) == (2, 2)
    assert before["sheetal_alerts_oldest_rejudge_mark_age_seconds"] == 90 * 60
    assert before["sheetal_alerts_leader"] == 0
    bench.engine.drain(threading.Event())
    after = bench.told()
    assert after["sheetal_alerts_leader"] == 1
    assert after["sheetal_alerts_verdicts_total/hold"] == 1
    assert after["sheetal_alerts_holdings_held_total"] == 1
    assert (after["sheetal_alerts_dirty_hours"], after["sheetal_alerts_rejudge_marks"]) == (0, 0)
    assert after["sheetal_alerts_oldest_rejudge_mark_age_seconds"] == 0
    assert after["sheetal_alerts_notices_waiting"] == 1
    assert after["sheetal_alerts_round_seconds_count"] >= 1


def test_the_lag_tells_when_the_gate_shuts_for_want_of_judging(bench: Bench) -> None:
    bench.world.feed((0, 90, 450))
    bench.engine.drain(threading.Event())
    bench.engine.sweep()
    assert bench.told()["sheetal_alerts_appliances_judged_too_long_ago"] == 0
    bench.clock.ms += 11 * 60_000
    later = bench.told()
    assert later["sheetal_alerts_judged_through_lag_seconds"] == 660
    assert later["sheetal_alerts_appliances_judged_too_long_ago"] > 0
    assert later["sheetal_alerts_last_round_age_seconds"] == 660


def test_before_the_first_turn_and_the_first_seal_age_counts_from_the_start(bench: Bench) -> None:
    bench.clock.ms += 200_000
    told = bench.told()
    assert told["sheetal_alerts_last_round_age_seconds"] == told["sheetal_alerts_seal_age_seconds"] == 200
    seal_heads(bench.world.ledger, bench.world.cipher, Line(), bench.clock.ms - 5_000)
    assert bench.told()["sheetal_alerts_seal_age_seconds"] == 5


def test_notices_and_gateways_are_counted(bench: Bench) -> None:
    with bench.world.ledger.write() as conn:
        judgement_writes.add_notice(conn, "k", "hold", FACILITY, {"holding": HOLDING}, at(60))
        judgement_writes.put_gateway_state(
            conn,
            GatewayState(
                gateway_id=GATEWAY,
                session=1,
                online=True,
                boot=1,
                software="1",
                clock_source="ntp",
                changed_at_ms=at(1),
            ),
        )
    waiting = bench.told()
    assert (waiting["sheetal_alerts_notices_waiting"], waiting["sheetal_alerts_notices_failing"]) == (1, 0)
    assert waiting["sheetal_alerts_oldest_notice_age_seconds"] == 30 * 60
    assert (waiting["sheetal_alerts_gateways/online"], waiting["sheetal_alerts_gateways/offline"]) == (1, 0)
    answers: list[str | None] = ["down", None]
    desk = Desk(bench.world, Recorder(lambda _address: answers.pop(0)))
    add_contact(bench.world)
    announce(bench.world.ledger, lambda _shown: None, at(61))
    desk.round(61)
    assert bench.told()["sheetal_alerts_notices_failing"] == 1
    desk.round(89)
    assert bench.told()["sheetal_alerts_notices_waiting"] == 0


def test_a_ledger_that_is_away_hides_its_numbers_and_no_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(bench.world.ledger, "read", away)
    told = bench.told()
    assert told["sheetal_metrics_source_failed/ledger"] == 1
    assert told["sheetal_metrics_source_failed/telemetry"] == 0
    assert "sheetal_alerts_judged_through_lag_seconds" not in told
    assert told["sheetal_alerts_stopped"] == 0
    assert told["sheetal_alerts_dirty_hours"] == 0


def test_labels_have_few_values() -> None:
    assert {label for metric in METRICS for label in metric.labels} == {"finding", "state", "link"}


def test_a_round_that_fails_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(world)

    def fail(*_: object) -> None:
        raise RuntimeError

    drain: Callable[..., None] = fail
    monkeypatch.setattr("alerts.engine.drain_once", drain)
    assert bench.engine.drain(threading.Event()) is False
    told = bench.told()
    assert (told["sheetal_alerts_stopped"], told["sheetal_alerts_rounds_failed_total"]) == (1, 1)
