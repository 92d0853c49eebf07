"""How gateways come in and go: the one-time code, the key it buys, the certificates that stand, and their end.

Of a code only SHA-256 over gateway id and code is kept. A slow hash would protect nothing more: the code is random, not
chosen by a person, it dies after five tries or 24 hours, and who can read the table could as well replace the row.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from sheetal.contracts import topics
from sheetal.contracts.enrolment import CODE_LENGTH, CODE_LETTERS, CODE_MINUTES, CODE_TRIES_MAX, RESERVED_IDS
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, audit, downlink
from sheetal.ledger.asset_tables import facility, gateway
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.gateway_tables import enrolment_code, gateway_certificate
from sheetal.ledger.upsert import replacing, upsert

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection, Update

    from sheetal.ledger.field_cipher import FieldCipher

KEY_BYTES = 32
_BETWEEN_SIGNS = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCode:
    """A code that was issued and not yet redeemed; the code itself is nowhere."""

    gateway_id: str
    facility_id: str
    issued_at_ms: int
    expires_at_ms: int
    tries_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A gateway that has just come in; `key` is told to it once, `came_back` when it had been in before."""

    gateway_id: str
    facility_id: str
    key: bytes = field(repr=False)
    came_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCertificate:
    """A client certificate that was given out; `serial` in hex digits."""

    serial: str
    gateway_id: str
    issued_at_ms: int
    expires_at_ms: int
    revoked_at_ms: int | None = None


def issue_code(conn: Connection, gateway_id: str, facility_id: str, actor: str, now_ms: int) -> str:
    """A new code for this gateway, told this once; an earlier one is void from now on.

    Raises Refused (`bad_id`, `other_facility`) and NotFound for the facility.
    """
    _check_id(gateway_id)
    if conn.execute(select(facility.c.id).where(facility.c.id == facility_id)).first() is None:
        raise NotFound("no such facility", id=facility_id)
    place = conn.execute(select(gateway.c.facility_id).where(gateway.c.id == gateway_id)).scalar_one_or_none()
    if place not in {None, facility_id}:
        raise Refused("this gateway belongs to another facility", reason="other_facility", gateway=gateway_id)
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    row = {
        "gateway_id": gateway_id,
        "facility_id": facility_id,
        "code_hash": _hash(gateway_id, code),
        "tries_left": CODE_TRIES_MAX,
        "issued_at_ms": now_ms,
        "expires_at_ms": now_ms + CODE_MINUTES * MINUTE_MS,
        "used_at_ms": None,
    }
    upsert(conn, enrolment_code, [row], changes=replacing(*(name for name in row if name != "gateway_id")))
    _trace(conn, facility_id, "enrolment_code_issued", gateway_id, actor=actor, now_ms=now_ms)
    return code


def open_codes(conn: Connection, now_ms: int, gateway_id: str | None = None) -> list[OpenCode]:
    """The codes that could still be redeemed, of one gateway or of all, in order of gateway id."""
    names = ("gateway_id", "facility_id", "issued_at_ms", "expires_at_ms", "tries_left")
    query = select(*(enrolment_code.c[name] for name in names)).where(*_is_open(now_ms))
    if gateway_id is not None:
        query = query.where(enrolment_code.c.gateway_id == gateway_id)
    return [OpenCode(**row) for row in conn.execute(query.order_by(enrolment_code.c.gateway_id)).mappings()]


def redeem(conn: Connection, cipher: FieldCipher, gateway_id: str, code: str, now_ms: int) -> Enrolled | None:
    """Take the gateway in with a fresh key, or back in with its old certificates revoked; one caller wins a code.

    None for an unknown gateway and for a wrong, used, expired or worn-out code alike. The caller commits that too, for
    the try has been counted.
    """
    tried = (
        update(enrolment_code)
        .where(enrolment_code.c.gateway_id == gateway_id, *_is_open(now_ms))
        .values(tries_left=enrolment_code.c.tries_left - 1)
        .returning(enrolment_code.c.code_hash, enrolment_code.c.facility_id, enrolment_code.c.tries_left)
    )
    found = conn.execute(tried).one_or_none()
    offered = _hash(gateway_id, _BETWEEN_SIGNS.sub("", code).upper())
    if not hmac.compare_digest(found.code_hash if found else "", offered) or found is None:
        if found is not None:
            detail = {"tries_left": found.tries_left}
            _trace(conn, found.facility_id, "enrolment_refused", gateway_id, actor=gateway_id, now_ms=now_ms, **detail)
        return None
    conn.execute(_unused(gateway_id).values(used_at_ms=now_ms))
    return _take_in(conn, cipher, gateway_id, found.facility_id, now_ms)


def record_certificate(conn: Connection, given: GatewayCertificate) -> None:
    """Remember a certificate that is about to be given out, so that it can be revoked; raises NotFound."""
    place = _facility_of(conn, given.gateway_id)
    conn.execute(
        gateway_certificate.insert().values(
            serial=given.serial,
            gateway_id=given.gateway_id,
            issued_at_ms=given.issued_at_ms,
            expires_at_ms=given.expires_at_ms,
        )
    )
    detail = {"serial": given.serial, "expires_at_ms": given.expires_at_ms}
    actor, at_ms = given.gateway_id, given.issued_at_ms
    _trace(conn, place, "gateway_certified", given.gateway_id, actor=actor, now_ms=at_ms, **detail)


def revoke_gateway(conn: Connection, gateway_id: str, actor: str, now_ms: int) -> list[str]:
    """Believe a gateway no longer: its key, its certificates and an open code end; gives the serials revoked.

    Raises NotFound for a gateway that is not in service.
    """
    # The code first, as when it is redeemed, so that neither waits for what the other holds.
    conn.execute(_unused(gateway_id).values(tries_left=0))
    assets.retire_gateway(conn, gateway_id, now_ms)
    serials = _revoke_certificates(conn, gateway_id, now_ms)
    place = _facility_of(conn, gateway_id)
    _trace(conn, place, "gateway_revoked", gateway_id, actor=actor, now_ms=now_ms, serials=serials)
    return serials


def revoked_serials(conn: Connection, now_ms: int) -> dict[str, int]:
    """When each certificate that is revoked and not yet expired was revoked, by its serial.

    There is no limit here: what it left out would be believed. Certificates that expire bound it.
    """
    columns = gateway_certificate.c
    query = select(columns.serial, columns.revoked_at_ms).where(
        columns.revoked_at_ms.is_not(None),
        columns.expires_at_ms > now_ms,
    )
    return {row.serial: row.revoked_at_ms for row in conn.execute(query.order_by(columns.serial))}


def certificates(conn: Connection, gateways: Collection[str]) -> list[GatewayCertificate]:
    """Every certificate of these gateways, the newest of each first."""
    query = select(*gateway_certificate.columns).where(gateway_certificate.c.gateway_id.in_(gateways))
    order = (gateway_certificate.c.gateway_id, gateway_certificate.c.issued_at_ms.desc(), gateway_certificate.c.serial)
    return [GatewayCertificate(**row) for row in conn.execute(query.order_by(*order)).mappings()]


def _take_in(conn: Connection, cipher: FieldCipher, gateway_id: str, facility_id: str, now_ms: int) -> Enrolled:
    key = secrets.token_bytes(KEY_BYTES)
    sealed = cipher.seal(key, table="gateway", row=gateway_id, column="key_sealed")
    again = update(gateway).where(gateway.c.id == gateway_id)
    values = {"key_sealed": sealed, "facility_id": facility_id, "enrolled_at_ms": now_ms, "retired_at_ms": None}
    came_back = conn.execute(again.values(**values)).rowcount == 1
    revoked: list[str] = []
    if came_back:
        revoked = _revoke_certificates(conn, gateway_id, now_ms)
        downlink.queue_again(conn, gateway_id)
    else:
        assets.add_gateway(conn, cipher, gateway_id, facility_id, key, now_ms)
    detail = {"came_back": came_back, "revoked": revoked}
    _trace(conn, facility_id, "gateway_enrolled", gateway_id, actor=gateway_id, now_ms=now_ms, **detail)
    return Enrolled(gateway_id=gateway_id, facility_id=facility_id, key=key, came_back=came_back)


def _revoke_certificates(conn: Connection, gateway_id: str, now_ms: int) -> list[str]:
    standing = update(gateway_certificate).where(
        gateway_certificate.c.gateway_id == gateway_id,
        gateway_certificate.c.revoked_at_ms.is_(None),
    )
    returned = standing.values(revoked_at_ms=now_ms).returning(gateway_certificate.c.serial)
    return sorted(conn.execute(returned).scalars())


def _unused(gateway_id: str) -> Update:
    code = enrolment_code.c
    return update(enrolment_code).where(code.gateway_id == gateway_id, code.used_at_ms.is_(None))


def _is_open(now_ms: int) -> tuple[ColumnElement[bool], ...]:
    code = enrolment_code.c
    return (code.used_at_ms.is_(None), code.expires_at_ms > now_ms, code.tries_left > 0)


def _check_id(gateway_id: str) -> None:
    if not topics.IDENTIFIER.fullmatch(gateway_id) or gateway_id.lower() in RESERVED_IDS:
        raise Refused(
            "a gateway's id is 1 to 48 letters, digits, - and _, and no service's name",
            next_step="choose another id",
            reason="bad_id",
            id=gateway_id,
        )


def _facility_of(conn: Connection, gateway_id: str) -> str:
    place = conn.execute(select(gateway.c.facility_id).where(gateway.c.id == gateway_id)).scalar_one_or_none()
    if place is None:
        raise NotFound("no such gateway", gateway=gateway_id)
    return str(place)


def _trace(
    conn: Connection, facility_id: str, act: str, gateway_id: str, *, actor: str, now_ms: int, **detail: object
) -> None:
    audit.append(conn, facility_id, AuditEntry(now_ms, actor, act, f"gateway/{gateway_id}", detail))


def _hash(gateway_id: str, code: str) -> str:
    return hashlib.sha256(f"{gateway_id}:{code}".encode()).hexdigest()
