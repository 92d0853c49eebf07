from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import SettingProblem
from sheetal.health import answer, serve_health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sheetal.health import HealthServer


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
