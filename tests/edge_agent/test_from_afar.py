"""A running gateway process is managed from afar: it takes what holds, refuses or takes back what does not."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from edge_agent.remote.twin import RESTARTED
from edge_agent.uplink.session import is_clocked
from sheetal.contracts.clock import now_ms
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Command, CommandKind, Desired, Outcome, Reported, TwinState
from tests.edge_agent.kit import (
    GATEWAY,
    KEY,
    MINUTE_MS,
    SENSOR,
    T0_MS,
    WRONG_KEY,
    FakeIngest,
    Hub,
    everything,
    nothing,
    record,
    until,
    write_settings,
)
from tests.edge_agent.test_app import gateway

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from demo.broker import EmbeddedBroker

TRIAL = "trial_seconds = 4"


class Office:
    """Both sides of the wire: a logger hub below a gateway process, and who speaks to it from afar."""

    def __init__(self, folder: Path, ingest: FakeIngest, hub: Hub, broker_url: str) -> None:
        self.ingest, self.hub = ingest, hub
        self.config = write_settings(folder, broker_url, hub_port=hub.port, remote=TRIAL)
        self.outbox = folder / "outbox.db"
        self.commands = 0

    @property
    def told(self) -> Reported:
        """The newest report."""
        return self.ingest.reports()[-1]

    @property
    def running(self) -> dict[str, Any]:
        """The configuration that the gateway says it runs under."""
        told: dict[str, Any] = json.loads(bytes(self.told.config))
        return told

    def want(self, version: int, config: object, key: bytes = KEY) -> None:
        raw = msgspec.Raw(msgspec.json.encode(config))
        desired = Desired(gateway=GATEWAY, version=version, issued_at_ms=now_ms(), config=raw)
        self.ingest.publish(Channel.DESIRED, desired, key, retain=True)

    def order(self, kind: CommandKind, key: bytes = KEY, life_ms: int = 60_000, **span: int) -> str:
        self.commands += 1
        at_ms = now_ms()
        command = Command(
            id=f"c{self.commands}",
            gateway=GATEWAY,
            kind=kind,
            issued_at_ms=at_ms,
            expires_at_ms=at_ms + life_ms,
        )
        command = msgspec.structs.replace(command, **span)
        self.ingest.publish(Channel.COMMAND, command, key)
        return command.id

    def outcome(self, command: str) -> Outcome:
        until(lambda: any(outcome.id == command for outcome in self.told.outcomes))
        return next(outcome for outcome in self.told.outcomes if outcome.id == command)

    def is_on_trial(self) -> bool:
        """Whether the gateway has put a trial on its disk; on a slow machine it may end before it is told."""
        kept = self.outbox.with_name("outbox.db.twin.json")
        return kept.exists() and json.loads(kept.read_bytes())["twin"].get("state") == TwinState.TRIAL

    def until_decided(self, version: int, state: TwinState, seconds: float = 20.0) -> None:
        until(lambda: (self.told.version, self.told.state) == (version, state), seconds)

    @contextmanager
    def gateway(self) -> Iterator[subprocess.Popen[str]]:
        with gateway(self.config) as process:
            before = len(self.ingest.reports())
            until(lambda: len(self.ingest.reports()) > before)
            # Once the clock is believed a first connection gives way to a numbered one; what is said between is lost.
            until(lambda: self.ingest.states()[-1].online and is_clocked(self.ingest.states()[-1].session))
            yield process


@pytest.fixture
def office(tmp_path: Path, broker: EmbeddedBroker) -> Iterator[Office]:
    with FakeIngest(broker.port) as ingest, Hub(retells=False) as hub:
        ingest.answers_questions = True
        yield Office(tmp_path, ingest, hub, broker.url)
        ingest.clear_retained()


def minutes(first: int, last: int, celsius: float = 4.5) -> list[bytes]:
    return [record(T0_MS + number * MINUTE_MS, celsius) for number in range(first, last)]


def test_interval_and_limits_are_changed_and_no_row_is_lost(office: Office) -> None:
    with office.gateway() as process:
        assert (office.told.state, office.told.version) == (TwinState.AS_INSTALLED, 0)
        office.hub.say(*minutes(0, 50))
        config = office.running
        config["source"][0]["probe"][0] |= {
            "interval_ms": 30_000,
            "heat_alarm_minutes": 5,
            "range_max_centi_celsius": 700,
        }
        office.want(1, config)
        office.until_decided(1, TwinState.APPLIED)
        assert office.running == config
        office.hub.say(*minutes(50, 60, 8.5))
        until(lambda: len(office.ingest.stored) == 60)
        until(lambda: office.ingest.alarms)
        assert office.ingest.alarms[0].limit_minutes == 5
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    with office.gateway():
        assert (office.told.state, office.told.version) == (TwinState.APPLIED, 1)
        assert office.running == config
        assert office.ingest.births()[-1].twin_version == 1
    sessions = [birth.session for birth in office.ingest.births()]
    assert sessions == sorted(sessions)


def test_a_configuration_that_does_not_hold_is_refused_and_says_why(office: Office) -> None:
    with office.gateway():
        config = office.running
        for version, (section, wrong) in enumerate(
            [("uplink", {"message_rows": 0}), ("gateway", {"broker_url": "mqtt://evil"}), ("source", [{"kind": "x"}])],
            1,
        ):
            office.want(version, config | {section: wrong})
            office.until_decided(version, TwinState.REFUSED)
            assert office.told.problem
        assert office.running == config
        office.hub.say(*minutes(0, 5))
        until(lambda: len(office.ingest.stored) == 5)


def test_without_an_answer_under_it_a_configuration_is_rolled_back(office: Office) -> None:
    with office.gateway():
        config = office.running
        office.hub.say(*minutes(0, 5))
        until(lambda: len(office.ingest.stored) == 5)
        office.ingest.answers_questions, office.ingest.mood = False, nothing
        office.want(1, config | {"uplink": config["uplink"] | {"message_rows": 3}})
        until(office.is_on_trial)
        office.hub.say(*minutes(5, 9))
        office.until_decided(1, TwinState.ROLLED_BACK)
        assert "no answer from ingest within 4 s" in office.told.problem
        assert office.running == config
        office.ingest.mood = everything
        until(lambda: len(office.ingest.stored) == 9)
    assert office.ingest.clashes == []


def test_a_power_cut_during_a_trial_ends_it(office: Office) -> None:
    with office.gateway() as process:
        config = office.running
        office.ingest.answers_questions, office.ingest.mood = False, nothing
        office.want(1, config | {"uplink": config["uplink"] | {"message_rows": 3}})
        until(office.is_on_trial)
        process.kill()
        process.wait()
    with office.gateway():
        assert (office.told.state, office.told.problem) == (TwinState.ROLLED_BACK, RESTARTED)
        assert office.running == config
        time.sleep(1.5)
        assert office.told.state is TwinState.ROLLED_BACK, "the retained message must not be tried again"


def test_orders_are_carried_out_once_and_told(office: Office) -> None:
    with office.gateway():
        office.hub.say(*minutes(0, 20))
        until(lambda: len(office.ingest.stored) == 20)
        seen = office.order(CommandKind.IDENTIFY)
        assert office.outcome(seen).done
        assert office.outcome(office.order(CommandKind.TEST_ALARM)).done
        log = office.outcome(office.order(CommandKind.SEND_LOG))
        assert "ready" in log.detail
        assert KEY.hex() not in log.detail
        sent = sum(len(batch.rows) for batch in office.ingest.batches)
        again = office.outcome(office.order(CommandKind.RESEND, from_ms=T0_MS, until_ms=T0_MS + 5 * MINUTE_MS))
        assert (again.done, again.detail) == (True, "5")
        until(lambda: sum(len(batch.rows) for batch in office.ingest.batches) == sent + 5)
        late = office.order(CommandKind.IDENTIFY, life_ms=-1)
        last = office.order(CommandKind.IDENTIFY)
        office.outcome(last)
        assert late not in [outcome.id for outcome in office.told.outcomes]
    assert office.ingest.clashes == []


def test_forged_messages_change_nothing_and_are_counted_in_the_log(office: Office) -> None:
    with office.gateway() as process:
        before = office.told
        for version in range(1, 20):
            office.want(version, {"uplink": {"message_rows": 1}, "source": []}, WRONG_KEY)
            office.order(CommandKind.RESEND, WRONG_KEY, from_ms=0, until_ms=2**40)
        office.hub.say(*minutes(0, 5))
        until(lambda: len(office.ingest.stored) == 5)
        time.sleep(1.5)
        assert msgspec.structs.replace(office.told, at_ms=0) == msgspec.structs.replace(before, at_ms=0)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=10)
    assert log.count("must not be believed: wrong_mac") >= 38, "a retained one comes again with each connection"
    assert "Traceback" not in log


def test_a_replaced_disk_is_still_the_newest(office: Office) -> None:
    with office.gateway():
        assert office.ingest.births()[-1].clock_source in {"ack", "ntp"}
        before = office.ingest.states()[-1].session
    for path in office.outbox.parent.glob("outbox.db*"):
        path.unlink()
    time.sleep(1.1)
    with office.gateway():
        until(lambda: office.ingest.states()[-1].session > before and office.ingest.states()[-1].online)
    with closing(sqlite3.connect(office.outbox)) as file:
        assert file.execute("SELECT value FROM meta WHERE name = 'boots'").fetchone() == ("1",)
    assert office.ingest.births()[-1].sensors == [SENSOR]
