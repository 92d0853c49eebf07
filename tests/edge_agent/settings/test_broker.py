from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_agent.settings.broker import (
    SOFTWARE_MS,
    Broker,
    BrokerSetting,
    broker_of,
    ending_soon,
    is_clock_wrong,
    is_loopback,
    secret_text,
    tls_context,
)
from edge_agent.settings.certificate import DAY_MS
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.tls_kit import Authority

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.client("gw-t")
    return made


def setting(url: str, **fields: object) -> BrokerSetting:
    return msgspec.convert({"broker_url": url, **fields}, BrokerSetting)


BOTH = {"certificate_file": "gw-t.pem", "certificate_key_file": "gw-t.key"}


@pytest.mark.parametrize(
    ("url", "fields", "broker"),
    [
        ("mqtts://broker.example", {}, ("broker.example", 8883, True)),
        ("mqtts://broker.example:18883/", {}, ("broker.example", 18883, True)),
        ("mqtt://127.0.0.1", {}, ("127.0.0.1", 1883, False)),
        ("mqtt://[::1]:9", {}, ("::1", 9, False)),
        ("mqtt://localhost:9", {}, ("localhost", 9, False)),
        ("mqtt://broker.example", {"plaintext": True}, ("broker.example", 1883, False)),
        ("mqtts://broker.example", {"plaintext": True}, ("broker.example", 8883, True)),
    ],
)
def test_addresses(tmp_path: Path, url: str, fields: dict[str, object], broker: tuple[str, int, bool]) -> None:
    assert broker_of(setting(url, **fields), tmp_path)[:3] == broker


@pytest.mark.parametrize(
    ("url", "fields", "named"),
    [
        ("mqtt://broker.example", {}, "sends in the clear"),
        ("mqtt://192.168.1.4", {}, "sends in the clear"),
        ("mqtt://127.0.0.1.example", {}, "sends in the clear"),
        ("mqtt://127.0.0.1", {"broker_ca_file": "ca.pem"}, "only used with mqtts"),
        ("mqtt://127.0.0.1", BOTH, "only used with mqtts"),
        ("mqtts://b", {"certificate_file": "gw-t.pem"}, "certificate_key_file"),
        ("mqtts://b", {"certificate_key_file": "gw-t.key"}, "certificate_file"),
        ("mqtts://b", BOTH | {"certificate_file": "none.pem"}, "cannot read"),
        ("mqtts://b", BOTH | {"certificate_key_file": "none.key"}, "cannot read"),
        ("mqtts://b", {"broker_ca_file": "none.pem"}, "gateway.broker_ca_file"),
        ("ws://b", {}, "gateway.broker_url"),
        ("mqtts://u:p@b", {}, "gateway.broker_url"),
        ("mqtts://b:0x", {}, "gateway.broker_url"),
        ("mqtts://a..b", {}, "gateway.broker_url"),
        ("mqtts://a b", {}, "gateway.broker_url"),
        ("mqtts://[::1", {}, "gateway.broker_url"),
    ],
)
@pytest.mark.usefixtures("authority")
def test_what_is_refused(tmp_path: Path, url: str, fields: dict[str, object], named: str) -> None:
    with pytest.raises(SettingProblem, match=re.escape(named)) as caught:
        broker_of(setting(url, **fields), tmp_path)
    assert "\n" not in caught.value.message


def test_there_is_no_way_to_switch_verification_off(tmp_path: Path, authority: Authority) -> None:
    fields = {field.name for field in msgspec.structs.fields(BrokerSetting)}
    assert not [name for name in fields if re.search("insecure|verif|skip|trust", name)]
    for broker in (
        broker_of(setting("mqtts://b"), tmp_path),
        broker_of(setting("mqtts://b", plaintext=True, broker_ca_file=authority.file.name, **BOTH), tmp_path),
    ):
        context = tls_context(broker, now_ms())
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_ca_file_is_the_only_authority_that_is_believed(tmp_path: Path, authority: Authority) -> None:
    context = tls_context(broker_of(setting("mqtts://b", broker_ca_file=authority.file.name), tmp_path), now_ms())
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("days_from_now", "wrong"), [(-365 * 50, True), (-1.5, True), (0, False), (89, False), (91, True), (365 * 70, True)]
)
@pytest.mark.usefixtures("authority")
def test_the_own_certificate_tells_a_wrong_clock(tmp_path: Path, days_from_now: float, *, wrong: bool) -> None:
    broker = broker_of(setting("mqtts://b", **BOTH), tmp_path)
    assert is_clock_wrong(broker, now_ms() + round(days_from_now * DAY_MS)) is wrong


@pytest.mark.parametrize(("at_ms", "wrong"), [(0, True), (SOFTWARE_MS - 1, True), (SOFTWARE_MS, False)])
def test_without_a_certificate_only_a_clock_before_the_software_is_wrong(at_ms: int, *, wrong: bool) -> None:
    assert is_clock_wrong(Broker("b", 8883, tls=True), at_ms) is wrong


@pytest.mark.usefixtures("authority")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gw-t.key").chmod(0o644)
    with pytest.raises(SettingProblem, match="chmod 600"):
        broker_of(setting("mqtts://b", **BOTH), tmp_path)


@pytest.mark.parametrize("damage", ["garbage", "another key"])
def test_files_that_cannot_be_used_are_the_links_problem_and_stop_no_gateway(
    tmp_path: Path, authority: Authority, damage: str
) -> None:
    key = tmp_path / "gw-t.key"
    key.write_bytes(b"garbage" if damage == "garbage" else authority.client("gw-u").key.read_bytes())
    broker = broker_of(setting("mqtts://b", **BOTH), tmp_path)
    with pytest.raises(ssl.SSLError):
        tls_context(broker, now_ms())


@pytest.mark.parametrize(
    ("days", "said"),
    [(31.5, ""), (30.5, "ends in 30 days"), (0.5, "ends in 0 days"), (-1, "has ended"), (-400, "has ended")],
)
def test_a_certificate_that_ends_soon_is_told(tmp_path: Path, authority: Authority, days: float, said: str) -> None:
    authority.client("gw-t", days=days)
    words = ending_soon(broker_of(setting("mqtts://b", **BOTH), tmp_path), now_ms())
    assert said in words
    assert bool(words) == bool(said)


def test_without_a_certificate_none_ends() -> None:
    assert ending_soon(Broker("b", 8883, tls=True), now_ms()) == ""


def test_a_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("open sesame\n")
    path.chmod(0o400)
    assert secret_text(path, "gateway.password_file") == "open sesame"


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_loopback(host: str, is_here: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_loopback(host) is is_here


def test_a_failed_handshake_leaves_no_open_socket(tmp_path: Path, authority: Authority) -> None:
    context = tls_context(broker_of(setting("mqtts://b", broker_ca_file=authority.file.name), tmp_path), now_ms())
    ours, theirs = socket.socketpair()
    with theirs, context.wrap_socket(ours, server_hostname="b", do_handshake_on_connect=False) as spoken:
        theirs.sendall(b"not TLS at all, but long enough to be read as some")
        with pytest.raises(ssl.SSLError):
            spoken.do_handshake()
        assert spoken.fileno() == -1
