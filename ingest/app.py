"""Wiring of the ingest service: settings, stores, threads and signals."""

from __future__ import annotations

import dataclasses
import functools
import gc
import secrets
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import structlog

from ingest.chores import Chores
from ingest.housekeeping import Housekeeping
from ingest.inbox import Inbox
from ingest.keys import KeyRing
from ingest.latest import Latest
from ingest.metrics import Parts, Watched, filled
from ingest.patience import Patience, Stopped
from ingest.peers import Peers
from ingest.pipeline import Counts, Pipeline
from ingest.resend import Resend
from ingest.retention import Keep, Retention
from ingest.settings import read_settings
from ingest.subscriber import Subscriber
from ingest.timings import Timings
from ingest.writer import Writer
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import Rejected, SettingProblem
from sheetal.health import serve_health
from sheetal.ledger.assets import gateway_key
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.schema import check_schema
from sheetal.logs import set_up_logs
from sheetal.metrics import folder_of
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.settings import Settings
    from sheetal.health import HealthServer
    from sheetal.ledger.connect import Ledger

SETTING_EXIT_CODE = 2
STOP_SECONDS_MAX = 2.0

log = structlog.get_logger()


class Service:
    """One ingest worker with all its parts; raises SettingProblem for settings that cannot work."""

    def __init__(self, settings: Settings, worker: str) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._health_page: HealthServer | None = None
        self._health_address = (settings.health_host, settings.health_port)
        cipher = FieldCipher.from_file(settings.field_key_file)
        token = settings.readings_token.get_secret_value() if settings.readings_token else None
        self._readings = open_readings(settings.readings_url, token)
        self._ledger = open_ledger(settings.ledger_url)
        self._telemetry = open_telemetry(settings.telemetry_url)
        peers = Peers(worker)
        self._inbox = Inbox()
        self._subscriber = Subscriber(settings.broker, self._inbox, peers, now_ms)
        self._patience = Patience(self._stop)
        latest = Latest(self._telemetry, now_ms)
        self._housekeeping = Housekeeping(self._subscriber, latest, self._say_ready)
        self._chores = Chores(
            self._ledger,
            Resend(self._ledger, self._telemetry),
            Retention(
                self._ledger,
                self._telemetry,
                self._readings,
                Keep(settings.readings_keep_days, settings.rollups_keep_days),
            ),
            peers.own,
            now_ms,
        )
        self._counts, timings = Counts(), Timings()
        self._pipeline = Pipeline(
            inbox=self._inbox,
            keys=KeyRing(key_finder(self._ledger, cipher)),
            writer=Writer(self._readings, peers.stayed_alone),
            telemetry=self._telemetry,
            latest=latest,
            bus=self._subscriber,
            patience=self._patience,
            clock=now_ms,
            counts=self._counts,
            timings=timings,
        )
        parts = Parts(
            self._counts,
            timings,
            self._inbox,
            self._subscriber,
            self._patience,
            peers,
            latest,
            self._telemetry,
        )
        folders = {"telemetry": folder_of(settings.telemetry_url), "readings": folder_of(settings.readings_url)}
        self._watched = Watched(parts, lambda: self.readiness()["ok"] is True, folders, now_ms)

    def start(self) -> None:
        """Begins to serve, once the stores can be asked for their schema.

        Raises SettingProblem for a taken health port or an old schema, Stopped when told to stop while waiting.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        self._health_page = serve_health(
            *self._health_address, self.health, ready=self.readiness, metrics=self._watched.page().render
        )
        for store in (self._ledger, self._telemetry):
            self._patience.insist("check the schema", functools.partial(check_schema, store))
        parts = (*self._pipeline.stages, self._subscriber.run, self._housekeeping.run, self._chores.run)
        self._threads = [threading.Thread(target=part, args=(self._stop,), daemon=True) for part in parts]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Returns after SIGTERM or SIGINT."""
        while not self._stop.wait(60):
            pass

    def health(self) -> dict[str, object]:
        """What `/healthz` says: well means subscribed, every store answering and every thread alive."""
        problem = self._patience.problem
        if not self._threads:
            problem = problem or "starting"
        elif not all(thread.is_alive() for thread in self._threads):
            problem = "a thread has ended"
        elif problem is None and not self._subscriber.is_subscribed:
            problem = "the broker is away"
        facts = dataclasses.asdict(self._counts)
        return {"ok": problem is None, "problem": problem, "waiting": len(self._inbox), **facts}

    def readiness(self) -> dict[str, object]:
        """What `/readyz` says: well, and with room for more messages; the schema was seen at the start."""
        found = self.health()
        if found["ok"] is True and filled(self._inbox) >= 1:
            found |= {"ok": False, "problem": "the inbox is full"}
        return found

    def close(self) -> None:
        """Ends the threads and lets go of the stores; a call that hangs in a store is not waited for."""
        self._stop.set()
        self._subscriber.wake()
        if self._health_page is not None:
            self._health_page.close()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for store in (self._readings, self._ledger, self._telemetry):
            store.close()

    def _say_ready(self) -> None:
        log.info("ready", health_port=self._health_page.port if self._health_page else None)


def key_finder(ledger: Ledger, cipher: FieldCipher) -> Callable[[str], bytes | None]:
    """Looks gateways' keys up in the ledger; one whose key does not open counts as unknown, and is logged."""

    def look_up(gateway: str) -> bytes | None:
        try:
            with ledger.read() as connection:
                return gateway_key(connection, cipher, gateway)
        except Rejected as problem:
            log.warning("A gateway's key does not open", gateway=gateway, problem=problem.message)
            return None

    return look_up


def tune_interpreter() -> None:
    """Looks for circular garbage less often.

    A load is tens of thousands of tuples that live for a moment and form no circle; with Python's default of one look
    for every 700 new objects a third of ingest's processor time went into looking at them (measured).
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def main() -> int:
    """Runs the service until a signal; 0 after a clean stop, 2 for a wrong setting, named in one line."""
    worker = f"ingest-{secrets.token_hex(6)}"
    set_up_logs("ingest", worker)
    tune_interpreter()
    try:
        service = Service(read_settings(), worker)
    except SettingProblem as problem:
        return _refuse(problem)
    try:
        service.start()
        service.wait()
    except SettingProblem as problem:
        return _refuse(problem)
    except Stopped:
        pass
    finally:
        service.close()
    log.info("stopped")
    return 0


def _refuse(problem: SettingProblem) -> int:
    sys.stderr.write(f"{problem.message}\n")
    return SETTING_EXIT_CODE
