from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import SettingProblem
from sheetal.health import answer, ask, main, serve_health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sheetal.health import HealthServer

ROOT = Path(__file__).resolve().parents[2]


def get(port: int, path: str = "/healthz") -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[], dict[str, object]]], HealthServer]]:
    running: list[HealthServer] = []

    def start(check: Callable[[], dict[str, object]]) -> HealthServer:
        running.append(serve_health("127.0.0.1", 0, check))
        return running[-1]

    yield start
    for server in running:
        server.close()


def test_a_good_check_is_200_with_its_facts(serve: Callable[..., HealthServer]) -> None:
    server = serve(lambda: {"ok": True, "queue": 3})
    assert get(server.port) == (200, {"ok": True, "queue": 3})


@pytest.mark.parametrize("found", [{"ok": False}, {}, {"ok": "yes"}, {"ok": 1}])
def test_anything_but_ok_true_is_503(serve: Callable[..., HealthServer], found: dict[str, object]) -> None:
    assert get(serve(lambda: found).port) == (503, found)


def test_a_check_that_raises_is_503_and_tells_no_secrets(serve: Callable[..., HealthServer]) -> None:
    def check() -> dict[str, object]:
        raise RuntimeError("password=hunter2")

    server = serve(check)
    assert get(server.port) == (503, {"ok": False, "problem": "RuntimeError"})
    assert get(server.port)[0] == 503


def test_other_paths_and_methods_are_refused(serve: Callable[..., HealthServer]) -> None:
    server = serve(lambda: {"ok": True})
    assert get(server.port, "/")[0] == 404
    assert get(server.port, "/healthz?x=1")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=3)
    connection.request("POST", "/healthz")
    assert connection.getresponse().status == 501
    connection.close()


def test_the_answer_changes_with_the_check() -> None:
    state = {"ok": True}
    assert answer(lambda: dict(state))[0] == 200
    state["ok"] = False
    assert answer(lambda: dict(state))[0] == 503


def test_a_silent_client_delays_neither_others_nor_the_stop(serve: Callable[..., HealthServer]) -> None:
    server = serve(lambda: {"ok": True})
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.send(b"GET /hea")
        assert get(server.port)[0] == 200
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 1


def test_a_taken_port_names_the_variable_and_the_address() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingProblem) as caught:
            serve_health("127.0.0.1", port, lambda: {"ok": True})
    assert caught.value.facts["variable"] == "SHEETAL_HEALTH_PORT"
    assert f"127.0.0.1:{port}" in caught.value.message


def test_a_port_out_of_range_is_a_setting_problem() -> None:
    with pytest.raises(SettingProblem):
        serve_health("127.0.0.1", 70_000, lambda: {"ok": True})


def test_close_frees_the_port_and_ends_the_thread() -> None:
    server = serve_health("127.0.0.1", 0, lambda: {"ok": True})
    get(server.port)
    server.close()
    assert not any(thread.name == "health" for thread in threading.enumerate())
    with socket.socket() as next_one:
        next_one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        next_one.bind(("127.0.0.1", server.port))


def page_of(server: HealthServer, path: str = "/healthz") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def test_the_command_tells_a_well_service_from_a_sick_one(
    serve: Callable[..., HealthServer], capsys: pytest.CaptureFixture[str]
) -> None:
    well, sick = serve(lambda: {"ok": True, "waiting": 0}), serve(lambda: {"ok": False, "problem": "no broker"})
    assert main([page_of(well)]) == 0
    assert capsys.readouterr().out == '200 {"ok": true, "waiting": 0}\n'
    assert main([page_of(sick)]) == 1
    assert capsys.readouterr().err == '503 {"ok": false, "problem": "no broker"}\n'
    assert main([page_of(well, "/other")]) == 1


def test_nobody_there_is_not_well_and_said_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert main([f"http://127.0.0.1:{bound.getsockname()[1]}/healthz"]) == 1
    assert capsys.readouterr().err == "no answer: ConnectionRefusedError\n"


def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sheetal.health.ASK_SECONDS_MAX", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert ask(f"http://127.0.0.1:{silent.getsockname()[1]}/healthz") == (False, "no answer: TimeoutError")


def test_one_that_speaks_another_language_is_not_well() -> None:
    def greet(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1_000)
            connection.sendall(b"220 mail.example ESMTP\r\n")

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        thread = threading.Thread(target=greet, args=(other,))
        thread.start()
        assert ask(f"http://127.0.0.1:{other.getsockname()[1]}/")[0] is False
        thread.join()


@pytest.mark.parametrize(
    "arguments",
    [[], ["a", "b"], ["healthz"], ["ftp://127.0.0.1/x"], ["http://"], ["http://127.0.0.1:99999/"], ["http://[/"]],
)
def test_a_wrong_use_is_one_line_and_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_module_is_the_command(serve: Callable[..., HealthServer]) -> None:
    command = [sys.executable, "-m", "sheetal.health", page_of(serve(lambda: {"ok": True}))]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, '200 {"ok": true}\n', "")


def raw(port: int, path: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read()
    finally:
        connection.close()


@pytest.fixture
def serve_all() -> Iterator[Callable[..., HealthServer]]:
    running: list[HealthServer] = []

    def start(**pages: Callable[[], object]) -> HealthServer:
        running.append(serve_health("127.0.0.1", 0, lambda: {"ok": True}, **pages))  # type: ignore[arg-type]  # as given
        return running[-1]

    yield start
    for server in running:
        server.close()


def test_readiness_is_asked_apart_from_health(serve_all: Callable[..., HealthServer]) -> None:
    server = serve_all(ready=lambda: {"ok": False, "problem": "the inbox is full"})
    assert get(server.port)[0] == 200
    assert get(server.port, "/readyz") == (503, {"ok": False, "problem": "the inbox is full"})


def test_without_a_readiness_of_its_own_health_answers_for_it(serve: Callable[..., HealthServer]) -> None:
    state = {"ok": True}
    server = serve(lambda: dict(state))
    assert get(server.port, "/readyz")[0] == 200
    state["ok"] = False
    assert get(server.port, "/readyz")[0] == 503


def test_metrics_come_as_they_are_and_only_where_there_are_some(serve_all: Callable[..., HealthServer]) -> None:
    server = serve_all(metrics=lambda: ("text/plain; version=0.0.4", b"sheetal_x 1\n"))
    assert raw(server.port, "/metrics") == (200, "text/plain; version=0.0.4", b"sheetal_x 1\n")
    assert raw(serve_all().port, "/metrics")[0] == 404


def test_metrics_that_fail_are_500_and_tell_no_secrets(serve_all: Callable[..., HealthServer]) -> None:
    def fail() -> tuple[str, bytes]:
        raise RuntimeError("password=hunter2")

    server = serve_all(metrics=fail)
    assert raw(server.port, "/metrics") == (500, "application/json", b'{"problem": "RuntimeError"}')
    assert get(server.port)[0] == 200


def test_one_that_hangs_up_early_leaves_no_trace(
    serve_all: Callable[..., HealthServer], capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve_all(metrics=lambda: ("text/plain", b"x" * 10_000_000))
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port)) as hasty:
            hasty.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            hasty.recv(10)
    assert get(server.port)[0] == 200
    assert capfd.readouterr().err == ""
