from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest

from edge_agent.local.page import LocalPage
from edge_agent.local.view import Snapshot
from edge_agent.outbox import Counts
from edge_agent.uplink import UplinkStatus
from sheetal.contracts.problem import SettingProblem


def snapshot() -> Snapshot:
    counts = Counts(pending=41, delivered=5, refused=0, alarms_pending=1, dropped=0)
    status = UplinkStatus(connected=True, session=1, last_ack_at_ms=None, items_in_flight=0)
    return Snapshot("gw-t", 0, [], counts, status, [True])


def get(port: int, path: str) -> tuple[int, str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.status, answer.read().decode(), answer.headers["Content-Security-Policy"]


def test_it_is_served_in_both_languages_and_nothing_else_is() -> None:
    served = LocalPage(("127.0.0.1", 0), snapshot)
    try:
        status, told, policy = get(served.port, "/gw")
        assert (status, "Waiting to send" in told) == (200, True)
        assert policy == "default-src 'none'; style-src 'unsafe-inline'"
        assert "भेजना बाकी" in get(served.port, "/gw?lang=hi")[1]
        assert "Waiting to send" in get(served.port, "/gw?lang=xx")[1]
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(served.port, "/etc/passwd")
        assert caught.value.code == 404
        caught.value.close()
    finally:
        served.close()


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingProblem, match=rf"gateway\.local_page_port: 127\.0\.0\.1:{port}"):
            LocalPage(("127.0.0.1", port), snapshot)
