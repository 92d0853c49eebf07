"""What the gateway's tests stand on: a settings file, a logger hub, and an ingest that is as unreliable as we like."""

from __future__ import annotations

import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.sample import Sample
from edge_agent.sources.ds01_timeline import Moment
from sheetal.contracts import seal as sealing
from sheetal.contracts.batch import Ack, Batch, RefusedRange, ranges
from sheetal.contracts.clock import now_ms
from sheetal.contracts.device_alarm import AlarmAck, DeviceAlarm
from sheetal.contracts.gateway_state import Birth, State
from sheetal.contracts.topics import UP, Channel, of_every_gateway, of_gateway, parse
from sheetal.contracts.twin import Reported

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

GATEWAY = "gw-t"
SENSOR = "gw-t.ilr1-tvc"
KEY = bytes(range(32))
WRONG_KEY = bytes(32)
T0_MS = 1_790_000_000_000
MINUTE_MS = 60_000
_batches = msgspec.json.Decoder(Batch)
_alarms = msgspec.json.Decoder(DeviceAlarm)
_births = msgspec.json.Decoder(Birth)
_states = msgspec.json.Decoder(State)
_reports = msgspec.json.Decoder(Reported)


def sample(number: int, centi_celsius: int | None = 450, *, sensor: str = SENSOR, notable: bool = False) -> Sample:
    return Sample(sensor, T0_MS + number * MINUTE_MS, centi_celsius, 0 if centi_celsius is not None else 1, notable)


def moment(
    relative_ms: int | None, absolute_ms: int | None = None, *, restarted_ms: int = 0, logger: str = "L1"
) -> Moment:
    return Moment(logger, restarted_ms, relative_ms, absolute_ms)


def absolute(at_ms: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_ms // 1_000))


def record(at_ms: int | None, celsius: object = 4.5, **fields: object) -> bytes:
    """One DS01 line, as a hub sends it."""
    told: dict[str, object] = {"ASER": "ILR-1", "LSER": "L1", "RTCW": "PT0S", "TVC": celsius}
    if at_ms is not None:
        told |= {"ABST": absolute(at_ms), "RELT": f"PT{(at_ms - T0_MS) // 1_000 + 10_000_000}S"}
    return msgspec.json.encode(told | fields)


def write_settings(
    folder: Path,
    broker_url: str = "mqtt://127.0.0.1:1",
    *,
    hub_port: int = 0,
    uplink: str = "",
    gateway: str = "",
    remote: str = "",
) -> Path:
    """A settings file with its key; fast re-sends, so that a test needs no patience."""
    key_file = folder / "gateway.key"
    key_file.write_text(KEY.hex())
    key_file.chmod(0o600)
    text = f'[gateway]\nid = "{GATEWAY}"\nkey_file = "gateway.key"\noutbox = "outbox.db"\n'
    text += f'broker_url = "{broker_url}"\n{gateway}\n'
    text += "[uplink]\nresend_seconds = 0.4\nresend_jitter_seconds = 0.1\nreconnect_seconds_max = 1\n"
    text += "message_age_seconds = 0.2\n" + uplink + "\n"
    text += f"[remote]\n{remote}\n"
    if hub_port:
        text += f'[[source]]\nkind = "ds01_tcp"\nport = {hub_port}\n'
        text += '[[source.probe]]\nprobe = "ilr1-tvc"\nappliance = "ILR-1"\n'
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    """Waits until something holds; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Hub:
    """A logger hub on a free port: sends every stored line at each connection when `retells`, then what is added."""

    def __init__(self, *, retells: bool = True, port: int = 0) -> None:
        self.lines: list[bytes] = []
        self.calls = 0
        self.sent = 0
        self._retells = retells
        self._server = socket.create_server(("127.0.0.1", port))
        self._server.settimeout(0.05)
        self.port: int = self._server.getsockname()[1]
        self._stopping = threading.Event()
        self._hang_up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def say(self, *lines: bytes) -> None:
        self.lines += lines

    def hang_up(self) -> None:
        self._hang_up.set()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._server.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                caller, _ = self._server.accept()
            except TimeoutError:
                continue
            with caller:
                self.calls += 1
                caller.settimeout(0.05)
                try:
                    self._talk(caller)
                except OSError:
                    continue

    def _talk(self, caller: socket.socket) -> None:
        position = 0 if self._retells else self.sent
        self._hang_up.clear()
        while not (self._stopping.is_set() or self._hang_up.is_set()):
            if position < len(self.lines):
                chunk = self.lines[position : position + 50]
                caller.settimeout(20)
                caller.sendall(b"".join(line + b"\n" for line in chunk))
                caller.settimeout(0.05)
                position += len(chunk)
                self.sent = max(self.sent, position)
                continue
            try:
                if not caller.recv(1):
                    return
            except TimeoutError:
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FakeIngest:
    """Subscribes like ingest and alerts and stores what it acknowledges; `mood` decides about each batch.

    A mood gets the batch and returns the sequences that it stores; the rest gets no answer.
    """

    def __init__(self, port: int, mood: Callable[[Batch], list[int]] | None = None) -> None:
        self.mood = mood or everything
        self.acknowledges_alarms = True
        self.forges = False
        self.answers_questions = False
        self.batches: list[Batch] = []
        self.stored: dict[tuple[str, int], tuple[int, int, int | None]] = {}
        self.clashes: list[tuple[str, int]] = []
        self.days: list[str] = []
        self.alarms: list[DeviceAlarm] = []
        self.others: list[tuple[Channel, bytes, bool]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="fake", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(of_every_gateway(channel), 1) for channel in UP],
        )
        self._ready = threading.Event()
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port, clean_start=True)
        self._client.loop_start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def clear_retained(self) -> None:
        """Leaves the broker as it was found, for the next test."""
        for channel in (Channel.BIRTH, Channel.STATE, Channel.REPORTED, Channel.DESIRED):
            self._client.publish(of_gateway(GATEWAY, channel), b"", qos=1, retain=True).wait_for_publish(5)

    def publish(self, channel: Channel, body: object, key: bytes = KEY, *, retain: bool = False) -> None:
        payload = sealing.seal(channel, GATEWAY, key, body)
        self._client.publish(of_gateway(GATEWAY, channel), payload, qos=1, retain=retain)

    def births(self) -> list[Birth]:
        found = [payload for channel, payload, retained in self.others if channel is Channel.BIRTH and not retained]
        return [sealing.unseal(sealing.open_envelope(told), Channel.BIRTH, GATEWAY, KEY, _births) for told in found]

    def states(self) -> list[State]:
        found = [payload for channel, payload, retained in self.others if channel is Channel.STATE and not retained]
        return [sealing.unseal(sealing.open_envelope(told), Channel.STATE, GATEWAY, KEY, _states) for told in found]

    def reports(self) -> list[Reported]:
        found = [payload for channel, payload, _ in self.others if channel is Channel.REPORTED]
        return [sealing.unseal(sealing.open_envelope(told), Channel.REPORTED, GATEWAY, KEY, _reports) for told in found]

    def _hear(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        topic = parse(message.topic)
        if topic is None or not message.payload:
            return
        sealed = sealing.open_envelope(message.payload)
        if topic.channel is Channel.DATA:
            self._answer(sealing.unseal(sealed, topic.channel, GATEWAY, KEY, _batches))
        elif topic.channel is Channel.ALARM:
            alarm = sealing.unseal(sealed, topic.channel, GATEWAY, KEY, _alarms)
            self.alarms.append(alarm)
            if self.acknowledges_alarms:
                named = [(alarm.alarm, alarm.cleared_at_ms is not None)]
                self.publish(Channel.ALARM_ACK, AlarmAck(gateway=GATEWAY, alarms=named))
        else:
            self.others.append((topic.channel, message.payload, message.retain))

    def _answer(self, batch: Batch) -> None:
        self.batches.append(batch)
        if self.forges:
            self.publish(Channel.ACK, Ack(gateway=GATEWAY, boot=batch.boot, stored=[(0, 2**62)]), WRONG_KEY)
        chosen = set(self.mood(batch))
        for row in batch.rows:
            if row.sequence in chosen:
                key, told = (row.sensor, row.measured_at_ms), (batch.boot, row.sequence, row.centi_celsius)
                if self.stored.setdefault(key, told) != told:
                    self.clashes.append(key)
        self.days += [day.sensor for day in batch.days]
        if chosen or self.answers_questions:
            asked_ms = batch.monotonic_ms if self.answers_questions else None
            at_ms = now_ms() if self.answers_questions else None
            stored = ranges(list(chosen))
            self.publish(
                Channel.ACK, Ack(gateway=GATEWAY, boot=batch.boot, at_ms=at_ms, monotonic_ms=asked_ms, stored=stored)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sequences(batch: Batch) -> list[int]:
    return [item.sequence for part in (batch.rows, batch.aux, batch.days) for item in part]


def everything(batch: Batch) -> list[int]:
    return sequences(batch)


def nothing(_batch: Batch) -> list[int]:
    return []


def capricious(seed: int) -> Callable[[Batch], list[int]]:
    """Forgets three batches in ten, stores half of three others, repeats itself by being asked again."""
    chance = random.Random(seed)

    def mood(batch: Batch) -> list[int]:
        found = sequences(batch)
        draw = chance.random()
        if draw < 0.3:
            return []
        return [number for number in found if chance.random() < 0.5] if draw < 0.6 else found

    return mood


def refuse(boot: int, first: int, last: int) -> Ack:
    return Ack(gateway=GATEWAY, boot=boot, refused=[RefusedRange(first, last, "implausible")])
