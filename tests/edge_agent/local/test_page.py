"""The pages' server over real sockets: slow, greedy and confused callers."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from edge_agent.local import page as module
from edge_agent.local.frame import POLICY
from edge_agent.local.page import CALLERS_MAX, HEAD_BYTES_MAX, LocalPage
from edge_agent.local.request import BODY_BYTES_MAX, Request, Response
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.kit import until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def chunks() -> Generator[bytes]:
    yield b"two,"
    yield b""
    yield b"three"


def broken() -> Generator[bytes]:
    yield b"two,"
    raise OSError("the disk went away")


def answer(asked: Request) -> Response:
    if asked.path == "/chunks":
        return Response(200, b"one,", "text/csv", chunks=chunks())
    if asked.path == "/broken":
        return Response(200, b"one,", "text/csv", chunks=broken())
    if asked.path == "/raise":
        raise ValueError("odd")
    if asked.path == "/slow":
        time.sleep(1.0)
    return Response(200, f"{asked.method} {asked.path} {dict(asked.form)}".encode())


@pytest.fixture
def served() -> Iterator[LocalPage]:
    page = LocalPage(("127.0.0.1", 0), answer)
    yield page
    page.close()


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        told = connection.getresponse()
        return told.status, told.read(), told.headers
    finally:
        connection.close()


def say(port: int, words: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        caller.sendall(words)
        heard = b""
        with contextlib.suppress(ConnectionError):
            while part := caller.recv(65_536):
                heard += part
        return heard


def threads() -> int:
    return sum(thread.name == "local-page-caller" for thread in threading.enumerate())


def test_pages_and_forms_are_answered_with_the_house_headers(served: LocalPage) -> None:
    status, body, headers = ask(served.port, "GET", "/gw?x=1")
    assert (status, body) == (200, b"GET /gw {}")
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in str(headers)
    assert ask(served.port, "POST", "/f", b"a=1", FORM)[1] == b"POST /f {'a': '1'}"
    assert ask(served.port, "HEAD", "/gw")[:2] == (200, b"")


def test_a_long_answer_comes_in_chunks_whose_end_is_told(served: LocalPage) -> None:
    assert ask(served.port, "GET", "/chunks")[1] == b"one,two,three"
    assert say(served.port, b"GET /chunks HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\none,two,three")
    with pytest.raises(http.client.IncompleteRead):
        ask(served.port, "GET", "/broken")


def test_a_page_that_cannot_be_made_ends_no_other(served: LocalPage, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        ask(served.port, "GET", "/raise")
    assert "a local page failed" in caplog.text
    assert ask(served.port, "GET", "/gw")[0] == 200


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (b"POST /f HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), 413),
        (b"POST /f HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 411),
        (b"POST /f HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST /f HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n", 411),
        (b"POST /f HTTP/1.1\r\n\r\n", 411),
        (b"POST /f HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /f HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\na=1", 411),
        (b"POST /f HTTP/1.1\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}", 400),
        (b"PUT /f HTTP/1.1\r\n\r\n", 501),
        (b"OPTIONS /gw HTTP/1.1\r\n\r\n", 501),
        (b"GET " + b"/a" * 40_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"a" * 3_000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET http://evil.example/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /gw HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /gw HTTP/1.1\r\nA: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n", 431),
        (b"GET /gw HTTP/1.1\r\n" + (b"A: " + b"a" * 1_000 + b"\r\n") * 17 + b"\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    ],
)
def test_greedy_and_confused_callers_are_told_so(served: LocalPage, words: bytes, status: int) -> None:
    heard = say(served.port, words)
    assert f" {status} ".encode() in heard.split(b"\r\n")[0] + b" " or str(status).encode() in heard[:400]
    assert ask(served.port, "GET", "/gw")[0] == 200


def test_callers_who_send_headers_without_end_are_cut_off_early(served: LocalPage) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as caller:
        caller.sendall(b"GET /gw HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            while sent < 6_000_000:
                caller.sendall(b"X: " + b"a" * 65_000 + b"\r\n")
                sent += 65_000
    # What lies in the sockets' own buffers counts too; the hundred lines that the library reads are 6.5 MB.
    assert sent < 6_000_000
    until(lambda: threads() == 0)


def test_two_hundred_slow_callers_take_few_threads_and_nobody_waits_for_them(served: LocalPage) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            caller = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=10))
            caller.sendall(b"GET /gw HTTP/1.1\r\nX: ")
        for _ in range(20):
            began = time.monotonic()
            assert ask(served.port, "GET", "/gw")[0] == 200
            assert time.monotonic() - began < 3.0
            assert threads() <= CALLERS_MAX
    until(lambda: threads() == 0)


def test_who_has_asked_is_answered_though_others_press(served: LocalPage) -> None:
    told: list[bytes] = []
    patient = threading.Thread(target=lambda: told.append(ask(served.port, "GET", "/slow")[1]))
    patient.start()
    until(lambda: threads() == 1)
    time.sleep(0.1)
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=10))
        patient.join(10)
    assert told == [b"GET /slow {}"]


def test_a_house_full_of_those_being_answered_says_so(served: LocalPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS_MAX", 0.05)
    callers = [threading.Thread(target=lambda: ask(served.port, "GET", "/slow")) for _ in range(CALLERS_MAX)]
    for caller in callers:
        caller.start()
    until(lambda: not served._server._asking and threads() == CALLERS_MAX)
    assert b" 503 " in say(served.port, b"")
    for caller in callers:
        caller.join()
    assert ask(served.port, "GET", "/gw")[0] == 200


def test_a_caller_who_never_says_the_rest_is_let_go(served: LocalPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._Handler, "timeout", 0.3)
    monkeypatch.setattr(module, "SOCKET_SECONDS_MAX", 0.3)
    for words in (b"", b"GET /gw", b"POST /f HTTP/1.1\r\nContent-Length: 9\r\n\r\na="):
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as caller:
            caller.sendall(words)
            with contextlib.suppress(ConnectionError):
                while caller.recv(4_096):
                    pass
    until(lambda: threads() == 0)


def test_a_caller_who_hangs_up_leaves_nothing_behind(served: LocalPage) -> None:
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as caller:
            caller.sendall(b"GET /chunks HTTP/1.1\r\n\r\n")
    until(lambda: threads() == 0)
    assert ask(served.port, "GET", "/gw")[0] == 200


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingProblem, match=rf"gateway\.local_page_port: 127\.0\.0\.1:{port}"):
            LocalPage(("127.0.0.1", port), answer)


def test_closing_frees_the_port() -> None:
    page = LocalPage(("127.0.0.1", 0), answer)
    port = page.port
    page.close()
    again = LocalPage(("127.0.0.1", port), answer)
    again.close()


def test_it_needs_no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> str:
        raise OSError("no name server")

    monkeypatch.setattr(socket, "getfqdn", away)
    made: Callable[[], LocalPage] = lambda: LocalPage(("127.0.0.1", 0), answer)  # noqa: E731 - made and closed below
    page = made()
    assert ask(page.port, "GET", "/gw")[0] == 200
    page.close()
