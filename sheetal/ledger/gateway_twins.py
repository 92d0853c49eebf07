"""What a gateway should be and what it last said it is: desired versions go up one by one, reports never go back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import select, update

from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.seal import UNREADABLE
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import TWIN_BYTES_MAX, Command, CommandKind, Desired, Reported, TwinState
from sheetal.ledger import downlink
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.gateway_tables import gateway_twin
from sheetal.ledger.judgement_tables import downlink as downlink_table
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping

COMMAND_MS = 15 * MINUTE_MS
RESEND_COMMAND_MS = downlink.LIFE_MS_MAX
COMMAND_ID_BYTES = 9
WAITING_COMMANDS_MAX = 20
CLOCK_AHEAD_MS = 5 * MINUTE_MS

_reported = msgspec.json.Decoder(Reported)
_commands = msgspec.json.Decoder(Command)


class Wanted(NamedTuple):
    """What a gateway is to send again: a half-open span of measuring, what was settled since an instant, or ranges.

    Ranges are boot, first and last sequence, both included.
    """

    span: tuple[int, int] | None = None
    settled_from_ms: int | None = None
    ranges: Sequence[tuple[int, int, int]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Both sides; `reported` is None before the first report, `received_at_ms` is our clock at the newest one."""

    gateway_id: str
    desired_version: int
    reported: Reported | None
    received_at_ms: int | None

    @property
    def is_pending(self) -> bool:
        """Whether a configuration was sent on which the gateway has not decided."""
        return self.desired_version > (self.reported.version if self.reported else 0)


def twin(conn: Connection, gateway_id: str) -> Twin:
    """The twin of one gateway; an empty one before anything was sent or said."""
    empty = Twin(gateway_id=gateway_id, desired_version=0, reported=None, received_at_ms=None)
    return twins(conn, [gateway_id]).get(gateway_id, empty)


def twins(conn: Connection, gateways: Collection[str]) -> dict[str, Twin]:
    """The twins of these gateways by their id, where there is one."""
    query = select(gateway_twin).where(gateway_twin.c.gateway_id.in_(gateways))
    return {row["gateway_id"]: _twin(row) for row in conn.execute(query).mappings()}


def send_desired(
    conn: Connection,
    gateway_id: str,
    config: object,
    built_on: int,
    actor: str,
    now_ms: int,
) -> int:
    """Queue a whole configuration as the next version, and give its number.

    `built_on` is the desired version that its author saw. Raises Refused (`changed_meanwhile`, `too_large`), and
    NotFound for a gateway not in service.
    """
    _enrolled_at_ms(conn, gateway_id)
    _ensure(conn, gateway_id)
    own = gateway_twin.c
    # A ledger brought back from a backup knows fewer versions than the gateway has decided on.
    seen = update(gateway_twin).where(own.gateway_id == gateway_id, own.desired_version == built_on)
    found = conn.execute(
        seen.values(desired_version=own.desired_version).returning(own.desired_version, own.reported_version)
    ).one_or_none()
    if found is None:
        raise Refused(
            "somebody else has changed this gateway meanwhile",
            next_step="look at the page again and repeat the change",
            reason="changed_meanwhile",
            gateway=gateway_id,
        )
    version: int = max(found.desired_version, found.reported_version) + 1
    conn.execute(update(gateway_twin).where(own.gateway_id == gateway_id).values(desired_version=version))
    raw = msgspec.Raw(msgspec.json.encode(config))
    body = msgspec.json.encode(Desired(gateway=gateway_id, version=version, issued_at_ms=now_ms, config=raw))
    if len(body) > TWIN_BYTES_MAX:
        raise Refused("this configuration is too large", reason="too_large", size_bytes=len(body))
    downlink.send_down(conn, gateway_id, Channel.DESIRED, body.decode(), actor, now_ms, version=version)
    return version


def newest_desired(conn: Connection, gateway_id: str) -> Desired | None:
    """The configuration that was sent last."""
    sent = downlink.sent(conn, gateway_id, Channel.DESIRED, 1)
    return msgspec.json.decode(sent[0].body, type=Desired) if sent else None


def send_command(
    conn: Connection,
    gateway_id: str,
    kind: CommandKind,
    actor: str,
    now_ms: int,
    *,
    span: tuple[int, int] | None = None,
) -> Command:
    """Queue an order with an id and an expiry; `span` is the half-open one of a resend.

    Raises Refused (`too_many`) when 20 wait already, and NotFound for a gateway not in service.
    """
    return _send(conn, _order(gateway_id, kind, now_ms, Wanted(span)), actor, now_ms)


def ask_again(conn: Connection, gateway_id: str, wanted: Wanted, actor: str, now_ms: int) -> Command:
    """Queue an order to send again; raises as `send_command` does."""
    return _send(conn, _order(gateway_id, CommandKind.RESEND, now_ms, wanted), actor, now_ms)


def _order(gateway_id: str, kind: CommandKind, now_ms: int, wanted: Wanted) -> Command:
    lives_ms = RESEND_COMMAND_MS if kind is CommandKind.RESEND else COMMAND_MS
    return Command(
        id=secrets.token_urlsafe(COMMAND_ID_BYTES),
        gateway=gateway_id,
        kind=kind,
        issued_at_ms=now_ms,
        expires_at_ms=now_ms + lives_ms,
        from_ms=wanted.span[0] if wanted.span else None,
        until_ms=wanted.span[1] if wanted.span else None,
        settled_from_ms=wanted.settled_from_ms,
        ranges=list(wanted.ranges),
    )


def _send(conn: Connection, order: Command, actor: str, now_ms: int) -> Command:
    _ensure_few_wait(conn, order.gateway)
    body = msgspec.json.encode(order).decode()
    told = {"command": order.id, "kind": order.kind.value}
    downlink.send_down(conn, order.gateway, Channel.COMMAND, body, actor, now_ms, **told)
    return order


def unanswered(conn: Connection, sent: Sequence[downlink.Downlink], now_ms: int) -> list[downlink.Downlink]:
    """Those of these commands that have not expired and whose outcome their gateway has not reported."""
    found = twins(conn, {message.gateway_id for message in sent})
    told = {
        (gateway_id, outcome.id)
        for gateway_id, one in found.items()
        for outcome in (one.reported.outcomes if one.reported else [])
    }
    return [message for message in sent if _is_open(message, told, now_ms)]


def _is_open(message: downlink.Downlink, told: Collection[tuple[str, str]], now_ms: int) -> bool:
    try:
        order = _commands.decode(message.body)
    except UNREADABLE:
        return False
    return now_ms < order.expires_at_ms and (message.gateway_id, order.id) not in told


def put_reported(conn: Connection, said: Reported, now_ms: int) -> bool:
    """Keep a report unless a newer one stands; False when it does. Raises NotFound for a gateway not in service.

    A report of an earlier boot is older, and within one boot one of an earlier instant, unless what stands lies ahead
    of our own clock and so proves nothing. One that came before the gateway was taken in anew is of another life.
    """
    enrolled_at_ms = _enrolled_at_ms(conn, said.gateway)
    _ensure(conn, said.gateway)
    before = _twin(_locked(conn, said.gateway))
    if (before.received_at_ms or 0) >= enrolled_at_ms and _is_older(said, before, now_ms):
        return False
    values = {
        "reported_version": said.version,
        "reported_state": said.state.value,
        "reported": msgspec.json.encode(said).decode(),
        "reported_at_ms": now_ms,
    }
    conn.execute(update(gateway_twin).where(gateway_twin.c.gateway_id == said.gateway).values(**values))
    return True


def _is_older(said: Reported, before: Twin, now_ms: int) -> bool:
    stands = before.reported
    if stands is None or said.boot > stands.boot:
        return False
    if said.boot < stands.boot:
        return True
    return said.at_ms < stands.at_ms <= now_ms + CLOCK_AHEAD_MS


def _enrolled_at_ms(conn: Connection, gateway_id: str) -> int:
    query = select(gateway.c.enrolled_at_ms).where(gateway.c.id == gateway_id, gateway.c.retired_at_ms.is_(None))
    at_ms = conn.execute(query).scalar_one_or_none()
    if at_ms is None:
        raise NotFound("no such gateway in service", gateway=gateway_id)
    return int(at_ms)


def _ensure(conn: Connection, gateway_id: str) -> None:
    row = {
        "gateway_id": gateway_id,
        "desired_version": 0,
        "reported_version": 0,
        "reported_state": TwinState.AS_INSTALLED.value,
        "reported": "",
        "reported_at_ms": 0,
    }
    insert_missing(conn, gateway_twin, [row])


def _locked(conn: Connection, gateway_id: str) -> RowMapping:
    """The row, kept from other writers until the transaction's end."""
    own = gateway_twin.c
    touched = update(gateway_twin).where(own.gateway_id == gateway_id).values(desired_version=own.desired_version)
    return conn.execute(touched.returning(*gateway_twin.columns)).mappings().one()


def _ensure_few_wait(conn: Connection, gateway_id: str) -> None:
    table = downlink_table.c
    waiting = select(table.id).where(
        table.gateway_id == gateway_id,
        table.channel == Channel.COMMAND.value,
        table.published_at_ms.is_(None),
    )
    if len(conn.execute(waiting.limit(WAITING_COMMANDS_MAX)).all()) >= WAITING_COMMANDS_MAX:
        raise Refused(
            "too many orders wait for this gateway already",
            next_step="wait until it is online again",
            reason="too_many",
            gateway=gateway_id,
        )


def _twin(row: RowMapping) -> Twin:
    return Twin(
        gateway_id=row["gateway_id"],
        desired_version=row["desired_version"],
        reported=_reported.decode(row["reported"]) if row["reported"] else None,
        received_at_ms=row["reported_at_ms"] or None,
    )
