from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING

import pytest

from edge_agent.remote.check import main
from tests.edge_agent.kit import FakeIngest, Hub, until, write_settings
from tests.edge_agent.test_app import gateway
from tests.edge_agent.tls_kit import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.broker import EmbeddedBroker


@pytest.fixture
def ingest(broker: EmbeddedBroker) -> Iterator[FakeIngest]:
    with FakeIngest(broker.port) as running:
        running.answers_questions = True
        yield running
        running.clear_retained()


def check(config: Path, seconds: float = 5.0) -> tuple[int, list[str]]:
    out = io.StringIO()
    code = main(["--config", str(config), "--seconds", str(seconds)], out)
    return code, out.getvalue().splitlines()


def test_a_whole_way_that_holds(ingest: FakeIngest, broker: EmbeddedBroker, tmp_path: Path) -> None:
    code, lines = check(write_settings(tmp_path, broker.url, hub_port=9))
    assert [line.split(":")[0] for line in lines] == [
        "ok     settings", "ok     sealing key", "ok     certificate", "ok     broker", "ok     ingest",
    ]  # fmt: skip
    assert code == 0
    assert "gw-t.ilr1-tvc" in lines[0]
    assert "clock off by" in lines[-1]
    assert ingest.batches[0].rows == []


def test_it_says_nothing_of_itself_and_leaves_the_outbox_alone(
    ingest: FakeIngest, broker: EmbeddedBroker, tmp_path: Path
) -> None:
    check(write_settings(tmp_path, broker.url))
    assert ingest.others == []
    assert not (tmp_path / "outbox.db").exists()


def test_a_gateway_that_runs_comes_back_by_itself(ingest: FakeIngest, broker: EmbeddedBroker, tmp_path: Path) -> None:
    with Hub() as hub:
        config = write_settings(tmp_path, broker.url, hub_port=hub.port)
        with gateway(config):
            until(lambda: ingest.states() and ingest.states()[-1].online)
            assert check(config)[0] == 0
            before = ingest.states()[-1].session
            until(lambda: ingest.states()[-1].online and ingest.states()[-1].session >= before)


def test_an_ingest_that_does_not_answer_is_told(ingest: FakeIngest, broker: EmbeddedBroker, tmp_path: Path) -> None:
    ingest.answers_questions = False
    code, lines = check(write_settings(tmp_path, broker.url), seconds=0.8)
    assert code == 1
    assert lines[-1].startswith("FAILED ingest: no answer within 0.8 s")


def test_a_broker_that_is_away_ends_the_way(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code, lines = check(write_settings(tmp_path, f"mqtt://127.0.0.1:{port}"))
    assert code == 1
    assert lines[-1].startswith("FAILED broker: the broker cannot be reached")
    assert len(lines) == 4


def test_settings_that_do_not_hold_are_one_line(tmp_path: Path) -> None:
    config = write_settings(tmp_path)
    (tmp_path / "gateway.key").chmod(0o644)
    code, lines = check(config)
    assert code == 2
    [line] = lines
    assert line.startswith("FAILED settings: ")
    assert "chmod 600" in line


@pytest.mark.parametrize(
    ("days", "line"),
    [(90.5, "ok     certificate: until "), (-3, "FAILED certificate: ended on "), (None, "FAILED certificate: ")],
)
def test_the_certificates_dates_are_told(tmp_path: Path, days: float | None, line: str) -> None:
    pair = Authority(tmp_path / "office").client("gw-t", days=days or 1)
    if days is None:
        pair.certificate.write_text("garbage")
    names = f'certificate_file = "{pair.certificate}"\ncertificate_key_file = "{pair.key}"'
    _, lines = check(write_settings(tmp_path, "mqtts://127.0.0.1:1", gateway=names))
    assert lines[2].startswith(line)
    assert "90 days left" in lines[2] or days != 90.5
