"""Forged batches, acks, desired configurations and commands, sent by somebody with full rights on the broker.

Each channel gets its share while real processes listen. Every forgery must be refused by name - in ingest's dead
letters, in the gateway's log - and change nothing; then one genuine message must do what the forgeries wanted, so that
silence is never taken for safety.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.faults.forgery import Wish, forge
from benchmarks.faults.intruder import Intruder
from benchmarks.faults.line import EMBEDDED, Line, brokers, wait_for
from benchmarks.faults.scene import Scene, key_of
from sheetal.contracts.batch import Ack, Batch, Row
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.seal import open_envelope, seal, unseal
from sheetal.contracts.topics import Channel, of_gateway
from sheetal.contracts.twin import Command, CommandKind, Desired, Reported, TwinState

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = 2_000
GROUP = 400
HOW = (
    "forged in 11 ways (guessed, empty and foreign keys, moved, tampered, cut, renamed, made-up macs) and published to "
    "a broker without access rules: batches to ingest, acks, desired and commands to a gateway; each refused by name, "
    "nothing changed, a genuine one then believed"
)
GATEWAY, OTHER = "gw-00", "gw-01"
SCENE = Scene(gateways=2, probes=1, history_minutes=30, interval_seconds=10)
FORGED_CENTI_CELSIUS = 5_000
_reports = msgspec.json.Decoder(Reported)
HEARD_SECONDS_MAX = 60.0
KNOCKS_MAX = 30
PACED_EVERY = 20
"""A gateway lets orders go beyond 50 at once; the forger waits until what it sent was heard."""


class _Config(msgspec.Struct, frozen=True):
    """The two sections of a configuration, as they come."""

    uplink: dict[str, object]
    source: list[object]


class Stage(NamedTuple):
    """The running line, the intruder in it, and its seeded chance."""

    line: Line
    intruder: Intruder
    chance: random.Random

    def wish(self, channel: Channel, body: object) -> Wish:
        """What the forger wants believed."""
        return Wish(channel, GATEWAY, key_of(GATEWAY), body, (OTHER, key_of(OTHER)))

    def publish(self, channel: Channel, payload: bytes) -> None:
        """On the attacked gateway's own topic."""
        self.intruder.publish(of_gateway(GATEWAY, channel), payload)

    def genuine(self, channel: Channel, body: object) -> None:
        """What the key's owner would send."""
        self.publish(channel, seal(channel, GATEWAY, key_of(GATEWAY), body))


def run(first: int, count: int, broker: str = "") -> int:
    """Forgeries number `first` and on, in groups spread over the four channels; how many were not refused."""
    failed = 0
    for start in range(first, first + count, GROUP):
        size = min(GROUP, first + count - start)
        kind = broker or (brokers()[0] if start // GROUP % 2 else EMBEDDED)
        with tempfile.TemporaryDirectory(prefix="sheetal-forged-") as folder:
            failed += group(Path(folder), start, size, kind)
    return failed


def group(folder: Path, start: int, count: int, broker: str) -> int:
    """So many forgeries in one line; all of a channel's count as failed when that channel does not hold."""
    line = Line(folder, SCENE._replace(seed=start + 1), broker=broker)
    shares = [count // 4 + (number < count % 4) for number in range(4)]
    failed = 0
    with line:
        line.start(line.broker, line.simulator, *line.gateways.values())
        with Intruder(line.broker_port, [of_gateway(GATEWAY, Channel.REPORTED)]) as intruder:
            stage = Stage(line, intruder, random.Random(f"forged {start}"))
            for (name, attack), share in zip(ATTACKS.items(), shares, strict=True):
                wrong = attack(stage, share)
                failed += share if wrong else 0
                told = "; ".join(wrong) or "refused, nothing changed"
                print(f"  seed {start}: {share} forged {name}: {told}", flush=True)
    return failed


def _acks(stage: Stage, count: int) -> list[str]:
    """Ingest is not there: whatever settles an item is forged."""
    line = stage.line
    wait_for(lambda: _items(line, "state = 0") >= SCENE.history_minutes, HEARD_SECONDS_MAX)
    boot, sequence = (int(str(number)) for number in line.ask(GATEWAY, "SELECT max(boot), max(sequence) FROM item")[0])
    all_of_it = Ack(gateway=GATEWAY, boot=boot, at_ms=now_ms(), monotonic_ms=1, stored=[(0, 2**40)])
    wrong = _attack_gateway(stage, Channel.ACK, count, lambda _: all_of_it)
    settled = _items(line, "state <> 0")
    wrong += [f"{settled} items were settled by forgeries"] if settled else []
    stage.genuine(Channel.ACK, Ack(gateway=GATEWAY, boot=boot, stored=[(sequence, sequence)]))
    believed = wait_for(lambda: _items(line, "state <> 0") == 1, HEARD_SECONDS_MAX)
    return wrong if believed else [*wrong, "the genuine ack did not settle its one item"]


def _batches(stage: Stage, count: int) -> list[str]:
    line = stage.line
    line.start(line.ingest)
    wait_for(lambda: line.pending() == 0, HEARD_SECONDS_MAX)
    before, at_ms = _letters(line), now_ms()
    for number in range(count):
        _, payload = forge(stage.wish(Channel.DATA, _batch(at_ms, number)), stage.chance)
        stage.publish(Channel.DATA, payload)
    refused = wait_for(lambda: _letters(line) >= before + count, HEARD_SECONDS_MAX)
    wrong = [] if refused else [f"only {_letters(line) - before} of {count} stand among the dead letters"]
    wrong += [f"{_forged_stored(line)} forged readings are in the store"] if _forged_stored(line) else []
    stage.genuine(Channel.DATA, _batch(at_ms, count))
    believed = wait_for(lambda: _forged_stored(line) == 1, HEARD_SECONDS_MAX)
    return wrong if believed else [*wrong, "the genuine batch was not stored"]


def _desired(stage: Stage, count: int) -> list[str]:
    wait_for(lambda: _reported(stage) is not None, HEARD_SECONDS_MAX)
    before = _reported(stage)
    if before is None:
        return ["the gateway reports nothing"]
    config = msgspec.json.decode(bytes(before.config), type=_Config)
    emptied = msgspec.Raw(msgspec.json.encode(msgspec.structs.replace(config, source=[])))
    changed = msgspec.Raw(
        msgspec.json.encode(msgspec.structs.replace(config, uplink={**config.uplink, "message_rows": 7}))
    )
    wrong = _attack_gateway(stage, Channel.DESIRED, count, lambda number: _wanted(10_000 + number, emptied))
    now = _reported(stage)
    wrong += ["a forged configuration was decided on"] if now is None or now.version != before.version else []
    stage.genuine(Channel.DESIRED, _wanted(1, changed))
    believed = wait_for(lambda: _has(_reported(stage), 1), HEARD_SECONDS_MAX)
    return wrong if believed else [*wrong, "the genuine configuration was not applied"]


def _commands(stage: Stage, count: int) -> list[str]:
    kinds = list(CommandKind)
    wrong = _attack_gateway(
        stage, Channel.COMMAND, count, lambda number: _order(f"forged-{number}", kinds[number % len(kinds)])
    )
    stage.genuine(Channel.COMMAND, _order("genuine", CommandKind.RESEND))
    wait_for(lambda: bool(_outcomes(stage)), HEARD_SECONDS_MAX)
    done = _outcomes(stage)
    return wrong if done == ["genuine"] else [*wrong, f"carried out: {done}"]


def _attack_gateway(stage: Stage, channel: Channel, count: int, body: Callable[[int], object]) -> list[str]:
    """Publishes forgeries no faster than the gateway hears them; what it did not refuse in its log is told."""
    before = _until_it_listens(stage, channel)
    for number in range(count):
        _, payload = forge(stage.wish(channel, body(number)), stage.chance)
        stage.publish(channel, payload)
        if number % PACED_EVERY == PACED_EVERY - 1:
            wait_for(lambda due=before + number + 1: _refusals(stage.line) >= due, HEARD_SECONDS_MAX)
    wait_for(lambda: _refusals(stage.line) >= before + count, HEARD_SECONDS_MAX)
    refused = _refusals(stage.line) - before
    return [] if refused == count else [f"{refused} of {count} were refused in the gateway's log"]


def _until_it_listens(stage: Stage, channel: Channel) -> int:
    """A gateway between two connections hears nothing: knocks until it refuses; how many refusals its log then has."""
    before = _refusals(stage.line)
    for _ in range(KNOCKS_MAX):
        stage.publish(channel, b"knock")
        if wait_for(lambda: _refusals(stage.line) > before, 1.0):
            break
    # Knocks that were under way may still come in.
    time.sleep(1.0)
    return _refusals(stage.line)


ATTACKS: dict[str, Callable[[Stage, int], list[str]]] = {
    "acks": _acks,
    "batches": _batches,
    "desired configurations": _desired,
    "commands": _commands,
}


def _batch(at_ms: int, number: int) -> Batch:
    row = Row(10**9 + number, at_ms + number, f"{GATEWAY}.p0", FORGED_CENTI_CELSIUS, 0)
    return Batch(gateway=GATEWAY, boot=1, sent_at_ms=at_ms, rows=[row])


def _wanted(version: int, config: msgspec.Raw) -> Desired:
    return Desired(gateway=GATEWAY, version=version, issued_at_ms=now_ms(), config=config)


def _order(name: str, kind: CommandKind) -> Command:
    at_ms = now_ms()
    return Command(
        id=name,
        gateway=GATEWAY,
        kind=kind,
        issued_at_ms=at_ms,
        expires_at_ms=at_ms + 10 * MINUTE_MS,
        from_ms=0,
        until_ms=at_ms,
    )


def _items(line: Line, where: str) -> int:
    found = line.ask(GATEWAY, f"SELECT count(*) FROM item WHERE {where}")  # noqa: S608 - our own words
    return int(str(found[0][0])) if found else 0


def _letters(line: Line) -> int:
    """A forgery that is told twice, such as the same few leading bytes, is one letter with a repeat."""
    with closing(sqlite3.connect(f"file:{line.telemetry_file}?mode=ro", uri=True, timeout=10)) as telemetry:
        return int(telemetry.execute("SELECT count(*) + ifnull(sum(repeats), 0) FROM dead_letter").fetchone()[0])


def _forged_stored(line: Line) -> int:
    with_value = [reading for reading in line.stored() if reading.centi_celsius == FORGED_CENTI_CELSIUS]
    return len(with_value)


def _refusals(line: Line) -> int:
    return line.gateways[GATEWAY].log.read_text(errors="replace").count(" ignored a")


def _reported(stage: Stage) -> Reported | None:
    if not stage.intruder.heard:
        return None
    payload = stage.intruder.heard[-1][1]
    return unseal(open_envelope(payload), Channel.REPORTED, GATEWAY, key_of(GATEWAY), _reports)


def _has(reported: Reported | None, version: int) -> bool:
    return reported is not None and reported.version == version and reported.state is TwinState.APPLIED


def _outcomes(stage: Stage) -> list[str]:
    reported = _reported(stage)
    return [] if reported is None else [outcome.id for outcome in reported.outcomes]
