from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portal.certificate import service
from portal.certificate.advisory import Level
from portal.certificate.keys import make_keys
from portal.certificate.status_list import open_list
from portal.orchestration.revocations import read_list
from portal.worker.app import Worker, open_worker
from portal.worker.settings import WorkerSettings
from sheetal.contracts.problem import SettingProblem
from sheetal.ledger import lease
from tests.portal.given_certificates import NOW_MS, RECORD, another
from tests.portal.given_gateways import authority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.given_certificates import Books

ROOT = Path(__file__).resolve().parents[3]
DOSES = 60
KILLS = 2


def settings_of(books: Books, **changes: object) -> WorkerSettings:
    return WorkerSettings(
        ledger_url=f"sqlite:///{books.folder / 'ledger.db'}",
        field_key_file=books.folder / "field.keys",
        certificate_key_folder=books.folder / "keys",
        mirror_folder=books.mirror,
        demo=True,
        **changes,  # type: ignore[arg-type]  # each test names what it needs
    )


@contextmanager
def worker_of(books: Books, rounds: tuple[object, ...] = ()) -> Iterator[Worker]:
    worker = open_worker(settings_of(books), NOW_MS, rounds)  # type: ignore[arg-type]  # plain functions
    try:
        yield worker
    finally:
        worker.close()


@contextmanager
def running(books: Books, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.worker"],
        cwd=ROOT,
        env={**os.environ, **books.environment(), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def wait_for(what: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]  # a condition
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def exported(books: Books) -> int:
    return len(list(books.mirror.glob("b/*/*.enc")))


def waiting(books: Books) -> int:
    with books.ledger.read() as connection:
        return service.count_pending(connection)


def test_a_round_exports_and_publishes(books: Books) -> None:
    books.issue(RECORD)
    with worker_of(books) as worker:
        assert worker.round(NOW_MS) is False
        assert worker.health(NOW_MS) == {"ok": True, "last_round_ms_ago": 0, "failed": []}
    assert exported(books) == 1
    assert (books.mirror / "status" / "doses.json").is_file()
    assert (books.mirror / "keys" / "trust.json").is_file()
    assert (books.mirror / "verify" / "index.html").is_file()


def test_only_the_holder_of_the_lease_works(books: Books) -> None:
    books.issue(RECORD)
    with books.ledger.write() as connection:
        assert lease.take(connection, "portal.worker", "another", NOW_MS, 5_000)
    with worker_of(books) as worker:
        worker.round(NOW_MS)
        assert exported(books) == 0
        worker.round(NOW_MS + 5_001)
        assert exported(books) == 1


def test_a_worker_that_stops_cleanly_leaves_the_lease_to_the_next(books: Books) -> None:
    with worker_of(books) as worker:
        worker.round(NOW_MS)
    with books.ledger.write() as connection:
        assert lease.take(connection, "portal.worker", "the next", NOW_MS + 1, 5_000)


def test_other_slices_work_runs_in_each_round(books: Books) -> None:
    seen: list[int] = []
    with worker_of(books, rounds=(lambda _ledger, at_ms: seen.append(at_ms),)) as worker:
        worker.round(NOW_MS)
        worker.round(NOW_MS + 1000)
    assert seen == [NOW_MS, NOW_MS + 1000]


def test_a_fault_in_another_slice_keeps_no_certificate_back(books: Books, capsys: pytest.CaptureFixture[str]) -> None:
    faults = [KeyError("Asha Secret")]

    def broken(_ledger: object, _at_ms: int) -> None:
        if faults:
            raise faults[0]

    books.issue(RECORD)
    with worker_of(books, rounds=(broken,)) as worker:
        worker.round(NOW_MS)
        assert worker.health(NOW_MS) == {"ok": False, "last_round_ms_ago": 0, "failed": [__name__]}
        faults.clear()
        worker.round(NOW_MS + 1000)
        assert worker.health(NOW_MS + 1000)["ok"] is True
    assert exported(books) == 1
    assert "Asha Secret" not in "".join(capsys.readouterr())


def test_trouble_with_the_disk_is_survived_and_shows_in_health(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.issue(RECORD)
    with worker_of(books) as worker:
        assert worker.health(NOW_MS)["ok"] is False
        with monkeypatch.context() as broken:

            def full(_descriptor: int) -> None:
                raise OSError(28, "No space left on device")

            broken.setattr("os.fsync", full)
            worker.round(NOW_MS)
            assert worker.health(NOW_MS)["ok"] is False
        worker.round(NOW_MS + 1000)
        assert worker.health(NOW_MS + 1000)["ok"] is True
        assert worker.health(NOW_MS + 60_000)["ok"] is False
    assert exported(books) == 1


def test_demo_keys_do_not_start_outside_a_demo(books: Books) -> None:
    settings = WorkerSettings(**{**settings_of(books).model_dump(), "demo": False})
    with pytest.raises(SettingProblem, match="demo keys"):
        open_worker(settings, NOW_MS)


def test_a_killed_worker_loses_and_doubles_nothing(books: Books) -> None:
    for _ in range(DOSES):
        books.issue(another())
    for enough in (1, DOSES // 3)[:KILLS]:
        with running(books) as process:
            wait_for(lambda enough=enough: exported(books) >= enough)
            process.send_signal(signal.SIGKILL)
            process.wait()
    first = {path: path.read_bytes() for path in books.mirror.glob("b/*/*.enc")}
    with running(books):
        wait_for(lambda: waiting(books) == 0)
    after = {path: path.read_bytes() for path in books.mirror.glob("b/*/*.enc")}
    assert len(after) == DOSES
    assert first.items() <= after.items()
    # A file that was half written at a kill stays hidden beside its place, one a kill at most; the last worker was
    # killed too, when it was no longer needed.
    hidden = [path.name for path in books.mirror.rglob(".*") if path.is_file()]
    assert all(re.fullmatch(r"\..+\.[0-9a-f]{8}", name) for name in hidden), hidden
    assert len(hidden) <= KILLS + 1


def test_the_process_exports_within_seconds_and_publishes_a_changed_level(books: Books) -> None:
    with running(books):
        wait_for((books.mirror / "status" / "doses.json").is_file)
        began = time.monotonic()
        index = books.issue(RECORD, time.time_ns() // 10**6).status_index
        wait_for(lambda: exported(books) == 1)
        assert time.monotonic() - began < 5
        with books.ledger.write() as connection:
            service.set_level(connection, RECORD.dose, Level.UNDER_INVESTIGATION, NOW_MS)

        def level() -> Level:
            data = (books.mirror / "status" / "doses.json").read_bytes()
            return open_list(data, books.keys.trust).level_of(index)

        wait_for(lambda: level() is Level.UNDER_INVESTIGATION)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_sigterm_stops_it_cleanly_and_health_answers_before(books: Books) -> None:
    port = free_port()
    with running(books, SHEETAL_HEALTH_PORT=str(port)) as process:

        def healthy() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
                    return bool(json.load(answer)["ok"])
            except OSError:
                return False

        wait_for(healthy)
        process.send_signal(signal.SIGTERM)
        assert process.wait(3) == 0
        assert process.stderr is not None
        logged = process.stderr.read()
    assert '"event": "ready"' in logged
    assert RECORD.person_name not in logged


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHEETAL_FIELD_KEY_FILE", "/nonexistent"),
        ("SHEETAL_CERTIFICATE_KEY_FOLDER", "/nonexistent"),
        ("SHEETAL_LEDGER_URL", "nonsense"),
        ("SHEETAL_MIRROR_FOLDER", "/proc/mirror"),
        ("SHEETAL_STANDBY_URL", "nonsense"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(books: Books, name: str, value: str) -> None:
    with running(books, **{name: value}) as process:
        assert process.wait(20) == 2
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert len(lines) == 1
    assert name in lines[0]


def test_the_broker_is_given_its_authority_and_a_list(books: Books) -> None:
    ca, out = books.folder / "ca", books.folder / "broker"
    out.mkdir()
    made = authority(ca, NOW_MS, demo=True)
    settings = settings_of(books, gateway_ca_folder=ca, gateway_broker_folder=out)
    worker = open_worker(settings, NOW_MS, ())
    try:
        worker.round(NOW_MS)
        assert (out / "ca.pem").read_text() == made.pem
        found = read_list(out / "gateways.crl")
        assert found is not None
        assert found.is_signature_valid(made.private_key.public_key())
        assert worker.health(NOW_MS)["ok"]
        (out / "gateways.crl").unlink()
        out.chmod(0o500)
        out.rename(books.folder / "elsewhere")
        worker.round(NOW_MS + 10_000)
        assert worker.health(NOW_MS + 10_000) == {
            "ok": False,
            "last_round_ms_ago": 0,
            "failed": ["portal.orchestration.revocations"],
        }, "whoever watches hears that the list cannot be written"
    finally:
        worker.close()


def test_a_demo_authority_stops_the_start_outside_a_demo(books: Books) -> None:
    authority(books.folder / "ca", NOW_MS, demo=True)
    make_keys(books.folder / "real", issuer="State", country="IN", demo=False, now_ms=NOW_MS)
    settings = settings_of(books, gateway_ca_folder=books.folder / "ca").model_copy(
        update={"demo": False, "certificate_key_folder": books.folder / "real"}
    )
    with pytest.raises(SettingProblem, match="SHEETAL_GATEWAY_CA_FOLDER"):
        open_worker(settings, NOW_MS, ())
