"""All SQL of vaccination sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from portal.orchestration.rules import Session
from portal.orchestration.tables import session_holding, vaccination_session
from sheetal.ledger.asset_tables import appliance, gateway
from sheetal.ledger.judgement_tables import gateway_state
from sheetal.ledger.stock_tables import holding

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

SESSIONS_MAX = 500
_COLUMNS = [column for column in vaccination_session.c if column.name != "created_at_ms"]

_BY_ID = select(*_COLUMNS).where(vaccination_session.c.id == bindparam("session"))


def add_session(conn: Connection, new: Session, now_ms: int) -> None:
    """Insert a session."""
    conn.execute(
        insert(vaccination_session).values(
            id=new.id,
            facility_id=new.facility_id,
            product_id=new.product_id,
            starts_at_ms=new.starts_at_ms,
            ends_at_ms=new.ends_at_ms,
            capacity=new.capacity,
            created_at_ms=now_ms,
        ),
    )


def session_by_id(conn: Connection, session_id: str) -> Session | None:
    """The session, also a cancelled one."""
    row = conn.execute(_BY_ID, {"session": session_id}).first()
    return None if row is None else _session(row)


def sessions(conn: Connection, facility_id: str | None, from_ms: int, until_ms: int) -> list[Session]:
    """Sessions that overlap the span, in order of start; at most 500."""
    table = vaccination_session.c
    query = select(*_COLUMNS).where(table.ends_at_ms > from_ms, table.starts_at_ms < until_ms)
    if facility_id is not None:
        query = query.where(table.facility_id == facility_id)
    rows = conn.execute(query.order_by(table.starts_at_ms, table.id).limit(SESSIONS_MAX))
    return [_session(row) for row in rows]


def issue_holding(conn: Connection, session_id: str, holding_id: str, now_ms: int) -> None:
    """Note that the holding goes to this session; an IntegrityError says that it already did."""
    conn.execute(insert(session_holding).values(session_id=session_id, holding_id=holding_id, issued_at_ms=now_ms))


def return_holding(conn: Connection, session_id: str, holding_id: str, now_ms: int) -> bool:
    """Note that the holding came back; False when it was not out."""
    table = session_holding.c
    out = (table.session_id == session_id) & (table.holding_id == holding_id) & table.returned_at_ms.is_(None)
    return conn.execute(update(session_holding).where(out).values(returned_at_ms=now_ms)).rowcount == 1


def holdings_of_session(conn: Connection, session_id: str) -> list[str]:
    """Ids of the holdings that are out at this session, in order of issue."""
    table = session_holding.c
    query = select(table.holding_id).where(table.session_id == session_id, table.returned_at_ms.is_(None))
    return list(conn.execute(query.order_by(table.issued_at_ms, table.holding_id)).scalars())


def figures(conn: Connection) -> dict[str, dict[str, int]]:
    """Per facility: appliances, gateways in service, those online, and doses in hand."""
    counts: dict[str, dict[str, int]] = {}
    queries = {
        "appliances": select(appliance.c.facility_id, func.count()).group_by(appliance.c.facility_id),
        "gateways": select(gateway.c.facility_id, func.count())
        .where(gateway.c.retired_at_ms.is_(None))
        .group_by(gateway.c.facility_id),
        "gateways_online": select(gateway.c.facility_id, func.count())
        .join(gateway_state, gateway_state.c.gateway_id == gateway.c.id)
        .where(gateway.c.retired_at_ms.is_(None), gateway_state.c.online)
        .group_by(gateway.c.facility_id),
        "doses": select(holding.c.facility_id, func.sum(holding.c.doses_left)).group_by(holding.c.facility_id),
    }
    for name, query in queries.items():
        for facility_id, count in conn.execute(query):
            counts.setdefault(facility_id, {})[name] = int(count)
    return counts


def _session(row: Row[*tuple[Any, ...]]) -> Session:
    return Session(**row._mapping)  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping
