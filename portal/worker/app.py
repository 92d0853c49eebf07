"""Wiring of the portal's second process: exports certificates and keeps the mirror's lists, one worker at a time."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from portal.certificate.keys import SigningKeys
from portal.certificate.mirror import Mirror
from portal.orchestration.gateway_ca import Authority
from portal.orchestration.revocations import ListKeeper
from portal.recall.service import open_new_recalls
from portal.worker.export import BATCH_MAX, export_pending
from portal.worker.metrics import Counts, Watched
from portal.worker.seals import SealKeeper
from portal.worker.settings import load_settings
from portal.worker.status import Published, publish_if_due
from sheetal.contracts.clock import Clock, now_ms
from sheetal.contracts.problem import Problem, SettingProblem, Unavailable
from sheetal.health import serve_health
from sheetal.ledger import lease
from sheetal.ledger.connect import Ledger, open_ledger
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.schema import await_schema, check_schema
from sheetal.logs import set_up_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portal.worker.settings import WorkerSettings
    from sheetal.health import HealthServer

    Round = Callable[[Ledger, int], object]

POLL_SECONDS = 1.0
LEASE = "portal.worker"
# Five polls: a killed worker's successor waits no longer than this.
LEASE_MS = 5_000
# Ten polls without one that succeeded: somebody should look.
SILENT_MS_MAX = 10_000
PAGES_FOLDER = Path(__file__).parents[1] / "standby" / "static"

# The other slices' regular work, each bounded and safe to repeat.
ROUNDS: tuple[Round, ...] = (open_new_recalls,)

log = structlog.get_logger("portal.worker")


class Worker:
    """One process's rounds."""

    def __init__(
        self, settings: WorkerSettings, ledger: Ledger, keys: SigningKeys, cipher: FieldCipher, rounds: Sequence[Round]
    ) -> None:
        self.ledger = ledger
        self._keys = keys
        self._cipher = cipher
        self._interval_ms = settings.status_interval_seconds * 1000
        self._mirror = Mirror.open(settings.mirror_folder)
        self._mirror.copy_pages(PAGES_FOLDER)
        self._rounds: list[Round] = [*rounds, SealKeeper(self._mirror)]
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._published: Published | None = None
        self._last_success_ms: int | None = None
        self._failed: list[str] = []
        self.counts = Counts()

    def round(self, at_ms: int) -> bool:
        """Do what is due; True when more is waiting. Troubles of ledger or disk are logged and tried again."""
        try:
            with self.ledger.write() as connection:
                is_ours = lease.take(connection, LEASE, self._holder, at_ms, LEASE_MS)
            self.counts.is_leader = is_ours
            is_more = self._work(at_ms) if is_ours else False
        except (Unavailable, OSError) as error:
            self.counts.rounds_failed += 1
            log.warning("round failed", error=type(error).__name__, detail=_detail(error))
            return False
        self._last_success_ms = at_ms
        self.counts.rounds += 1
        self.counts.last_round_ms = at_ms
        return is_more

    def close(self) -> None:
        """Give up the lease, so that a successor starts at once, and close the ledger."""
        with suppress(Unavailable), self.ledger.write() as connection:
            lease.give_up(connection, LEASE, self._holder)
        self.ledger.close()

    def health(self, at_ms: int) -> dict[str, object]:
        """What /healthz says."""
        age_ms = None if self._last_success_ms is None else at_ms - self._last_success_ms
        is_recent = age_ms is not None and age_ms <= SILENT_MS_MAX
        return {"ok": is_recent and not self._failed, "last_round_ms_ago": age_ms, "failed": self._failed}

    def readiness(self, at_ms: int) -> dict[str, object]:
        """What /readyz says: well, and the ledger answers at the schema that this program needs. Raises Unavailable."""
        check_schema(self.ledger)
        return self.health(at_ms)

    def _failing(self, work: Round, at_ms: int) -> str | None:
        name = getattr(work, "__module__", "another slice")
        try:
            work(self.ledger, at_ms)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in one slice's work must not keep certificates from people
            log.error("a slice's work failed", slice=name, error=type(error).__name__)  # noqa: TRY400 - a traceback may hold personal data
            return name
        return None

    def _work(self, at_ms: int) -> bool:
        self._failed = [name for work in self._rounds if (name := self._failing(work, at_ms))]
        self.counts.slices_failed += len(self._failed)
        exported = export_pending(self.ledger, self._cipher, self._mirror, at_ms)
        self.counts.exported += exported.written
        self.counts.exports_failed += exported.failed
        if exported.written or exported.failed:
            log.info("certificates exported", written=exported.written, failed=exported.failed)
        self._published = publish_if_due(
            self.ledger, self._keys, self._mirror, self._published, at_ms, self._interval_ms
        )
        self.counts.lists_written_ms = self._published.at_ms
        return exported.written == BATCH_MAX


def open_worker(settings: WorkerSettings, at_ms: int, rounds: Sequence[Round] = ROUNDS) -> Worker:
    """The worker with its stores open; raises SettingProblem for a wrong key, folder, address or schema."""
    keys = SigningKeys.load(
        settings.certificate_key_folder, settings.demo, standby_url=settings.standby_url, now_ms=at_ms
    )
    cipher = FieldCipher.from_file(settings.field_key_file)
    ledger = open_ledger(settings.ledger_url)
    await_schema(ledger, _say_away, time.sleep)
    return Worker(settings, ledger, keys, cipher, [*rounds, *_list_rounds(settings, at_ms)])


def _list_rounds(settings: WorkerSettings, at_ms: int) -> list[Round]:
    """The list of revoked gateways, where there is an authority to sign it; raises SettingProblem."""
    folder = settings.gateway_ca_folder
    if folder is None:
        return []
    authority = Authority.load(folder, demo_allowed=settings.demo, now_ms=at_ms)
    return [ListKeeper(authority, settings.gateway_broker_folder or folder)]


def _say_away(away: Unavailable) -> None:
    log.warning("the ledger is away; waiting for it", detail=away.message)


def run(worker: Worker, stop: threading.Event, clock: Clock = now_ms) -> None:
    """Rounds until told to stop: at once while a full batch went out, else once a second."""
    while not stop.is_set():
        if not worker.round(clock()):
            stop.wait(POLL_SECONDS)


def main() -> int:
    """The process: 0 after SIGTERM or SIGINT, 2 with one line for a wrong setting."""
    set_up_logs("portal.worker")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load_settings()
        worker = open_worker(settings, now_ms())
        health = _open_health(settings, worker)
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return 2
    log.info("ready", mirror=str(settings.mirror_folder))
    run(worker, stop)
    if health is not None:
        health.close()
    worker.close()
    return 0


def _open_health(settings: WorkerSettings, worker: Worker) -> HealthServer | None:
    if settings.health_port is None:
        return None
    watched = Watched(worker.counts, worker.ledger, settings.mirror_folder, now_ms)
    return serve_health(
        settings.health_host,
        settings.health_port,
        lambda: worker.health(now_ms()),
        ready=lambda: worker.readiness(now_ms()),
        metrics=watched.page().render,
    )


def _detail(error: Exception) -> str:
    return error.message if isinstance(error, Problem) else str(getattr(error, "strerror", ""))
