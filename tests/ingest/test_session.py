"""One session against a broker of a few lines; TLS with a certificate made here."""

from __future__ import annotations

import datetime as dt
import gc
import ipaddress
import select
import ssl
import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from benchmarks.faults.mqtt_frames import Frame
from demo.broker import free_port
from ingest import session as session_module
from ingest.frames import acknowledgements, publishes
from ingest.inbox import Message
from ingest.outgoing import Publish
from ingest.session import READ_BYTES, UNSENT_BYTES_MAX, Session
from ingest.settings import BrokerAddress
from tests.ingest.fake_broker import (
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PUBACK,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    FakeBroker,
    message,
    usual,
    welcome,
)
from tests.ingest.raw_gateway import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ingest.fake_broker import Line


def at(port: int, *, is_encrypted: bool = False) -> Session:
    return Session(BrokerAddress("127.0.0.1", port, is_encrypted, None, None), "worker", "a/+/b", qos=1)


def serve(
    session: Session,
    is_reached: Callable[[], bool],
    *,
    found: list[Message] | None = None,
    room: int = 1_000_000,
) -> None:
    """What the subscriber's loop does, for one session."""
    deadline = time.monotonic() + 30
    while not is_reached() and session.socket is not None:
        assert time.monotonic() < deadline, "served in vain"
        writing = [session.socket] if session.has_unsent else []
        readable, _, _ = select.select([session.socket], writing, [], 0 if session.has_bytes else 0.05)
        if session.has_bytes or readable:
            messages = session.receive(room, 1, 5).messages
            assert len(messages) <= room
            if found is not None:
                found += messages
        session.keep(is_excused=False)


def granted(broker: FakeBroker, **settings: bool) -> Session:
    session = at(broker.port, **settings)
    assert session.open()
    serve(session, lambda: session.is_granted)
    assert session.is_granted
    return session


def test_it_says_what_it_wants_and_hears_what_the_broker_takes() -> None:
    def answer(line: Line, frame: Frame) -> bytes:
        return welcome(receive_maximum=77) if frame.kind == CONNECT else usual(line, frame)

    with FakeBroker(answer) as broker:
        session = granted(broker)
        assert session.receive_maximum == 77
        connect, subscribe = broker.lines[0].frames
        assert connect.body[:7] == b"\x00\x04MQTT\x05"
        assert connect.body[7] == 0x02  # clean start, nothing else
        assert b"\x21" + session_module.RECEIVE_MAX.to_bytes(2) in connect.body
        assert b"\x27" + session_module.PACKET_BYTES_MAX.to_bytes(4) in connect.body
        assert subscribe.body[2:] == b"\x00" + b"\x00\x05a/+/b" + b"\x01"
        session.close()
        until(lambda: broker.lines[0].kinds == [CONNECT, SUBSCRIBE, DISCONNECT])
        assert session.socket is None
        assert not session.is_granted


def test_nobody_there_is_told_and_no_error() -> None:
    with capture_logs() as logs:
        assert not at(free_port()).open()
    assert [entry["event"] for entry in logs] == ["The broker does not answer"]


@pytest.mark.parametrize("code", [0x86, 0x87, 0x88])
def test_a_refused_login_ends_the_session(code: int) -> None:
    with FakeBroker(lambda *_: welcome(code)) as broker, capture_logs() as logs:
        session = at(broker.port)
        assert session.open()
        serve(session, lambda: session.socket is None)
        assert not session.is_granted
        assert "The broker refused this worker" in [entry["event"] for entry in logs]


def test_a_refused_subscription_ends_the_session() -> None:
    def answer(line: Line, frame: Frame) -> bytes:
        refusal = Frame(SUBACK << 4, frame.body[:2] + b"\x00\x87").encode()
        return refusal if frame.kind == SUBSCRIBE else usual(line, frame)

    with FakeBroker(answer) as broker, capture_logs() as logs:
        session = at(broker.port)
        assert session.open()
        serve(session, lambda: session.socket is None)
        assert not session.is_granted
        assert "The broker refused a subscription" in [entry["event"] for entry in logs]


def received(session: Session, connection: int, now_ms: int) -> list[Message]:
    """The next that comes."""
    found: list[Message] = []
    until(lambda: bool(found.extend(session.receive(10, connection, now_ms).messages) or found))
    return found


def test_messages_come_numbered_by_connection_and_stamped() -> None:
    with FakeBroker() as broker:
        session = granted(broker)
        broker.lines[0].send(message(b"one", 8) + message(b"two", 9)[:-1])
        assert received(session, 1, 5) == [Message("cc/v1/gw-01/data", b"one", 8, 1, 5)]
        broker.lines[0].send(message(b"two", 9)[-1:])
        assert received(session, 2, 6) == [Message("cc/v1/gw-01/data", b"two", 9, 2, 6)]
        session.close()


def test_what_finds_no_room_stays_and_is_known_to_wait() -> None:
    with FakeBroker() as broker:
        session = granted(broker)
        broker.lines[0].send(b"".join(message(b"x", number) for number in range(1, 8)))
        until(lambda: bool(select.select([session.socket], [], [], 0)[0]))
        assert len(session.receive(3, 1, 5).messages) == 3
        assert session.has_bytes
        assert len(session.receive(3, 1, 5).messages) == 3
        assert len(session.receive(3, 1, 5).messages) == 1
        assert not session.has_bytes
        session.close()


def test_our_packets_and_pahos_leave_whole_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "KEEPALIVE_SECONDS", 1)
    with FakeBroker(receive_buffer_bytes=4_096) as broker:
        session = granted(broker)
        line = broker.lines[0]
        line.deaf.set()
        session.send(publishes([Publish("a", b"wake", retain=False)], 0))
        sent = 1
        while session.takes_more:
            session.send(publishes([Publish("a", bytes(40_000), retain=False)] * 5, sent))
            sent += 5
        assert session.has_unsent
        time.sleep(1.2)
        session.keep(is_excused=False)  # a ping is due, and finds the socket full
        session.send(acknowledgements([1, 2, 3]))
        line.deaf.clear()
        serve(session, lambda: not session.has_unsent)
        until(lambda: len(line.of_kind(PUBACK)) == 3)
        assert line.kinds[2:] == [PUBLISH] * sent + [PINGREQ] + [PUBACK] * 3
        assert {len(frame.payload) for frame in line.of_kind(PUBLISH)[1:]} == {40_000}
        session.close()


def test_it_takes_no_more_than_a_bounded_amount() -> None:
    with FakeBroker(receive_buffer_bytes=4_096) as broker:
        session = granted(broker)
        broker.lines[0].deaf.set()
        session.send(publishes([Publish("a", b"wake", retain=False)], 0))
        assert session.takes_more
        session.send(bytes(2 * UNSENT_BYTES_MAX + 8_000_000))
        assert not session.takes_more
        broker.lines[0].close()
        session.close()


def test_a_broken_line_ends_the_session_and_the_next_begins_afresh() -> None:
    with FakeBroker() as broker:
        session = granted(broker)
        broker.lines[0].send(message(b"half")[:5])
        until(lambda: bool(select.select([session.socket], [], [], 0)[0]))
        session.receive(10, 1, 5)
        broker.lines[0].close()
        serve(session, lambda: session.socket is None)
        assert not session.is_granted
        session.send(b"lost")
        assert session.open()
        serve(session, lambda: session.is_granted)
        broker.lines[1].send(message(b"whole"))
        assert [one.payload for one in received(session, 2, 6)] == [b"whole"]
        assert broker.lines[1].kinds == [CONNECT, SUBSCRIBE]
        session.close()


def test_a_peer_that_is_excused_is_not_thought_dead_and_one_that_is_not_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "KEEPALIVE_SECONDS", 1)
    with FakeBroker(lambda line, frame: b"" if frame.kind == PINGREQ else usual(line, frame)) as broker:
        session = granted(broker)
        deadline = time.monotonic() + 3.5
        while time.monotonic() < deadline:
            session.keep(is_excused=True)
            time.sleep(0.05)
        assert session.socket is not None
        assert len(broker.lines[0].of_kind(PINGREQ)) >= 2
        serve(session, lambda: session.socket is None)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251  # a certificate is judged by the real clock
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1))
    builder = builder.not_valid_after(now + dt.timedelta(days=1))
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem, key_pem = folder / "broker.pem", folder / "broker.key"
    pem.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return pem, key_pem


@pytest.fixture
def encrypted(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_encrypted_it_reads_and_writes_the_same_way(
    certificate: tuple[Path, Path], encrypted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    payloads = [bytes([number % 256]) * 3_000 for number in range(2 * READ_BYTES // 3_000)]

    def answer(line: Line, frame: Frame) -> bytes:
        after = [message(payload, 1 + number) for number, payload in enumerate(payloads)]
        return usual(line, frame) + b"".join(after if frame.kind == SUBSCRIBE else [])

    with FakeBroker(answer, tls=encrypted) as broker:
        session = at(broker.port, is_encrypted=True)
        assert session.open()
        found: list[Message] = []
        serve(session, lambda: len(found) == len(payloads), found=found, room=10)
        assert [one.payload for one in found] == payloads
        session.send(publishes([Publish("t", payload, retain=False) for payload in payloads], 0))
        line = broker.lines[0]
        serve(session, lambda: not session.has_unsent and len(line.of_kind(PUBLISH)) == len(payloads))
        assert [frame.payload for frame in line.of_kind(PUBLISH)] == payloads
        session.close()
        until(lambda: DISCONNECT in line.kinds)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho lets go of a socket it refuses
def test_a_certificate_that_nobody_vouches_for_is_refused(encrypted: ssl.SSLContext) -> None:
    with FakeBroker(tls=encrypted) as broker, capture_logs() as logs:
        assert not at(broker.port, is_encrypted=True).open()
        assert "certificate verify failed" in str(logs[0]["problem"])
        gc.collect()
