from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import update

from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import TWIN_BYTES_MAX, Command, CommandKind, Desired, Outcome, Reported, TwinState
from sheetal.ledger import assets, audit, downlink, gateway_twins
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.gateway_twins import COMMAND_MS, RESEND_COMMAND_MS, WAITING_COMMANDS_MAX, Twin
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, GATEWAY, NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

CONFIG = {"uplink": {}, "source": [{"kind": "ds01_tcp", "probe": [{"probe": "ilr1-tvc", "interval_ms": 60000}]}]}
BOOT = 3 << 32
SAID = Reported(
    gateway=GATEWAY,
    boot=BOOT,
    at_ms=NOW_MS,
    version=0,
    state=TwinState.AS_INSTALLED,
    problem="",
    config=msgspec.Raw(msgspec.json.encode(CONFIG)),
    outcomes=[Outcome(id="c-1", kind=CommandKind.IDENTIFY, at_ms=NOW_MS, done=True, detail="")],
)


def said(**changes: object) -> Reported:
    return msgspec.structs.replace(SAID, **changes)


def put(ledger: Ledger, one: Reported, now_ms: int = NOW_MS) -> bool:
    with ledger.write() as conn:
        return gateway_twins.put_reported(conn, one, now_ms)


def twin(ledger: Ledger) -> Twin:
    with ledger.read() as conn:
        return gateway_twins.twin(conn, GATEWAY)


def send(ledger: Ledger, built_on: int = 0, config: object = CONFIG) -> int:
    with ledger.write() as conn:
        return gateway_twins.send_desired(conn, GATEWAY, config, built_on, ACTOR, NOW_MS)


def command(ledger: Ledger, kind: CommandKind = CommandKind.IDENTIFY, span: tuple[int, int] | None = None) -> Command:
    with ledger.write() as conn:
        return gateway_twins.send_command(conn, GATEWAY, kind, ACTOR, NOW_MS, span=span)


def reported(ledger: Ledger) -> Reported:
    found = twin(ledger).reported
    assert found is not None
    return found


def test_nothing_sent_and_nothing_said_is_an_empty_twin(house: Ledger) -> None:
    assert twin(house) == Twin(gateway_id=GATEWAY, desired_version=0, reported=None, received_at_ms=None)
    with house.read() as conn:
        assert gateway_twins.newest_desired(conn, GATEWAY) is None
        assert gateway_twins.twins(conn, [GATEWAY]) == {}


def test_a_report_is_kept_whole_with_the_instant_it_came(house: Ledger) -> None:
    assert put(house, SAID, NOW_MS + 7)
    found = twin(house)
    assert (found.reported, found.received_at_ms, found.is_pending) == (SAID, NOW_MS + 7, False)


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [
        ({"at_ms": NOW_MS + 1}, True),
        ({"at_ms": NOW_MS}, True),
        ({"at_ms": NOW_MS - 1}, False),
        ({"boot": BOOT - 1, "at_ms": NOW_MS + 10**9}, False),
        ({"boot": BOOT + 1, "at_ms": 1}, True),
    ],
    ids=["later", "again", "earlier", "earlier boot with a wild clock", "later boot without a clock"],
)
def test_an_older_report_is_ignored(house: Ledger, changes: dict[str, int], is_kept: bool) -> None:  # noqa: FBT001
    put(house, SAID)
    assert put(house, said(**changes), NOW_MS + 5) is is_kept
    assert reported(house).at_ms == (changes["at_ms"] if is_kept else NOW_MS)


def test_a_clock_that_ran_ahead_and_was_set_right_is_heard(house: Ledger) -> None:
    put(house, said(at_ms=NOW_MS + 10**10))
    assert put(house, said(at_ms=NOW_MS + 1), NOW_MS + 1)
    assert reported(house).at_ms == NOW_MS + 1


def test_a_gateway_taken_in_anew_begins_anew(house: Ledger) -> None:
    put(house, said(version=4))
    with house.write() as conn:
        conn.execute(update(gateway).where(gateway.c.id == GATEWAY).values(enrolled_at_ms=NOW_MS + 10))
    assert put(house, said(boot=1, at_ms=1), NOW_MS + 20)
    assert (reported(house).boot, twin(house).desired_version) == (1, 0)


def test_a_gateway_out_of_service_is_not_heard(house: Ledger) -> None:
    with house.write() as conn:
        assets.retire_gateway(conn, GATEWAY, NOW_MS)
    with pytest.raises(NotFound):
        put(house, SAID)
    with pytest.raises(NotFound):
        put(house, said(gateway="gw-99"))


def test_each_configuration_is_the_next_version_and_queued(house: Ledger) -> None:
    assert [send(house), send(house, 1), send(house, 2)] == [1, 2, 3]
    assert (twin(house).desired_version, twin(house).is_pending) == (3, True)
    with house.read() as conn:
        bodies = [msgspec.json.decode(one.body, type=Desired) for one in downlink.unpublished(conn)]
        newest = gateway_twins.newest_desired(conn, GATEWAY)
        entry = audit.entries(conn, FACILITY, 1)[0]
    assert [(one.gateway, one.version, one.issued_at_ms) for one in bodies] == [(GATEWAY, n, NOW_MS) for n in (1, 2, 3)]
    assert newest == bodies[-1]
    assert msgspec.json.decode(bodies[-1].config) == CONFIG
    assert (entry.act, entry.actor, msgspec.json.decode(entry.detail)["version"]) == ("sent_desired", ACTOR, 3)


def test_a_version_is_decided_on_when_the_gateway_says_so(house: Ledger) -> None:
    send(house)
    put(house, said(version=1, state=TwinState.ROLLED_BACK, problem="no ack in 120 s"))
    assert not twin(house).is_pending
    assert reported(house).problem == "no ack in 120 s"


def test_a_ledger_that_forgot_goes_on_above_what_the_gateway_decided_on(house: Ledger) -> None:
    put(house, said(version=41))
    assert send(house) == 42


def test_what_was_built_on_something_older_is_refused(house: Ledger) -> None:
    send(house)
    with pytest.raises(Refused) as refused:
        send(house)
    assert refused.value.facts["reason"] == "changed_meanwhile"
    assert twin(house).desired_version == 1


def test_of_two_who_change_at_once_one_succeeds(house: Ledger) -> None:
    def attempt(_: int) -> int | None:
        try:
            return send(house)
        except Refused:
            return None

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4)), key=str) == [1, None, None, None]
    with house.read() as conn:
        assert len(downlink.unpublished(conn)) == 1


def test_what_is_too_large_leaves_no_version_behind(house: Ledger) -> None:
    with pytest.raises(Refused) as refused:
        send(house, config={"x": "y" * TWIN_BYTES_MAX})
    assert refused.value.facts["reason"] == "too_large"
    assert twin(house).desired_version == 0


def test_nothing_is_sent_to_a_gateway_that_nobody_knows(house: Ledger) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        gateway_twins.send_desired(conn, "gw-99", CONFIG, 0, ACTOR, NOW_MS)
    with house.write() as conn, pytest.raises(NotFound):
        gateway_twins.send_command(conn, "gw-99", CommandKind.IDENTIFY, ACTOR, NOW_MS)


@pytest.mark.parametrize("kind", list(CommandKind))
def test_a_command_has_an_id_of_its_own_and_an_end(house: Ledger, kind: CommandKind) -> None:
    span = (1, 2) if kind is CommandKind.RESEND else None
    first, second = command(house, kind, span), command(house, kind, span)
    assert first.id != second.id
    lives_ms = RESEND_COMMAND_MS if kind is CommandKind.RESEND else COMMAND_MS
    assert (first.kind, first.expires_at_ms - first.issued_at_ms) == (kind, lives_ms)
    assert (first.from_ms, first.until_ms) == (span or (None, None))
    with house.read() as conn:
        queued = [msgspec.json.decode(one.body, type=Command) for one in downlink.sent(conn, GATEWAY, Channel.COMMAND)]
        entry = audit.entries(conn, FACILITY, 1)[0]
    assert queued == [second, first]
    detail = msgspec.json.decode(entry.detail)
    assert (entry.act, detail["command"], detail["kind"]) == ("sent_command", second.id, kind.value)


def test_orders_do_not_pile_up(house: Ledger) -> None:
    for _ in range(WAITING_COMMANDS_MAX):
        command(house)
    with pytest.raises(Refused) as refused:
        command(house)
    assert refused.value.facts["reason"] == "too_many"
    with house.write() as conn:
        for one in downlink.unpublished(conn)[:1]:
            downlink.mark_published(conn, one.id, NOW_MS)
    assert command(house).kind is CommandKind.IDENTIFY


def test_an_order_is_open_until_its_outcome_is_reported_or_it_expires(house: Ledger) -> None:
    first, second = command(house), command(house, CommandKind.RESEND, (0, 1))
    with house.write() as conn:
        downlink.send_down(conn, GATEWAY, Channel.COMMAND, "no order", ACTOR, NOW_MS)

    def left(at_ms: int) -> list[str]:
        with house.read() as conn:
            sent = downlink.sent(conn, GATEWAY, Channel.COMMAND)
            found = gateway_twins.unanswered(conn, sent, at_ms)
            return [msgspec.json.decode(one.body, type=Command).id for one in found]

    assert left(NOW_MS) == [second.id, first.id]
    put(house, said())
    assert left(NOW_MS) == [second.id, first.id]
    assert left(NOW_MS + COMMAND_MS) == [second.id]
    assert left(NOW_MS + RESEND_COMMAND_MS) == []
    put(house, said(outcomes=[Outcome(id=second.id, kind=second.kind, at_ms=NOW_MS, done=False, detail="full")]))
    assert left(NOW_MS) == [first.id], "one that failed was heard"
