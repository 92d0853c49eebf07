"""The gateway at a real Mosquitto that wants certificates: what it says and does when one of them is wrong."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from edge_agent.outbox.outbox import Outbox
from edge_agent.settings.file import load_settings
from edge_agent.uplink.uplink import Uplink
from sheetal.contracts.clock import now_ms
from tests.edge_agent.kit import GATEWAY, FakeIngest, sample, until, write_settings
from tests.edge_agent.remote.test_check import check
from tests.edge_agent.tls_kit import Authority, Pair
from tests.stack.servers import MOSQUITTO, Server, free_port, port_answers, running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack
ACCESS = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto" / "access"


class Broker(NamedTuple):
    """A Mosquitto with an inner listener for services and an outer one for gateways."""

    inner: int
    outer: int
    authority: Authority
    revoked: Pair


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("mosquitto")
    authority = Authority(folder / "office")
    pair, revoked = authority.server(), authority.client(GATEWAY, file="revoked")
    inner, outer = free_port(), free_port()
    lines = [
        *(["user root"] if os.geteuid() == 0 else []),
        "per_listener_settings true",
        f"listener {inner} 127.0.0.1",
        "allow_anonymous true",
        f"listener {outer} 127.0.0.1",
        "allow_anonymous false",
        f"certfile {pair.certificate}",
        f"keyfile {pair.key}",
        f"cafile {authority.file}",
        f"crlfile {authority.revoke(revoked)}",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        f"acl_file {ACCESS}",
    ]
    settings = folder / "mosquitto.conf"
    settings.write_text("\n".join(lines) + "\n")
    server = Server("", [str(MOSQUITTO), "-c", str(settings)], folder / "mosquitto.log", lambda: port_answers(outer))
    with running(server):
        yield Broker(inner, outer, authority, revoked)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.db")
    opened.add_rows([sample(0)._replace(measured_at_ms=now_ms(), notable=True)])
    yield opened
    opened.close()


def config(folder: Path, broker: Broker, pair: Pair | None, *, ca: Path | None = None, host: str = "127.0.0.1") -> Path:
    lines = [f'broker_ca_file = "{ca or broker.authority.file}"']
    if pair is not None:
        lines += [f'certificate_file = "{pair.certificate}"', f'certificate_key_file = "{pair.key}"']
    return write_settings(folder, f"mqtts://{host}:{broker.outer}", gateway="\n".join(lines))


def is_troubled(file: Path, box: Outbox, words: str) -> bool:
    """Whether the gateway says so within some tries; it must neither come in nor give up."""
    uplink = Uplink(load_settings(file), box)
    uplink.start()
    try:
        until(lambda: words in uplink.status().problem)
        time.sleep(2.0)
        assert uplink.is_alive()
        assert not uplink.status().connected
        assert box.pending_count() == 1
        return words in uplink.status().problem
    finally:
        uplink.stop()


def test_with_its_certificate_a_gateway_comes_in_and_its_rows_are_stored(
    broker: Broker, box: Outbox, tmp_path: Path
) -> None:
    uplink = Uplink(load_settings(config(tmp_path, broker, broker.authority.client(GATEWAY))), box)
    with FakeIngest(broker.inner) as ingest:
        uplink.start()
        try:
            until(lambda: box.pending_count() == 0)
            assert (uplink.status().connected, uplink.status().problem) == (True, "")
            assert len(ingest.stored) == 1
        finally:
            uplink.stop()
        ingest.clear_retained()


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("expired", "gateway's certificate expired"),
        ("wrong authority", "does not know who signed"),
        ("revoked", "revoked"),
        ("missing", "wants a certificate"),
        ("another's key", "not the key of"),
    ],
)
def test_a_wrong_certificate_is_told_once_and_tried_again_and_again(
    broker: Broker, box: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, which: str, words: str
) -> None:
    ours = broker.authority
    pair = {
        "expired": lambda: ours.client(GATEWAY, days=-1, file="expired"),
        "wrong authority": lambda: Authority(tmp_path / "stranger", "Stranger").client(GATEWAY),
        "revoked": lambda: broker.revoked,
        "missing": lambda: None,
        "another's key": lambda: Pair(ours.client(GATEWAY).certificate, ours.client("gw-u").key),
    }[which]()
    with caplog.at_level(logging.INFO):
        assert is_troubled(config(tmp_path, broker, pair), box, words)
    assert sum(words in record.getMessage() for record in caplog.records) == 1
    assert "Traceback" not in caplog.text


def test_a_broker_that_is_not_believed_is_told_nothing(broker: Broker, box: Outbox, tmp_path: Path) -> None:
    pair = broker.authority.client(GATEWAY)
    stranger = Authority(tmp_path / "stranger", "Stranger")
    assert is_troubled(config(tmp_path, broker, pair, ca=stranger.file), box, "unknown authority")
    assert is_troubled(config(tmp_path, broker, pair, host="localhost"), box, "another name")


def test_a_renewed_certificate_is_taken_without_a_restart(broker: Broker, box: Outbox, tmp_path: Path) -> None:
    expired = broker.authority.client(GATEWAY, days=-1, file="renewed")
    uplink = Uplink(load_settings(config(tmp_path, broker, expired)), box)
    with FakeIngest(broker.inner) as ingest:
        uplink.start()
        try:
            until(lambda: "expired" in uplink.status().problem)
            assert broker.authority.client(GATEWAY, file="renewed") == expired
            until(lambda: box.pending_count() == 0)
            assert uplink.status().problem == ""
        finally:
            uplink.stop()
        ingest.clear_retained()


def test_a_certificate_that_ends_soon_is_told_while_all_goes_well(broker: Broker, box: Outbox, tmp_path: Path) -> None:
    pair = broker.authority.client(GATEWAY, days=12.5, file="soon")
    uplink = Uplink(load_settings(config(tmp_path, broker, pair)), box)
    with FakeIngest(broker.inner) as ingest:
        uplink.start()
        try:
            until(lambda: box.pending_count() == 0)
            assert "ends in 12 days" in uplink.status().problem
        finally:
            uplink.stop()
        ingest.clear_retained()


def test_another_gateways_certificate_brings_no_row_in(broker: Broker, box: Outbox, tmp_path: Path) -> None:
    pair = broker.authority.client("gw-other")
    uplink = Uplink(load_settings(config(tmp_path, broker, pair)), box)
    with FakeIngest(broker.inner) as ingest:
        uplink.start()
        try:
            until(lambda: uplink.status().problem)
            time.sleep(1.0)
            assert (ingest.batches, ingest.others, box.pending_count()) == ([], [], 1)
        finally:
            uplink.stop()


def test_check_tells_the_whole_way(broker: Broker, tmp_path: Path) -> None:
    file = config(tmp_path, broker, broker.authority.client(GATEWAY))
    with FakeIngest(broker.inner) as ingest:
        ingest.answers_questions = True
        code, lines = check(file)
        ingest.clear_retained()
    assert code == 0, lines
    assert "TLSv1.3, name proved" in lines[3]
    code, lines = check(config(tmp_path, broker, broker.revoked), seconds=2)
    assert code == 1
    assert lines[-1].startswith("FAILED broker: this gateway's certificate is revoked")


def test_it_stops_at_once_whatever_is_wrong(broker: Broker, box: Outbox, tmp_path: Path) -> None:
    uplink = Uplink(load_settings(config(tmp_path, broker, None)), box)
    uplink.start()
    until(lambda: uplink.status().problem)
    began = time.monotonic()
    uplink.stop()
    assert time.monotonic() - began < 3.0
    until(lambda: "uplink" not in {thread.name for thread in threading.enumerate()})
