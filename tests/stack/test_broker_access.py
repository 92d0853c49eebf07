"""deploy/mosquitto/access on the real broker: who may say and hear what, measured by what is delivered."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

from demo import mosquitto as demo_mosquitto
from demo.mosquitto import ACCESS
from sheetal.contracts import topics
from sheetal.contracts.topics import DOWN, UP, Channel
from tests.stack.broker_users import User
from tests.stack.servers import Server, free_port, port_answers, running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

NAMES = ("ingest", "alerts", "gw-01", "gw-02")
LAST = b"the last word"
LISTENERS = {Channel.DATA: "ingest"} | dict.fromkeys(UP[1:], "alerts") | dict.fromkeys(DOWN, "gw-01")
"""Who legitimately hears each channel of gw-01."""
SPEAKERS = (
    dict.fromkeys(UP, "gw-01")
    | {Channel.ACK: "ingest"}
    | dict.fromkeys((Channel.ALARM_ACK, Channel.DESIRED, Channel.COMMAND), "alerts")
)
"""Who alone may speak on each channel of gw-01."""


class Enter(Protocol):
    """Lets a user in until the test's end."""

    def __call__(self, name: str, *, will: str | None = None) -> User: ...


def of_first(channel: Channel) -> str:
    return topics.of_gateway("gw-01", channel)


def filter_of(channel: Channel) -> str:
    """What a legitimate listener subscribes to."""
    if channel is Channel.DATA:
        return topics.shared("ingest", topics.of_every_gateway(channel))
    return topics.of_every_gateway(channel) if LISTENERS[channel] == "alerts" else of_first(channel)


@pytest.fixture(scope="module")
def passwords() -> dict[str, str]:
    return demo_mosquitto.make_passwords(NAMES)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, passwords: dict[str, str]) -> Iterator[int]:
    """The demo's Mosquitto, whose access rules are the shipped file itself."""
    programs = demo_mosquitto.find()
    assert programs is not None
    chosen, folder = free_port(), tmp_path_factory.mktemp("broker")
    settings = demo_mosquitto.write_settings(programs, folder, chosen, passwords)
    assert f"acl_file {ACCESS}\n" in settings.read_text()
    command = [programs.broker, "-c", str(settings)]
    server = Server(f"mqtt://127.0.0.1:{chosen}", command, folder / "broker.log", lambda: port_answers(chosen))
    with running(server):
        yield chosen


@pytest.fixture
def enter(port: int, passwords: dict[str, str]) -> Iterator[Enter]:
    with ExitStack() as stack:

        def come(name: str, *, will: str | None = None) -> User:
            return stack.enter_context(User(port, name, passwords[name], will=will))

        yield come


@pytest.mark.parametrize("channel", list(Channel))
def test_only_the_rightful_voice_is_heard_on_a_gateways_topic(enter: Enter, channel: Channel) -> None:
    listener = enter(LISTENERS[channel])
    assert listener.subscribe(filter_of(channel))
    for name in NAMES:
        if name != SPEAKERS[channel]:
            enter(name).publish(of_first(channel), f"forged by {name}".encode())
    enter(SPEAKERS[channel]).publish(of_first(channel), LAST)
    assert listener.next() == (of_first(channel), LAST)
    assert listener.heard.empty()


@pytest.mark.parametrize("channel", list(Channel))
def test_nobody_else_hears_a_gateways_topic(enter: Enter, channel: Channel) -> None:
    rightful = enter(LISTENERS[channel])
    rightful.subscribe(filter_of(channel))
    curious = [enter(name) for name in NAMES if name != LISTENERS[channel]]
    for user in curious:
        for wanted in (of_first(channel), topics.of_every_gateway(channel), "cc/#", "#", "+/v1/gw-01/#"):
            user.subscribe(wanted)
    enter(SPEAKERS[channel]).publish(of_first(channel), LAST)
    assert rightful.next()[1] == LAST
    for user in curious:
        user.publish("anywhere", b"a round trip, so that anything on its way has arrived")
        assert [message for message in user.all_heard() if message[0] == of_first(channel)] == []


def test_the_second_gateway_is_heard_as_itself_in_the_same_moment(enter: Enter) -> None:
    ingest, second = enter("ingest"), enter("gw-02")
    ingest.subscribe(filter_of(Channel.DATA))
    for number in range(50):
        second.publish(of_first(Channel.DATA), b"forged")
        second.publish(topics.of_gateway("gw-02", Channel.DATA), str(number).encode())
    heard = [ingest.next() for _ in range(50)]
    assert heard == [("cc/v1/gw-02/data", str(number).encode()) for number in range(50)]
    assert ingest.heard.empty()


def test_the_second_gateway_cannot_forge_an_ack(enter: Enter) -> None:
    first, second = enter("gw-01"), enter("gw-02")
    assert first.subscribe(of_first(Channel.ACK))
    for _ in range(20):
        second.publish(of_first(Channel.ACK), b"forged", retain=True)
    enter("ingest").publish(of_first(Channel.ACK), LAST)
    assert first.next() == (of_first(Channel.ACK), LAST)
    late = enter("gw-01")
    late.subscribe(of_first(Channel.ACK))
    enter("ingest").publish(of_first(Channel.ACK), LAST)
    assert late.next()[1] == LAST, "nor leave one behind for whoever subscribes next"


def test_a_will_cannot_say_what_its_owner_may_not(enter: Enter) -> None:
    alerts = enter("alerts")
    alerts.subscribe(filter_of(Channel.STATE))
    enter("gw-02", will=of_first(Channel.STATE)).cut()
    enter("gw-02", will=topics.of_gateway("gw-02", Channel.STATE)).cut()
    assert alerts.next() == ("cc/v1/gw-02/state", b"a will")
    assert alerts.heard.empty()


@pytest.mark.parametrize(
    ("topic", "speaker", "listener"),
    [(topics.STORED, "ingest", "alerts"), (topics.INGEST_ALIVE, "ingest", "ingest")],
)
def test_the_services_own_topics_are_theirs_alone(enter: Enter, topic: str, speaker: str, listener: str) -> None:
    hearing = enter(listener)
    assert hearing.subscribe(topic)
    for name in ("gw-01", "gw-02", "alerts"):
        enter(name).publish(topic, b"forged")
    enter(speaker).publish(topic, LAST)
    assert hearing.next() == (topic, LAST)
