"""Wires the service together by hand, runs it until told to stop, and takes it down in order."""

from __future__ import annotations

import secrets
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import structlog

from alerts.clockwork import Clockwork, Job
from alerts.engine import Engine
from alerts.evaluate import Stores
from alerts.forecasts import Forecasts
from alerts.hours import Hours
from alerts.keys import Keys
from alerts.listener import Listener
from alerts.lot_orders import tell_orders
from alerts.metrics import Watched
from alerts.notify.channels import apprise, screen
from alerts.notify.pipeline import send_due
from alerts.notify.post import PostOffice
from alerts.outbound import Downlinks, seal_heads
from alerts.reports.enclosed import Enclosed
from alerts.reports.regular import Regular
from alerts.rule_jobs import rule_jobs
from alerts.subscriber import Subscriber
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import Unavailable
from sheetal.health import serve_health
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.programme import Programme, load_programme
from sheetal.ledger.schema import check_schema
from sheetal.logs import worker_name
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.settings import Settings
    from sheetal.ledger.connect import Ledger
    from sheetal.readings.port import ReadingsStore

SWEEP_SECONDS = 10.0
NOTIFY_SECONDS = 1.0
FORECAST_SECONDS = 60.0
DOWNLINK_SECONDS = 1.0
SEAL_SECONDS = 60.0
REGULAR_SECONDS = 60.0
JUDGED_MS_MAX = 60_000
STOP_SECONDS_MAX = 2.0

log = structlog.get_logger()


def serve(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set; raises SettingProblem before anything has begun."""
    with ExitStack() as closing:
        ledger = open_ledger(settings.ledger_url)
        closing.callback(ledger.close)
        telemetry = open_telemetry(settings.telemetry_url)
        closing.callback(telemetry.close)
        check_when_there(ledger, telemetry, stop)
        cipher = FieldCipher.from_file(settings.field_key_file)
        token = settings.readings_token
        readings = open_readings(settings.readings_url, token.get_secret_value() if token else None)
        closing.callback(readings.close)
        own = f"{worker_name('alerts')}-{secrets.token_hex(3)}"
        engine = Engine(Stores(ledger, telemetry, Hours(readings)), readings, own, now_ms)
        subscriber = Subscriber(settings.broker, own, engine.wake)
        listener = Listener(subscriber, ledger, Keys(ledger, cipher, now_ms), now_ms)
        watched = Watched(engine, subscriber, listener, (ledger, telemetry), now_ms)
        health = serve_health(
            settings.health_host,
            settings.health_port,
            lambda: state_of(engine, subscriber, listener),
            ready=lambda: readiness_of(engine, subscriber, listener),
            metrics=watched.page().render,
        )
        closing.callback(health.close)
        programme = load_programme()
        jobs = _jobs(engine, ledger, cipher, subscriber)
        jobs += _rules(engine, (ledger, telemetry), readings, programme)
        jobs += _telling(engine, ledger, readings, cipher, closing)
        clockwork = Clockwork(jobs)
        _run(engine, subscriber, listener, clockwork, stop)


def check_when_there(ledger: Ledger, telemetry: Ledger, stop: threading.Event) -> None:
    """Wait for both stores to answer; raises SettingProblem when one stands at another schema."""
    for store in (ledger, telemetry):
        while not stop.is_set():
            try:
                check_schema(store)
                break
            except Unavailable as problem:
                log.warning("A store does not answer yet", store=store.store, problem=problem.message)
                stop.wait(1.0)


def state_of(engine: Engine, subscriber: Subscriber, listener: Listener) -> dict[str, object]:
    """What the health page says: well while rounds of judging end well; the broker is told apart."""
    is_fresh = engine.judged_at_ms is not None and now_ms() - engine.judged_at_ms <= JUDGED_MS_MAX
    return {
        "ok": is_fresh and engine.problem is None,
        "is_leader": engine.is_leader,
        "judged_at_ms": engine.judged_at_ms,
        "problem": engine.problem,
        "is_subscribed": subscriber.is_subscribed,
        "messages_refused": listener.refused,
        "messages_dropped": subscriber.dropped,
    }


def readiness_of(engine: Engine, subscriber: Subscriber, listener: Listener) -> dict[str, object]:
    """What the readiness page says: well, and subscribed at the broker; the schema was seen at the start."""
    state = state_of(engine, subscriber, listener)
    return {**state, "ok": state["ok"] is True and subscriber.is_subscribed}


def _jobs(engine: Engine, ledger: Ledger, cipher: FieldCipher, subscriber: Subscriber) -> list[Job]:
    downlinks = Downlinks(ledger, cipher, subscriber)
    return [
        Job("sweep", SWEEP_SECONDS, engine.sweep),
        Job("downlink", DOWNLINK_SECONDS, _led(engine, lambda: downlinks.publish(now_ms()))),
        Job("orders", DOWNLINK_SECONDS, _led(engine, lambda: downlinks.publish_again(now_ms()))),
        Job("lot orders", SWEEP_SECONDS, _led(engine, lambda: tell_orders(ledger, now_ms()))),
        Job("seal", SEAL_SECONDS, _led(engine, lambda: seal_heads(ledger, cipher, subscriber, now_ms()))),
    ]


def _rules(engine: Engine, stores: tuple[Ledger, Ledger], readings: ReadingsStore, programme: Programme) -> list[Job]:
    """Forecasts, and what is done about alarms, by the programme's hours and bounds."""
    ahead = Forecasts(*stores, readings)
    jobs = [
        Job("forecast", FORECAST_SECONDS, lambda: ahead.make(now_ms())),
        *rule_jobs(stores, readings, programme, now_ms),
    ]
    return [job._replace(act=_led(engine, job.act)) for job in jobs]


def _telling(
    engine: Engine, ledger: Ledger, readings: ReadingsStore, cipher: FieldCipher, closing: ExitStack
) -> list[Job]:
    """Notices on their way to people, and the regular ones among them."""
    enclosed = Enclosed(ledger, readings, now_ms)
    closing.callback(enclosed.close)
    office = PostOffice(ledger, cipher, apprise.send, now_ms, enclosed.files)
    closing.callback(office.wait, STOP_SECONDS_MAX / 2)
    regular = Regular(ledger, readings)
    return [
        Job("notify", NOTIFY_SECONDS, _led(engine, lambda: _notify(engine, ledger, office))),
        Job("regular", REGULAR_SECONDS, _led(engine, lambda: regular.turn(now_ms()))),
    ]


def _notify(engine: Engine, ledger: Ledger, office: PostOffice) -> None:
    engine.counts.notices_sent += send_due(ledger, screen.show, office, now_ms())


def _led(engine: Engine, act: Callable[[], object]) -> Callable[[], None]:
    """Only the process that holds the lease acts; a store that is away is left for the next turn."""

    def act_when_leading() -> None:
        if not engine.is_leader:
            return
        try:
            act()
        except Unavailable as problem:
            log.warning("A store does not answer; the next turn tries again", problem=problem.message)

    return act_when_leading


def _run(
    engine: Engine,
    subscriber: Subscriber,
    listener: Listener,
    clockwork: Clockwork,
    stop: threading.Event,
) -> None:
    threads = [
        threading.Thread(target=engine.run, args=(stop,), name="engine", daemon=True),
        threading.Thread(target=listener.run, args=(stop,), name="listener", daemon=True),
    ]
    subscriber.start()
    for thread in threads:
        thread.start()
    clockwork.start()
    log.info("ready")
    try:
        stop.wait()
        log.info("Stopping")
    finally:
        stop.set()
        engine.wake()
        clockwork.close()
        for thread in threads:
            thread.join(STOP_SECONDS_MAX)
        subscriber.close()
