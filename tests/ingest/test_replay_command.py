from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from ingest.load import Letter
from ingest.reasons import Reason
from ingest.record import put_letters
from ingest.replay import Outcome, Wanted
from ingest.replay_command import lines, wanted_of
from sheetal.ledger import telemetry
from tests.ingest.given import GATEWAY, NOW_MS, SENSOR, batch, minutes, sealed

if TYPE_CHECKING:
    from tests.ingest.conftest import Stores


def run(stores: Stores, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
    told = {"SHEETAL_BROKER_URL": "mqtt://127.0.0.1:1", **stores.environment, **changes}
    command = [sys.executable, "-m", "ingest", "replay", *arguments]
    return subprocess.run(command, env=kept | told, capture_output=True, text=True, check=False)


def put_letter(stores: Stores, payload: bytes, reason: Reason) -> None:
    with stores.telemetry.write() as conn:
        put_letters(conn, [Letter(f"cc/v1/{GATEWAY}/data", payload, reason, "")], NOW_MS)


def test_the_command_looks_first_and_then_stores(stores: Stores) -> None:
    put_letter(stores, sealed(batch(minutes(1, 5))), Reason.UNKNOWN_GATEWAY)
    put_letter(stores, b"{", Reason.BAD_JSON)
    looked = run(stores, "--dry-run")
    assert (looked.returncode, looked.stderr) == (0, "")
    assert "unknown_gateway: 1 would be replayed, 0 still refused, 0 cut" in looked.stdout
    assert stores.readings.read(SENSOR, 0, 2 * NOW_MS) == []
    done = run(stores, "--reason", "unknown_gateway", "--gateway", GATEWAY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("unknown_gateway: 1 replayed, 0 still refused, 0 cut")
    assert len(stores.readings.read(SENSOR, 0, 2 * NOW_MS)) == 5
    with stores.telemetry.read() as conn:
        assert [one.reason for one in telemetry.dead_letters(conn, 9)] == ["bad_json"]


def test_a_wrong_setting_is_one_line(stores: Stores) -> None:
    done = run(stores, SHEETAL_TELEMETRY_URL="mysql://x/y")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "SHEETAL_TELEMETRY_URL" in done.stderr


def test_a_store_that_is_away_is_said_and_can_be_tried_again(stores: Stores) -> None:
    done = run(stores, SHEETAL_LEDGER_URL="postgresql+psycopg://nobody@127.0.0.1:1/sheetal")
    assert done.returncode == 1
    assert "repeat the command" in done.stderr


def test_a_wrong_word_ends_with_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert wanted_of([]) == Wanted()
    assert wanted_of(["--reason", "wrong_mac", "--gateway", "gw-01", "--dry-run"]) == Wanted(
        "wrong_mac", "gw-01", is_dry=True
    )
    for words in (["--reason", "weather"], ["--gateway", "a/b"], ["--all"]):
        with pytest.raises(SystemExit) as ended:
            wanted_of(words)
        assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_each_reason_is_a_line() -> None:
    found = {"wrong_mac": Outcome(1, 2, Counter(wrong_mac=3, bad_body=1)), "bad_json": Outcome(0, 1)}
    assert lines(found, is_dry=False) == [
        "bad_json: 0 replayed, 0 still refused, 1 cut (only the gateway has them whole)",
        "wrong_mac: 1 replayed, 4 still refused (1 bad_body, 3 wrong_mac), 2 cut (only the gateway has them whole)",
    ]
    assert lines({}, is_dry=True) == ["There is no such letter."]
