"""The words are for errors that real handshakes bring: a server of the standard library is asked in each case."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from edge_agent.settings.broker import Broker, tls_context
from edge_agent.uplink.broker_trouble import is_certificate_trouble, words_of
from sheetal.contracts.clock import now_ms
from tests.edge_agent.tls_kit import Authority, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "theirs", "Stranger")


@contextmanager
def server(pair: Pair, clients: Authority | None = None, crl: Path | None = None) -> Iterator[int]:
    """A TLS server that answers one byte to whom it lets in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.file)
    if crl is not None:
        context.load_verify_locations(crl)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.settimeout(5)
                try:
                    with context.wrap_socket(caller, server_side=True) as spoken:
                        spoken.sendall(b"!")
                        spoken.recv(1)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def trouble(port: int, broker: Broker, at_ms: int | None = None) -> str:
    """What a gateway would say after trying; empty where it got in."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            context = tls_context(broker, now_ms() if at_ms is None else at_ms)
            with context.wrap_socket(plain, server_hostname=broker.host) as spoken:
                assert spoken.recv(1) == b"!"
    except OSError as error:
        return words_of(error)
    return ""


def broker(trusted: Authority, pair: Pair | None = None, host: str = "127.0.0.1") -> Broker:
    return Broker(
        host,
        1,
        tls=True,
        ca_file=trusted.file,
        certificate_file=pair.certificate if pair else None,
        certificate_key_file=pair.key if pair else None,
    )


def test_with_everything_right_there_is_no_trouble(authority: Authority) -> None:
    with server(authority.server(), authority) as port:
        assert trouble(port, broker(authority, authority.client("gw-t"))) == ""


def test_a_broker_of_another_authority(authority: Authority, stranger: Authority) -> None:
    with server(stranger.server()) as port:
        assert "unknown authority" in trouble(port, broker(authority))


def test_a_broker_whose_certificate_has_expired(authority: Authority) -> None:
    with server(authority.server(days=-1)) as port:
        assert "has expired" in trouble(port, broker(authority))


@pytest.mark.parametrize("at_ms", [0, 4_102_444_800_000])
def test_a_clock_that_is_proved_wrong_does_not_lock_the_gateway_out(authority: Authority, at_ms: int) -> None:
    """The standard library asks the real clock, so the broker's certificate is the one that seems out of its time."""
    ours = broker(authority, authority.client("gw-t"))
    with server(authority.server(days=-1), authority) as port:
        assert trouble(port, ours, at_ms) == ""
    with server(authority.server(days=-1), authority) as port:
        assert "has expired" in trouble(port, ours)


def test_a_wrong_clock_waives_neither_name_nor_authority(authority: Authority, stranger: Authority) -> None:
    with server(stranger.server()) as port:
        assert "unknown authority" in trouble(port, broker(authority, authority.client("gw-t")), 0)
    with server(authority.server(host="broker.example")) as port:
        assert "for another" in trouble(port, broker(authority, authority.client("gw-t")), 0)


def test_a_broker_under_another_name(authority: Authority) -> None:
    with server(authority.server(host="broker.example")) as port:
        assert "for another" in trouble(port, broker(authority))
    with server(authority.server(host="broker.example")) as port:
        assert "another name" in trouble(port, broker(authority, host="wrong.example"))
    with server(authority.server(host="broker.example")) as port:
        assert trouble(port, broker(authority, host="broker.example")) == ""


def test_a_missing_client_certificate(authority: Authority) -> None:
    with server(authority.server(), authority) as port:
        assert "wants a certificate" in trouble(port, broker(authority))


def test_an_expired_client_certificate(authority: Authority) -> None:
    with server(authority.server(), authority) as port:
        assert "gateway's certificate expired" in trouble(port, broker(authority, authority.client("gw-t", days=-1)))


def test_a_client_certificate_of_another_authority(authority: Authority, stranger: Authority) -> None:
    with server(authority.server(), authority) as port:
        assert "does not know who signed" in trouble(port, broker(authority, stranger.client("gw-t")))


def test_a_revoked_client_certificate(authority: Authority) -> None:
    pair = authority.client("gw-t")
    with server(authority.server(), authority, authority.revoke(pair)) as port:
        assert "revoked" in trouble(port, broker(authority, pair))


def test_a_broker_without_tls(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve() -> None:
            caller, _ = plain.accept()
            with caller:
                caller.recv(1_000)
                caller.sendall(b"\x20\x03\x00\x87\x00 not TLS at all")

        thread = threading.Thread(target=serve)
        thread.start()
        assert "no TLS" in trouble(plain.getsockname()[1], broker(authority))
        thread.join(10)


def test_files_that_do_not_belong_together(authority: Authority) -> None:
    mixed = Pair(authority.client("gw-t").certificate, authority.client("gw-u").key)
    with pytest.raises(ssl.SSLError) as caught:
        tls_context(broker(authority, mixed), now_ms())
    assert "not the key of" in words_of(caught.value)


def test_a_damaged_file(authority: Authority) -> None:
    pair = authority.client("gw-t")
    pair.certificate.write_text("garbage")
    with pytest.raises(ssl.SSLError) as caught:
        tls_context(broker(authority, pair), now_ms())
    assert "damaged" in words_of(caught.value)


def test_other_trouble_is_told_in_one_line_as_it_is() -> None:
    assert words_of(ConnectionResetError(104, "Connection\nreset by peer")) == (
        "the broker cannot be reached: [Errno 104] Connection reset by peer; "
        "a running gateway tries again by itself; nothing is lost"
    )
    assert "retired" in words_of("Not authorized")


def refused_by_nobody() -> OSError:
    """What the operating system says of a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(OSError, match="refused") as caught:
        socket.create_connection(("127.0.0.1", port), timeout=5)
    return caught.value


def timed_out() -> OSError:
    """What a connection says whose other end keeps silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with (
            socket.create_connection(silent.getsockname(), timeout=0.01) as caller,
            pytest.raises(TimeoutError) as said,
        ):
            caller.recv(1)
        return said.value


UNREACHED = [
    (OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), "is the broker running at that address and port"),
    (OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)), "does the network (a firewall) let this gateway through?"),
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "is the name in gateway.broker_url right"),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "does this machine's name service"),
    (socket.gaierror(-5, "No address associated with hostname"), "is the name in gateway.broker_url right"),
    *(
        (OSError(number, os.strerror(number)), "is the network up")
        for number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)
    ),
]


@pytest.mark.parametrize(("error", "advice"), UNREACHED, ids=[str(error) for error, _ in UNREACHED])
def test_a_broker_that_is_not_reached_is_told_with_what_to_look_at(error: OSError, advice: str) -> None:
    said = words_of(error)
    assert said.startswith(f"the broker cannot be reached: {error}: ")
    assert advice in said
    assert said.endswith("? a running gateway tries again by itself; nothing is lost")
    assert "\n" not in said


def test_what_real_sockets_say_is_known() -> None:
    assert "is the broker running" in words_of(refused_by_nobody())
    assert "let this gateway through" in words_of(timed_out())


def test_the_librarys_lines_about_tls_are_told_apart() -> None:
    assert is_certificate_trouble("failed to receive on socket: [SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert")
    assert not is_certificate_trouble("failed to receive on socket: [Errno 104] Connection reset by peer")
