"""deploy/mosquitto/mosquitto.conf on the real broker: whom a certificate lets in, as whom, and until when.

The file is used as it is shipped; only places and ports are of this machine.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from portal.orchestration.gateway_ca import Authority, make_authority
from sheetal.contracts import topics
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.topics import DOWN, UP, Channel
from tests.stack.broker_office import open_office
from tests.stack.broker_users import User, is_let_in, until
from tests.stack.compose import raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stack.broker_office import Office

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

LAST = b"the last word"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


def foreign(folder: Path) -> Authority:
    make_authority(folder, name="State", demo=False, now_ms=now_ms())
    return Authority.load(folder, demo_allowed=False, now_ms=now_ms())


def test_the_right_certificate_comes_in_and_is_heard_under_its_own_name(office: Office) -> None:
    with office.service("ingest") as ingest, office.user("gw-01") as gateway:
        ingest.subscribe(topics.shared("ingest", topics.of_every_gateway(Channel.DATA)))
        gateway.publish("cc/v1/gw-02/data", b"forged")
        gateway.publish("cc/v1/gw-01/data", LAST)
        assert ingest.next() == ("cc/v1/gw-01/data", LAST)
        gateway.subscribe("cc/v1/gw-01/ack")
        ingest.publish("cc/v1/gw-01/ack", LAST)
        assert gateway.next() == ("cc/v1/gw-01/ack", LAST)


def test_without_a_certificate_nobody_comes_in_not_even_by_a_services_password(office: Office) -> None:
    assert not is_let_in(office.outer, office.context())
    assert not is_let_in(office.outer, office.context(), "ingest", office.passwords["ingest"])
    assert not is_let_in(office.outer), "nor in the clear"
    assert is_let_in(office.outer, office.come("gw-01")[0])


def test_an_expired_certificate_is_refused(office: Office) -> None:
    old, _ = office.come("gw-01", at_ms=now_ms() - 398 * DAY_MS)
    assert not is_let_in(office.outer, old)


def test_a_certificate_that_is_not_valid_yet_is_refused(office: Office) -> None:
    assert not is_let_in(office.outer, office.come("gw-01", at_ms=now_ms() + 2 * DAY_MS)[0])


def test_another_authoritys_certificate_is_refused_whatever_it_calls_itself(office: Office, tmp_path: Path) -> None:
    assert not is_let_in(office.outer, office.come("gw-01", by=foreign(tmp_path / "foreign"))[0])


def test_the_brokers_own_certificate_is_no_gateways(office: Office) -> None:
    context = office.context(office.folder / "server.crt", office.folder / "server.key")
    assert not is_let_in(office.outer, context)


def test_a_revoked_certificate_is_refused_once_the_broker_was_told_and_the_others_come_in(office: Office) -> None:
    lost, serial = office.come("gw-07")
    kept, _ = office.come("gw-07")
    assert is_let_in(office.outer, lost)
    office.revoked[serial] = now_ms()
    office.write_list()
    assert is_let_in(office.outer, lost), "a list alone changes nothing yet"
    office.tell_the_broker()
    assert not is_let_in(office.outer, lost)
    assert is_let_in(office.outer, kept)
    office.server.stop()
    office.server.start()
    assert not is_let_in(office.outer, lost), "nor after a fresh start"
    assert is_let_in(office.outer, kept)


def test_each_further_revocation_counts_however_quickly_they_follow(office: Office) -> None:
    many = [office.come(f"gw-1{number}") for number in range(4)]
    for number, (_, serial) in enumerate(many):
        office.revoked[serial] = now_ms()
        office.write_list()
        office.tell_the_broker()
        assert [is_let_in(office.outer, context) for context, _ in many] == [place > number for place in range(4)]


def test_a_list_that_nobody_renews_lets_no_gateway_in(office: Office) -> None:
    gateway, _ = office.come("gw-01")
    (office.folder / "gateways.crl").unlink()
    office.write_list(now_ms() - 8 * DAY_MS)
    office.server.stop()
    office.server.start()
    assert not is_let_in(office.outer, gateway)
    office.write_list()
    office.tell_the_broker()
    assert is_let_in(office.outer, gateway)


def test_the_reloading_of_the_compose_file_is_what_the_broker_understands(office: Office) -> None:
    lost, serial = office.come("gw-08")
    assert office.server.process is not None
    (script,) = raw()["services"]["broker-reload"]["command"]
    here = {
        "/mosquitto/gateways/": f"{office.folder}/",
        "kill -HUP 1 ": f"kill -HUP {office.server.process.pid} ",
        "sleep 10": "sleep 0.2",
        "$$": "$",
    }
    for place, own in here.items():
        assert place in script
        script = script.replace(place, own)
    loop = subprocess.Popen(["/bin/sh", "-c", script])
    try:
        assert is_let_in(office.outer, lost)
        office.revoked[serial] = now_ms()
        office.write_list()
        until(lambda: not is_let_in(office.outer, lost))
    finally:
        loop.kill()
        loop.wait()


def test_who_is_connected_when_revoked_stays_until_the_broker_starts_anew(office: Office) -> None:
    """The reason why ingest must stop believing it: docs/deploy.md tells."""
    context, serial = office.come("gw-09")
    with User(office.outer, "", "", client_id="gw-09", tls=context) as connected:
        office.revoked[serial] = now_ms()
        office.write_list()
        office.tell_the_broker()
        assert not is_let_in(office.outer, context)
        assert connected.is_up
        office.server.stop()
        office.server.start()
        until(lambda: not connected.is_up)


def test_a_client_id_is_the_certificates_own(office: Office) -> None:
    with office.user("gw-01") as first, office.user("gw-02", client_id="gw-01") as second:
        second.publish("cc/v1/gw-02/data", b"x")
        assert (first.is_up, first.losses, second.is_up) == (True, 0, True), "another's id pushes nobody out"
        with office.user("gw-01", client_id="something else"):
            until(lambda: first.losses == 1)


def test_a_typed_user_name_does_not_change_who_one_is(office: Office) -> None:
    context, _ = office.come("gw-02")
    with (
        office.service("ingest") as ingest,
        User(office.outer, "ingest", office.passwords["ingest"], client_id="ingest", tls=context) as second,
    ):
        ingest.subscribe("cc/v1/+/data")
        second.publish("cc/v1/gw-01/ack", b"forged")
        second.publish("cc/v1/gw-02/data", LAST)
        assert ingest.next() == ("cc/v1/gw-02/data", LAST)


@pytest.mark.parametrize("channel", list(Channel))
def test_the_access_rules_hold_for_who_came_by_certificate(office: Office, channel: Channel) -> None:
    own, topic = topics.of_gateway("gw-02", channel), topics.of_gateway("gw-01", channel)
    with (
        office.service("ingest" if channel in {Channel.DATA, Channel.ACK} else "alerts") as service,
        office.user("gw-01") as first,
        office.user("gw-02") as second,
    ):
        if channel in UP:
            service.subscribe(topics.of_every_gateway(channel))
            second.publish(topic, b"forged")
            second.publish(own, b"own")
            first.publish(topic, LAST)
            assert [service.next(), service.next()] == [(own, b"own"), (topic, LAST)]
        else:
            assert channel in DOWN
            for wanted in (topic, topics.of_every_gateway(channel), "#", own):
                second.subscribe(wanted)
            first.subscribe(topic)
            second.publish(topic, b"forged")
            service.publish(topic, LAST)
            assert first.next() == (topic, LAST)
            service.publish(own, LAST)
            assert [message for message in (second.next(), *second.all_heard()) if message[0] == topic] == []


def test_services_come_in_by_password_inside_and_by_none_but_their_own(office: Office) -> None:
    assert is_let_in(office.inner, None, "ingest", office.passwords["ingest"])
    assert not is_let_in(office.inner, None, "ingest", office.passwords["alerts"])
    assert not is_let_in(office.inner, None, "gw-01", "")
    assert not is_let_in(office.inner)
