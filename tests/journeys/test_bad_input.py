"""Bad input to a whole running district: answered, kept, and never the end of a service."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from demo.broker import ROOT, free_port
from demo.servers import answers
from sheetal.contracts.batch import Batch, Row
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.seal import seal
from sheetal.contracts.topics import Channel
from sheetal.ledger import telemetry
from sheetal.ledger.connect import open_telemetry
from sheetal.readings.connect import open_readings
from tests.journeys.evidence import until
from tests.journeys.wire import ANSWER_SECONDS_MAX, Voice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.district import District

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

GATEWAY = "gw-02"
SENSOR = f"{GATEWAY}.bad-input"
HEAD_BYTES = 16 * 1024
START_SECONDS_MAX = 30.0


@pytest.fixture
def voice(live: District) -> Iterator[Voice]:
    with Voice(live.broker.url, GATEWAY, live.gateway_keys[GATEWAY]) as connected:
        yield connected


def letters(live: District) -> list[telemetry.DeadLetter]:
    with closing(open_telemetry(live.plan.telemetry)) as store, store.read() as connection:
        return telemetry.dead_letters(connection, 1_000)


def rows(first: int, count: int, sensor: str = SENSOR) -> list[Row]:
    """Readings of yesterday, a minute apart; each number has its own instant."""
    begin_ms = now_ms() - DAY_MS
    begin_ms -= begin_ms % DAY_MS
    return [Row(number, begin_ms + number * 60_000, sensor, 450, 0) for number in range(first, first + count)]


def batch(voice: Voice, body: bytes) -> bytes:
    """An honestly sealed envelope around any body."""
    return voice.seal(msgspec.Raw(body))


def written(voice: Voice) -> bytes:
    return msgspec.json.encode(Batch(gateway=voice.gateway, boot=1, sent_at_ms=now_ms(), rows=rows(900, 2)))


def malformed(voice: Voice, live: District) -> dict[str, tuple[bytes, str]]:
    """What comes on the gateway's own topic, and the reason it must be put down under."""
    body, sealed = written(voice), voice.seal(msgspec.Raw(written(voice)))
    foreign = seal(Channel.DATA, "gw-03", live.gateway_keys["gw-03"], msgspec.Raw(body))
    return {
        "nothing": (b"", "bad_json"),
        "half a message": (sealed[: len(sealed) // 2], "bad_json"),
        "not a number": (sealed.replace(b",450,", b",NaN,"), "bad_json"),
        "another version": (sealed.replace(b'"v":1', b'"v":2'), "wrong_version"),
        "another gateway's": (foreign, "foreign_gateway"),
        "another gateway inside": (batch(voice, body.replace(b'"gw-02"', b'"gw-03"')), "foreign_gateway"),
        "a stranger's seal": (seal(Channel.DATA, GATEWAY, b"x" * 32, msgspec.Raw(body)), "wrong_mac"),
        "one digit changed": (sealed.replace(b",450,", b",451,"), "wrong_mac"),
        "sealed for another topic": (voice.seal(msgspec.Raw(body), Channel.ALARM), "wrong_mac"),
        "words for rows": (batch(voice, body.replace(b",450,", b',"450",')), "bad_body"),
        "ten megabytes": (b"x" * 10_000_000, "too_big"),
    }


def test_malformed_messages_are_kept_with_their_reason_and_good_ones_go_on(live: District, voice: Voice) -> None:
    boot, sent = now_ms(), rows(0, 60)
    before, pid = len(letters(live)), live.supervisor.pid_of("ingest")
    cases = malformed(voice, live)
    for number, (payload, _) in enumerate(cases.values()):
        voice.send(boot, sent[number * 5 : number * 5 + 5])
        voice.publish(payload)
    unknown = seal(Channel.DATA, "gw-99", b"k" * 32, msgspec.Raw(written(voice).replace(b"gw-02", b"gw-99")))
    voice.publish(unknown, "cc/v1/gw-99/data")
    voice.send(boot, sent[55:])
    voice.until_answered(boot, sent)
    until(lambda: len(letters(live)) >= before + len(cases) + 1, ANSWER_SECONDS_MAX)

    kept = {letter.sha256: letter for letter in letters(live)}
    for payload, reason in [*cases.values(), (unknown, "unknown_gateway")]:
        letter = kept[hashlib.sha256(payload).hexdigest()]
        assert (letter.reason, letter.size_bytes) == (reason, len(payload))
        assert letter.head == payload[:HEAD_BYTES]
        assert letter.detail
    assert not voice.refused
    assert live.supervisor.pid_of("ingest") == pid
    assert live.supervisor.is_running("ingest")
    assert answers(f"http://127.0.0.1:{live.plan.ports.ingest_health}/healthz")
    with closing(open_readings(live.readings.url)) as store:
        stored = store.read(SENSOR, sent[0].measured_at_ms, sent[-1].measured_at_ms + 1)
    assert [(one.measured_at_ms, one.centi_celsius) for one in stored] == [(one.measured_at_ms, 450) for one in sent]


def test_a_row_that_cannot_be_is_refused_by_number_and_its_neighbours_are_stored(live: District, voice: Voice) -> None:
    boot, good = now_ms() + 1, rows(100, 6)
    sent = [
        *good[:2],
        Row(200, good[2].measured_at_ms, "gw-01.ilr1-tvc", 450, 0),
        *good[3:5],
        Row(201, good[2].measured_at_ms, SENSOR, 20_000, 0),
        Row(202, now_ms() + 2 * DAY_MS, SENSOR, 450, 0),
        good[5],
    ]
    voice.send(boot, sent)
    voice.until_answered(boot, sent)
    reasons = {number: reason for (of_boot, number), reason in voice.refused.items() if of_boot == boot}
    assert reasons == {200: "foreign_sensor", 201: "implausible", 202: "future_stamp"}
    assert {number for of_boot, number in voice.stored if of_boot == boot} == {100, 101, 103, 104, 105}
    with closing(open_readings(live.readings.url)) as store:
        assert store.count("gw-01.ilr1-tvc", good[0].measured_at_ms, good[5].measured_at_ms) == 0


def environment_of(live: District, module: str, folder: Path) -> dict[str, str]:
    """What the district's own service was started with, but ports of its own."""
    (spec,) = [spec for spec in live.services() if spec.name == module]
    return {
        **{name: value for name, value in spec.environment.items() if name != "SHEETAL_HEALTH_PORT"},
        "SHEETAL_PORTAL_PORT": str(free_port()),
        "SHEETAL_STANDBY_PORT": str(free_port()),
        "SHEETAL_HEALTH_PORT": str(free_port()),
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
    }


def refusal(command: list[str], environment: dict[str, str]) -> str:
    """The one line with which a start is refused, after exit code 2."""
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=START_SECONDS_MAX,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


WRONG = [
    ("ingest", "SHEETAL_BROKER_URL", "http://127.0.0.1:1883"),
    ("ingest", "SHEETAL_READINGS_URL", "mysql://127.0.0.1/x"),
    ("alerts", "SHEETAL_LEDGER_URL", "sqlite:////nowhere/at/all/ledger.db"),
    ("alerts", "SHEETAL_FIELD_KEY_FILE", "/nowhere/field-keys"),
    ("portal", "SHEETAL_PORTAL_URL", "not an origin"),
    ("portal", "SHEETAL_CERTIFICATE_KEY_FOLDER", "/nowhere/keys"),
    ("portal.worker", "SHEETAL_LEDGER_URL", "mysql://127.0.0.1/x"),
    ("portal.worker", "SHEETAL_STANDBY_URL", "ftp://127.0.0.1"),
    ("portal.standby", "SHEETAL_STANDBY_PORT", "ninety"),
]


@pytest.mark.parametrize(("module", "variable", "value"), WRONG)
def test_a_wrong_setting_is_one_line_that_names_it(
    live: District, tmp_path: Path, module: str, variable: str, value: str
) -> None:
    environment = environment_of(live, module, tmp_path) | {variable: value}
    assert refusal([module], environment).startswith(variable)


MISSING = [
    ("ingest", "SHEETAL_TELEMETRY_URL"),
    ("alerts", "SHEETAL_BROKER_URL"),
    ("portal", "SHEETAL_FIELD_KEY_FILE"),
    ("portal.worker", "SHEETAL_MIRROR_FOLDER"),
    ("portal.standby", "SHEETAL_MIRROR_FOLDER"),
]


@pytest.mark.parametrize(("module", "variable"), MISSING)
def test_a_missing_setting_is_one_line_that_names_it(
    live: District, tmp_path: Path, module: str, variable: str
) -> None:
    environment = environment_of(live, module, tmp_path)
    del environment[variable]
    assert refusal([module], environment).startswith(variable)


TAKEN = [
    ("ingest", "SHEETAL_HEALTH_PORT"),
    ("alerts", "SHEETAL_HEALTH_PORT"),
    ("portal", "SHEETAL_PORTAL_PORT"),
    ("portal.worker", "SHEETAL_HEALTH_PORT"),
    ("portal.standby", "SHEETAL_STANDBY_PORT"),
]


@pytest.mark.parametrize(("module", "variable"), TAKEN)
def test_a_taken_port_is_one_line_that_says_which(live: District, tmp_path: Path, module: str, variable: str) -> None:
    environment = environment_of(live, module, tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = refusal([module], environment | {variable: str(port)})
    assert told.startswith(variable)
    assert str(port) in told


def test_a_gateway_and_a_simulator_name_what_is_wrong(live: District, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    good = (live.plan.gateways / "gw-01.toml").read_text()
    for secret in ("gw-01.key", "gw-01.code"):
        good = good.replace(f'"{secret}"', f'"{live.plan.gateways}/{secret}"')
    config.write_text(good.replace("mqtt://", "carrier-pigeon://"))
    environment = environment_of(live, "ingest", tmp_path)
    assert "gateway.broker_url" in refusal(["edge_agent", "run", "--config", str(config)], environment)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"port {port}" in refusal(["firmware_sim", "--ports-from", str(port)], environment)
        config.write_text(
            good.replace(f"local_page_port = {live.plan.ports.local_page_first}", f"local_page_port = {port}")
        )
        told = refusal(["edge_agent", "run", "--config", str(config)], environment)
    assert str(port) in told
    assert "local_page_port" in told
