from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.remote.commands import Actions
from edge_agent.remote.managed import config_of
from edge_agent.remote.manager import HEARD_MAX, Manager
from edge_agent.remote.twin import RESTARTED
from edge_agent.settings.file import Settings, load_settings
from sheetal.contracts.seal import seal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import TWIN_BYTES_MAX, Command, CommandKind, Desired, Reported, TwinState
from tests.edge_agent.kit import GATEWAY, KEY, T0_MS, WRONG_KEY, write_settings

if TYPE_CHECKING:
    from pathlib import Path


class Gateway:
    """A manager with its world: a clock, a count of acks and a list of what it was made to do."""

    def __init__(self, folder: Path) -> None:
        self.installed = load_settings(write_settings(folder, hub_port=9, remote="trial_seconds = 120"))
        self.did: list[str] = []
        self.at_ms: int | None = T0_MS
        self.seconds = 0.0
        self.acks = 5
        self.start()

    def start(self) -> None:
        actions = Actions(
            lambda: self.did.append("identify"),
            lambda: self.did.append("test"),
            lambda: "log",
            lambda *_: 3,
            lambda _: 4,
        )
        self.manager = Manager(self.installed, 77, actions, lambda: self.at_ms or 0, lambda: self.at_ms)

    def want(self, version: int, key: bytes = KEY, **changes: object) -> bool:
        config = json.loads(config_of(self.installed))
        config["uplink"] |= changes
        return self.send_config(version, msgspec.json.encode(config), key)

    def send_config(self, version: int, config: bytes, key: bytes = KEY, gateway: str = GATEWAY) -> bool:
        desired = Desired(gateway=gateway, version=version, issued_at_ms=T0_MS, config=msgspec.Raw(config))
        return self.manager.hear(Channel.DESIRED, seal(Channel.DESIRED, GATEWAY, key, desired))

    def order(self, number: int, kind: CommandKind = CommandKind.IDENTIFY, key: bytes = KEY) -> bool:
        command = Command(id=f"c{number}", gateway=GATEWAY, kind=kind, issued_at_ms=T0_MS, expires_at_ms=T0_MS + 60_000)
        return self.manager.hear(Channel.COMMAND, seal(Channel.COMMAND, GATEWAY, key, command))

    def tick(self) -> Settings | None:
        """One round of the main thread, which restarts the uplink when the settings change."""
        changed = self.manager.tick(self.acks, self.seconds)
        if changed is not None:
            self.acks = 0
        return changed

    @property
    def told(self) -> Reported:
        return self.manager.reported()


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


def test_at_first_it_reports_what_is_installed(gateway: Gateway) -> None:
    told = gateway.told
    assert (told.gateway, told.boot, told.at_ms, told.version) == (GATEWAY, 77, T0_MS, 0)
    assert (told.state, told.problem, told.outcomes) == (TwinState.AS_INSTALLED, "", [])
    assert bytes(told.config) == config_of(gateway.installed)
    assert gateway.tick() is None


def test_a_configuration_is_tried_and_applied_once_an_ack_comes(gateway: Gateway) -> None:
    assert gateway.want(1, message_rows=3)
    before = gateway.manager.revision
    changed = gateway.tick()
    assert changed is not None
    assert changed.uplink.message_rows == 3
    assert (gateway.told.state, gateway.told.version) == (TwinState.TRIAL, 1)
    assert gateway.manager.revision > before
    gateway.seconds = 119
    assert gateway.tick() is None
    assert gateway.told.state is TwinState.TRIAL
    gateway.acks = 1
    assert gateway.tick() is None
    assert gateway.told.state is TwinState.APPLIED
    assert json.loads(bytes(gateway.told.config))["uplink"]["message_rows"] == 3
    gateway.seconds = 10_000
    assert gateway.tick() is None


def test_without_an_ack_it_goes_back(gateway: Gateway) -> None:
    gateway.want(1, message_rows=3)
    gateway.tick()
    gateway.seconds = 120
    back = gateway.tick()
    assert back == gateway.installed
    assert (gateway.told.state, gateway.told.version) == (TwinState.ROLLED_BACK, 1)
    assert "no answer from ingest within 120 s" in gateway.told.problem
    assert bytes(gateway.told.config) == config_of(gateway.installed)
    gateway.want(1, message_rows=3)
    assert gateway.tick() is None, "the retained message comes again with every connection"


def test_it_goes_back_to_the_last_one_that_held(gateway: Gateway) -> None:
    gateway.want(1, message_rows=3)
    gateway.tick()
    gateway.acks = 1
    gateway.tick()
    gateway.want(2, message_rows=4)
    gateway.tick()
    gateway.seconds = 500
    back = gateway.tick()
    assert back is not None
    assert back.uplink.message_rows == 3


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (b'{"uplink":{"message_rows":0},"source":[]}', "uplink.message_rows"),
        (b'{"uplink":{},"source":[],"gateway":{"broker_url":"mqtt://evil"}}', "gateway"),
        (b'{"uplink":{},"source":[{"kind":"ds01_tcp","port":0}]}', "source[0].port"),
        (b'"\xff"', "utf-8"),
    ],
)
def test_a_configuration_that_does_not_hold_changes_nothing(gateway: Gateway, config: bytes, named: str) -> None:
    gateway.send_config(1, config)
    assert gateway.tick() is None
    assert (gateway.told.state, gateway.told.version) == (TwinState.REFUSED, 1)
    assert named in gateway.told.problem
    assert "\n" not in gateway.told.problem
    assert bytes(gateway.told.config) == config_of(gateway.installed)
    gateway.want(2, message_rows=4)
    assert gateway.tick() is not None


def test_the_same_configuration_needs_no_trial(gateway: Gateway) -> None:
    gateway.want(1)
    assert gateway.tick() is None
    assert gateway.told.state is TwinState.APPLIED


def test_during_a_trial_the_next_configuration_waits(gateway: Gateway) -> None:
    gateway.want(1, message_rows=3)
    gateway.tick()
    gateway.want(3, message_rows=5)
    gateway.want(2, message_rows=4)
    assert gateway.tick() is None
    assert gateway.told.version == 1
    gateway.acks = 1
    assert gateway.tick() is None
    third = gateway.tick()
    assert third is not None
    assert third.uplink.message_rows == 5


def test_a_restart_during_a_trial_rolls_back(gateway: Gateway) -> None:
    gateway.want(1, message_rows=3)
    gateway.tick()
    gateway.start()
    assert gateway.manager.settings == gateway.installed
    assert (gateway.told.state, gateway.told.problem) == (TwinState.ROLLED_BACK, RESTARTED)
    gateway.want(1, message_rows=3)
    assert gateway.tick() is None


def test_a_restart_keeps_what_was_applied_and_done(gateway: Gateway) -> None:
    gateway.want(1, message_rows=3)
    gateway.tick()
    gateway.acks = 1
    gateway.order(1)
    gateway.tick()
    gateway.start()
    assert gateway.manager.settings.uplink.message_rows == 3
    assert gateway.told.state is TwinState.APPLIED
    assert [outcome.id for outcome in gateway.told.outcomes] == ["c1"]
    gateway.order(1)
    gateway.tick()
    assert gateway.did == ["identify"]


def test_a_kept_configuration_that_no_longer_holds_gives_way_to_the_file(gateway: Gateway) -> None:
    gateway.want(1, message_rows=3)
    gateway.tick()
    gateway.acks = 1
    gateway.tick()
    kept = gateway.installed.outbox.with_name("outbox.db.twin.json")
    kept.write_text(kept.read_text().replace("message_rows", "message_columns"))
    gateway.start()
    assert gateway.manager.settings == gateway.installed
    assert gateway.told.state is TwinState.ROLLED_BACK
    assert "message_columns" in gateway.told.problem


def test_what_cannot_be_run_is_rolled_back_at_once(gateway: Gateway) -> None:
    gateway.want(1, message_rows=3)
    gateway.tick()
    assert gateway.manager.cannot("source.kind: not built in") == gateway.installed
    assert (gateway.told.state, gateway.told.problem) == (TwinState.ROLLED_BACK, "source.kind: not built in")


def test_what_cannot_be_kept_is_not_tried(gateway: Gateway) -> None:
    gateway.installed.outbox.with_name("outbox.db.twin.json.new").mkdir()
    gateway.want(1, message_rows=3)
    assert gateway.tick() is None
    assert (gateway.told.state, gateway.told.version) == (TwinState.REFUSED, 1)
    assert "disk" in gateway.told.problem


def test_an_ack_that_cannot_be_remembered_proves_nothing(gateway: Gateway) -> None:
    gateway.want(1, message_rows=3)
    gateway.tick()
    gateway.installed.outbox.with_name("outbox.db.twin.json.new").mkdir()
    gateway.acks = 1
    assert gateway.tick() is None
    assert gateway.told.state is TwinState.TRIAL
    gateway.seconds = 121
    assert gateway.tick() == gateway.installed


def test_orders_are_done_once_until_they_expire(gateway: Gateway) -> None:
    assert gateway.order(1)
    assert gateway.order(1)
    assert gateway.order(2, CommandKind.TEST_ALARM)
    gateway.tick()
    assert gateway.did == ["identify", "test"]
    assert [(outcome.id, outcome.done) for outcome in gateway.told.outcomes] == [("c1", True), ("c2", True)]
    gateway.at_ms = T0_MS + 60_000
    gateway.order(3)
    gateway.tick()
    assert gateway.did == ["identify", "test"]


def test_orders_wait_for_a_clock_that_is_believed(gateway: Gateway) -> None:
    gateway.at_ms = None
    for number in range(30):
        gateway.order(number)
    gateway.tick()
    assert gateway.did == []
    gateway.at_ms = T0_MS
    gateway.tick()
    assert [outcome.id for outcome in gateway.told.outcomes] == [f"c{number}" for number in range(10, 30)]


@pytest.mark.parametrize("forgery", ["wrong key", "other channel", "other gateway", "no envelope", "no body"])
def test_what_must_not_be_believed_changes_nothing(gateway: Gateway, forgery: str) -> None:
    before = gateway.told
    good = Desired(gateway=GATEWAY, version=9, issued_at_ms=T0_MS, config=msgspec.Raw(b"{}"))
    payload = {
        "wrong key": seal(Channel.DESIRED, GATEWAY, WRONG_KEY, good),
        "other channel": seal(Channel.COMMAND, GATEWAY, KEY, good),
        "other gateway": seal(Channel.DESIRED, GATEWAY, KEY, msgspec.structs.replace(good, gateway="gw-other")),
        "no envelope": b"\x00",
        "no body": seal(Channel.DESIRED, GATEWAY, KEY, {"version": "nine"}),
    }[forgery]
    assert not gateway.manager.hear(Channel.DESIRED, payload)
    assert not gateway.order(1, key=WRONG_KEY)
    assert gateway.tick() is None
    assert gateway.told == before
    assert gateway.did == []


def test_a_flood_is_bounded(gateway: Gateway) -> None:
    for version in range(1, HEARD_MAX + 50):
        assert gateway.want(version, message_rows=3)
    gateway.tick()
    assert gateway.told.version == HEARD_MAX


def test_the_largest_report_fits(gateway: Gateway) -> None:
    gateway.manager._actions = gateway.manager._actions._replace(newest_log=lambda: '"' * 8_000)
    for number in range(25):
        gateway.order(number, CommandKind.SEND_LOG)
    gateway.tick()
    assert len(seal(Channel.REPORTED, GATEWAY, KEY, gateway.told)) < TWIN_BYTES_MAX


def test_a_configuration_too_long_to_be_told_is_not(gateway: Gateway) -> None:
    [source] = gateway.installed.sources
    many = tuple(msgspec.structs.replace(source.probe[0], probe=f"p{number}") for number in range(200))
    gateway.manager.settings = gateway.installed._replace(sources=(msgspec.structs.replace(source, probe=many),))
    assert bytes(gateway.told.config) == b"{}"
    assert "too long" in gateway.told.problem


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(payload=st.binary(max_size=200), channel=st.sampled_from([Channel.DESIRED, Channel.COMMAND]))
def test_no_bytes_raise_and_none_are_believed(gateway: Gateway, payload: bytes, channel: Channel) -> None:
    assert not gateway.manager.hear(channel, payload)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    numbers=st.lists(st.none() | st.integers(-(2**63), 2**64 - 1), min_size=4, max_size=4),
    kind=st.sampled_from([*CommandKind, "dance"]),
    order=st.text(max_size=80),
)
def test_no_sealed_order_stops_the_gateway(gateway: Gateway, numbers: list[int | None], kind: str, order: str) -> None:
    names = ("issued_at_ms", "expires_at_ms", "from_ms", "until_ms")
    body = {"id": order, "gateway": GATEWAY, "kind": kind, **dict(zip(names, numbers, strict=True))}
    gateway.manager.hear(Channel.COMMAND, seal(Channel.COMMAND, GATEWAY, KEY, body))
    assert gateway.tick() is None
    assert len(seal(Channel.REPORTED, GATEWAY, KEY, gateway.told)) < TWIN_BYTES_MAX
