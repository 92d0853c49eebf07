from __future__ import annotations

import smtplib
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.stub_channels import BROKEN, SECRET, Channels, Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.faults.stub_channels import StubServer

MAIL = "Subject: Cold chain\r\n\r\n.starts with a dot\r\n"


@pytest.fixture
def channels() -> Iterator[Channels]:
    with Channels() as made:
        yield made


def post(server: StubServer, body: bytes = b'{"message": "words"}') -> int:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=0.5)
    try:
        connection.request("POST", "/x", body)
        return connection.getresponse().status
    finally:
        connection.close()


def mail(server: StubServer) -> None:
    with smtplib.SMTP("127.0.0.1", server.port, timeout=0.5) as client:
        client.sendmail("a@example.in", ["b@example.in"], MAIL)


def test_a_server_that_is_up_takes_what_it_is_given(channels: Channels) -> None:
    hook, post_box = channels.servers["webhook"], channels.servers["email"]
    assert post(hook) == 200
    assert post(hook, b"not json") == 200
    mail(post_box)
    assert hook.taken == ["words", "not json"]
    assert post_box.taken == ["Cold chain\n.starts with a dot\r\n"]


@pytest.mark.parametrize("mode", BROKEN)
def test_no_broken_server_takes_a_message(channels: Channels, mode: Mode) -> None:
    hook, post_box = channels.servers["webhook"], channels.servers["email"]
    for server in (hook, post_box):
        server.set(mode)
    if mode is Mode.REFUSING:
        assert post(hook) == 503
    else:
        with pytest.raises((OSError, HTTPException, RemoteDisconnected)):
            post(hook)
    with pytest.raises((OSError, smtplib.SMTPException)):
        mail(post_box)
    assert hook.taken == post_box.taken == []


def test_a_server_comes_back_on_its_port(channels: Channels) -> None:
    hook = channels.servers["webhook"]
    port = hook.port
    hook.set(Mode.DOWN)
    hook.set(Mode.UP)
    assert hook.port == port
    assert post(hook) == 200


def test_every_address_holds_the_secret_that_must_not_show(channels: Channels) -> None:
    assert all(SECRET in channels.address(kind) for kind in channels.servers)
