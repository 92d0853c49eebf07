"""The real process on real stores with a real broker: alarms, holds, kills, and a wrong start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from demo.broker import EmbeddedBroker, free_port
from sheetal.contracts import topics
from sheetal.contracts.clock import now_ms
from sheetal.contracts.device_alarm import AlarmAck
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.gateway_state import Birth, State
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.reading import Quality, Reading
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Reported, TwinState
from sheetal.health import ask
from sheetal.ledger import alarms, downlink, gateway_twins, judgements, stock, telemetry, telemetry_writes
from tests.alerts.given import FACILITY, FRIDGE, GATEWAY, HOLDING, KEY, MINUTE, TVC, World
from tests.alerts.wire import GatewayClient, alarm, sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
ALARM_ACK = topics.of_gateway(GATEWAY, Channel.ALARM_ACK)


class Service:
    """`python -m alerts` over one world."""

    def __init__(self, world: World, broker_url: str, **more: str) -> None:
        self.port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")},
            "SHEETAL_LEDGER_URL": world.addresses.ledger,
            "SHEETAL_TELEMETRY_URL": world.addresses.telemetry,
            "SHEETAL_READINGS_URL": world.addresses.readings,
            "SHEETAL_BROKER_URL": broker_url,
            "SHEETAL_FIELD_KEY_FILE": str(world.addresses.field_key_file),
            "SHEETAL_HEALTH_PORT": str(self.port),
            **more,
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "alerts"], cwd=ROOT, env=self.environment, stderr=subprocess.PIPE, text=True
        )
        eventually(lambda: self.health().get("ok") is True, 60)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        return process.returncode, errors

    def health(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error))
        except OSError:
            return {}


def eventually(true: Callable[[], object], seconds: float = 30) -> float:
    """Seconds until it was true."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds, "it did not come true in time"
        time.sleep(0.03)
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def service(world: World, broker: EmbeddedBroker) -> Iterator[Service]:
    one = Service(world, broker.url)
    yield one
    if one.process is not None:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def gateway(broker: EmbeddedBroker) -> Iterator[GatewayClient]:
    with GatewayClient(broker.port) as client:
        yield client


def receive_now(world: World) -> None:
    with world.ledger.write() as conn:
        began = now_ms() - 200 * MINUTE
        stock.receive_holding(
            conn,
            HOLDING,
            "covishield/CS-1",
            FACILITY,
            100,
            FRIDGE,
            EvidenceKind.TELEMETRY,
            began,
            now_ms(),
            "ravi",
        )


def rows_until_now(minutes: int, value: int, first_sequence: int) -> list[Reading]:
    last = now_ms() // MINUTE * MINUTE
    return [
        Reading(TVC, last - (minutes - n) * MINUTE, value, Quality.OK, 1, first_sequence + n) for n in range(minutes)
    ]


def kept(world: World) -> list[alarms.Alarm]:
    with world.ledger.read() as conn:
        return alarms.alarms(conn)


def test_a_device_alarm_is_acknowledged_after_its_commit(
    world: World, service: Service, gateway: GatewayClient
) -> None:
    service.start()
    eventually(lambda: service.health()["is_subscribed"])
    gateway.say(sealed(alarm()))
    answer = gateway.hears(ALARM_ACK)
    (stored,) = kept(world)
    assert answer is not None
    ack = unseal(open_envelope(answer), Channel.ALARM_ACK, GATEWAY, KEY, msgspec.json.Decoder(AlarmAck))
    assert ack.alarms == [(stored.id, False)]
    assert stored.appliance_id == FRIDGE
    gateway.say(sealed(alarm(cleared=80)))
    assert gateway.hears(ALARM_ACK) is not None
    assert kept(world)[0].cleared_at_ms is not None
    eventually(lambda: all(notice.sent_at_ms for notice in world.notices()))
    assert sorted(notice.kind for notice in world.notices()) == ["device_alarm", "device_alarm_cleared"]


def test_a_forged_alarm_is_refused(world: World, service: Service, gateway: GatewayClient) -> None:
    service.start()
    eventually(lambda: service.health()["is_subscribed"])
    gateway.say(sealed(alarm(), key=b"x" * 32))
    gateway.say(sealed(alarm(sensor="gw-02.tvc")))
    gateway.say(b"not json")
    gateway.say(sealed(alarm(fired_at_ms=alarm().fired_at_ms + 1)))
    assert gateway.hears(ALARM_ACK) is not None
    assert gateway.hears(ALARM_ACK, 0.5) is None
    assert [one.fired_at_ms for one in kept(world)] == [alarm().fired_at_ms + 1]
    code, errors = service.stop()
    assert code == 0
    refused = [json.loads(line)["reason"] for line in errors.splitlines() if "refused" in line]
    assert refused == ["wrong_mac", "foreign_sensor", "bad_json"]


def test_freezing_rows_are_held_within_seconds_of_their_storing(
    world: World, service: Service, gateway: GatewayClient
) -> None:
    receive_now(world)
    world.store(rows_until_now(100, 450, 1))
    service.start()
    eventually(world.verdicts)
    frozen = [
        row._replace(centi_celsius=-180, measured_at_ms=row.measured_at_ms - 100 * MINUTE)
        for row in rows_until_now(70, 0, 1000)
    ]
    world.store(frozen)
    gateway.wake()
    took = eventually(lambda: world.holding().disposition is Disposition.QUARANTINED)
    assert took < 5
    (compromise,) = world.compromises()
    assert compromise.compromised_from_ms <= frozen[0].measured_at_ms


def test_without_a_broker_stock_is_held_all_the_same(world: World) -> None:
    receive_now(world)
    lonely = Service(world, f"mqtt://127.0.0.1:{free_port()}")
    lonely.start()
    try:
        world.store(rows_until_now(70, -180, 1))
        assert eventually(lambda: world.holding().disposition is Disposition.QUARANTINED) < 5
    finally:
        code, errors = lonely.stop()
    assert code == 0
    assert "The broker does not answer" in errors


@pytest.mark.parametrize("round_number", range(2))
def test_killed_at_any_moment_it_judges_again_to_the_same_end(
    world: World, service: Service, round_number: int
) -> None:
    receive_now(world)
    service.start()
    for burst in range(3):
        world.store(rows_until_now(70 + burst, -180, 100 * burst))
        time.sleep(0.05 * (burst + 3 * round_number))
        assert service.stop(signal.SIGKILL)[0] == -signal.SIGKILL
        service.start()
    eventually(lambda: world.holding().disposition is Disposition.QUARANTINED, 20)
    eventually(lambda: not _dirty(world), 20)
    (standing,) = [one for one in world.compromises() if one.withdrawn_at_ms is None]
    assert standing.holding_id == HOLDING
    assert len([one for one in world.notices() if one.kind == "holding_held"]) == 1


def _dirty(world: World) -> int:
    with world.telemetry.read() as conn:
        return len(telemetry.dirty_hours(conn, 100))


def test_hours_left_dirty_by_a_kill_after_the_commit_change_nothing(world: World, service: Service) -> None:
    receive_now(world)
    world.store(rows_until_now(70, -180, 1))
    service.start()
    eventually(lambda: world.holding().disposition is Disposition.QUARANTINED)
    service.stop(signal.SIGKILL)
    with world.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(TVC, row.measured_at_ms // HOUR_MS * HOUR_MS) for row in world.written})
    before = (len(world.compromises()), len(world.notices()), world.verdicts()[0].id)
    service.start()
    eventually(lambda: not _dirty(world), 20)
    assert (len(world.compromises()), len(world.notices()), world.verdicts()[0].id) == before


def test_two_processes_share_the_work_by_a_lease(world: World, service: Service, broker: EmbeddedBroker) -> None:
    receive_now(world)
    service.start()
    eventually(lambda: service.health()["is_leader"])
    second = Service(world, broker.url)
    second.start()
    try:
        assert second.health()["is_leader"] is False
        service.stop(signal.SIGTERM)
        world.store(rows_until_now(70, -180, 1))
        eventually(lambda: world.holding().disposition is Disposition.QUARANTINED, 20)
        assert second.health()["is_leader"] is True
    finally:
        second.stop()


def test_what_gateways_say_of_themselves_is_kept(world: World, service: Service, gateway: GatewayClient) -> None:
    def state() -> judgements.GatewayState | None:
        with world.ledger.read() as conn:
            return judgements.gateway_states(conn).get(GATEWAY)

    service.start()
    eventually(lambda: service.health()["is_subscribed"])
    birth = Birth(gateway=GATEWAY, boot=7, session=2, software="0.1", sensors=[TVC], clock_source="rtc", at_ms=now_ms())
    gateway.say(sealed(birth, Channel.BIRTH), Channel.BIRTH)
    eventually(lambda: (found := state()) is not None and found.online and found.software == "0.1")
    gateway.say(sealed(State(gateway=GATEWAY, session=1, online=False), Channel.STATE), Channel.STATE)
    gateway.say(sealed(State(gateway=GATEWAY, session=2, online=False), Channel.STATE), Channel.STATE)
    eventually(lambda: (found := state()) is not None and not found.online)


def test_messages_for_gateways_go_down_sealed_and_once(world: World, service: Service, gateway: GatewayClient) -> None:
    with world.ledger.write() as conn:
        downlink.send_down(conn, GATEWAY, Channel.COMMAND, '{"blink":3}', "ravi", now_ms())
    service.start()
    topic = topics.of_gateway(GATEWAY, Channel.COMMAND)
    payload = gateway.hears(topic)
    assert payload is not None
    body = unseal(open_envelope(payload), Channel.COMMAND, GATEWAY, KEY, msgspec.json.Decoder(dict[str, int]))
    assert body == {"blink": 3}
    assert gateway.hears(topic, 1.5) is None


def test_a_report_is_kept_and_what_is_refused_is_told(world: World, service: Service, gateway: GatewayClient) -> None:
    def report() -> Reported | None:
        with world.ledger.read() as conn:
            return gateway_twins.twin(conn, GATEWAY).reported

    said = Reported(
        gateway=GATEWAY,
        boot=7,
        at_ms=now_ms(),
        version=0,
        state=TwinState.AS_INSTALLED,
        problem="",
        config=msgspec.Raw(b'{"source":[]}'),
    )
    gateway.say(sealed(said, Channel.REPORTED), Channel.REPORTED, retain=True)
    service.start()
    eventually(lambda: report() == said)
    gateway.say(sealed(said, Channel.REPORTED, key=b"x" * 32), Channel.REPORTED)
    eventually(lambda: service.health()["messages_refused"] == 1)


def test_a_broker_that_lost_everything_gets_the_configurations_back(
    world: World, service: Service, tmp_path: Path
) -> None:
    with world.ledger.write() as conn:
        gateway_twins.send_desired(conn, GATEWAY, {"source": []}, 0, "ravi", now_ms())
    topic = topics.of_gateway(GATEWAY, Channel.DESIRED)
    with EmbeddedBroker(tmp_path / "own") as own:
        service.environment["SHEETAL_BROKER_URL"] = own.url
        service.start()
        with GatewayClient(own.port) as gateway:
            first = gateway.hears(topic)
        assert first is not None
        own.kill()
        own.start()
        eventually(lambda: service.health()["is_subscribed"], 20)
        with GatewayClient(own.port) as gateway:
            assert gateway.hears(topic) == first
        service.stop()


def test_the_stop_is_clean_and_quick(service: Service) -> None:
    service.start()
    begun = time.monotonic()
    code, errors = service.stop()
    assert (code, time.monotonic() - begun < 3) == (0, True)
    assert [json.loads(line)["event"] for line in errors.splitlines()].count("ready") == 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SHEETAL_BROKER_URL": "http://somewhere"}, "SHEETAL_BROKER_URL"),
        ({"SHEETAL_LEDGER_URL": "sqlite:////nowhere/at/all.db"}, "SHEETAL_LEDGER_URL"),
        ({"SHEETAL_READINGS_URL": "what:"}, "SHEETAL_READINGS_URL"),
        ({"SHEETAL_FIELD_KEY_FILE": "/nowhere/field.key"}, "SHEETAL_FIELD_KEY_FILE"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(world: World, changes: dict[str, str], named: str) -> None:
    wrong = Service(world, "mqtt://127.0.0.1:1")
    ended = subprocess.run(
        [sys.executable, "-m", "alerts"],
        cwd=ROOT,
        env=wrong.environment | changes,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert named in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_an_old_schema_stops_the_start(world: World, tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    wrong = Service(world, "mqtt://127.0.0.1:1", SHEETAL_LEDGER_URL=f"sqlite:///{tmp_path}/old.db")
    ended = subprocess.run(
        [sys.executable, "-m", "alerts"],
        cwd=ROOT,
        env=wrong.environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ended.returncode, "SHEETAL_LEDGER_URL" in ended.stderr) == (2, True)


def test_it_tells_prometheus_its_numbers_and_when_it_may_take_work(service: Service) -> None:
    service.start()
    eventually(lambda: ask(f"http://127.0.0.1:{service.port}/readyz")[0])
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    assert 'sheetal_build_info{service="alerts"' in page
    assert "\nsheetal_alerts_broker_connected 1.0\n" in page
    assert 'sheetal_metrics_source_failed{source="ledger"} 0.0' in page
    code, errors = service.stop()
    assert code == 0
    for line in map(json.loads, errors.splitlines()):
        assert {"service", "worker", "level", "timestamp", "event"} <= set(line)
        assert line["service"] == "alerts"
