from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import apprise as library
import pytest

from alerts.notify.channels import apprise
from alerts.notify.message import Message
from benchmarks.faults.stub_channels import SECRET, Channels, Mode
from sheetal.ledger.contacts import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ["email", "sms", "chat", "webhook"]
MESSAGE = Message("Cold chain F-101", "Holding H-1 is held. होल्डिंग रोकी गई।\nRef N1", is_urgent=True)


@pytest.fixture
def channels() -> Iterator[Channels]:
    with Channels() as made:
        yield made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise, "CONNECT_SECONDS_MAX", 0.3)
    monkeypatch.setattr(apprise, "ANSWER_SECONDS_MAX", 0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_arrives_whole_in_both_scripts(channels: Channels, kind: str) -> None:
    assert apprise.send(channels.address(kind), MESSAGE) is None
    (heard,) = channels.servers[kind].taken
    assert heard.replace("\r", "").strip() == f"{MESSAGE.title}\n{MESSAGE.body}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [Mode.DOWN, Mode.SLOW, Mode.REFUSING, Mode.LYING])
def test_a_failure_is_told_without_any_secret(
    channels: Channels, kind: str, mode: Mode, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)  # as every service logs
    channels.servers[kind].set(mode)
    problem = apprise.send(channels.address(kind), MESSAGE)
    assert problem is not None
    assert problem.startswith(f"{kind}: ")
    if mode is Mode.REFUSING and kind != "email":
        assert problem == f"{kind}: refused with 503"
    written = capfd.readouterr()
    assert SECRET not in problem + caplog.text + written.out + written.err
    channels.servers[kind].set(Mode.UP)
    assert apprise.send(channels.address(kind), MESSAGE) is None


def test_files_go_along_where_the_channel_can_carry_them(channels: Channels, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(b"%PDF-1.7 sample")
    with_file = MESSAGE._replace(attachments=(file,))
    for kind in ("email", "chat"):
        assert apprise.send(channels.address(kind), with_file) is None
    assert [channels.servers[kind].heard[0].attachments for kind in ("email", "chat")] == [1, 0]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "syslog://", "words", "rocket://host"])
def test_an_address_that_reaches_nobody_is_a_problem(address: str) -> None:
    problem = apprise.send(address, MESSAGE)
    assert problem is not None
    assert address not in problem


def test_every_scheme_that_a_contact_may_use_is_one_of_the_librarys() -> None:
    known = set()
    for one in library.Apprise().details()["schemas"]:
        known |= {*(one["protocols"] or ()), *(one["secure_protocols"] or ())}
    assert set(SCHEMES) - known == set()


def test_an_address_is_understood_or_not(channels: Channels) -> None:
    assert all(apprise.is_understood(channels.address(kind)) for kind in KINDS)
    assert not apprise.is_understood("rocket://host")
