from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from portal.standby.serve import bind
from portal.standby.settings import StandbySettings
from sheetal.contracts.problem import SettingProblem
from tests.portal.given_certificates import NOW_MS, RECORD
from tests.portal.standby.site import ROOT, fetch, name_in, publish, standing_by

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.given_certificates import Books


def test_it_serves_with_everything_else_dead_and_gone(books: Books) -> None:
    issued = books.issue(RECORD)
    publish(books, NOW_MS)
    books.ledger.close()
    for path in [*books.folder.glob("ledger.db*"), *books.folder.glob("keys/*"), books.folder / "field.keys"]:
        path.unlink()
    origin, name = books.keys.standby_url, name_in(issued.link)
    with standing_by(books):
        data = (books.mirror / "b" / name[:2] / f"{name}.enc").read_bytes()
        assert fetch(f"{origin}/b/{name[:2]}/{name}.enc") == (200, data)
        for path in (f"/c/{name}", "/verify", "/status/doses.json", "/keys/trust.json", "/healthz"):
            assert fetch(origin + path)[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(books: Books, number: signal.Signals) -> None:
    books.mirror.mkdir()
    with standing_by(books) as process:
        process.send_signal(number)
        assert process.wait(3) == 0
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert len(lines) == 1
    assert '"event": "ready"' in lines[0]


def test_no_address_of_a_certificate_is_logged(books: Books) -> None:
    books.mirror.mkdir()
    with standing_by(books) as process:
        assert fetch(f"{books.keys.standby_url}/c/{'a' * 32}")[0] == 404
        process.terminate()
        process.wait(3)
        assert process.stderr is not None
        assert "aaaa" not in process.stderr.read()


def test_a_taken_port_is_one_line_and_code_2(tmp_path: Path, books: Books) -> None:
    port = urlsplit(books.keys.standby_url).port
    assert port is not None
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(SettingProblem, match="SHEETAL_STANDBY_PORT"):
            bind(StandbySettings(standby_port=port, mirror_folder=tmp_path))
        done = subprocess.run(
            [sys.executable, "-m", "portal.standby"],
            cwd=ROOT,
            env={**os.environ, "SHEETAL_STANDBY_PORT": str(port), "SHEETAL_MIRROR_FOLDER": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(port) in done.stderr


def test_it_loads_no_database_and_no_other_slice() -> None:
    code = (
        "import sys, portal.standby.serve; "
        "print([m for m in sys.modules if m.split('.')[0] in {'sqlalchemy', 'sqlite3', 'psycopg', 'paho'}"
        " or m.startswith('portal.') and not m.startswith('portal.standby')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
