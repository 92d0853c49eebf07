"""Evidence on holdings: what it says and the file that shows it. Added only, never changed or taken away.

The SHA-256 of each file stands in the audit chain, so that a file exchanged in the database shows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, insert, select

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, catalogue, decision_rules, pictures, proofs, stock, vvm_readings
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.decision_tables import attachment
from sheetal.ledger.proofs import Attachment, Kind, ShakeFacts, VvmFacts

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping

    from sheetal.ledger.decision_rules import Signature
    from sheetal.ledger.proofs import Facts

FILES_MAX = 50
"""How many pieces of evidence one holding may have."""
_SHOWN = [column for column in attachment.c if column.name != "content"]


def attach(conn: Connection, holding_id: str, facts: Facts, content: bytes | None, by: Signature) -> Attachment:
    """Add evidence; a vial monitor's stage is judged at once, which closes the gate until it is.

    What a camera writes into a picture beside it is not kept.

    Raises NotFound and Refused (as `proofs`, `decision_rules.check_shake_test`, and `too_many`).
    """
    of = stock.holding_by_id(conn, holding_id)
    kind = proofs.kind_of(facts)
    proofs.check_facts(facts, by.at_ms)
    proofs.check_file(kind, content)
    if isinstance(facts, ShakeFacts):
        product = catalogue.product_version(conn, of.product_id, by.at_ms)
        decision_rules.check_shake_test(product, of.batch, facts)
    counted = select(func.count()).select_from(attachment).where(attachment.c.holding_id == holding_id)
    if conn.execute(counted).scalar_one() >= FILES_MAX:
        raise Refused("this holding has too much evidence already", reason="too_many", holding=holding_id)
    media_type = proofs.media_type_of(content) if content else None
    content = pictures.bare(content) if content else None
    row = {
        "holding_id": holding_id,
        "kind": kind.value,
        "facts": msgspec.json.encode(facts, order="deterministic").decode(),
        "media_type": media_type,
        "size_bytes": len(content or b""),
        "sha256": hashlib.sha256(content).hexdigest() if content else None,
        "content": content,
        "actor": by.actor,
        "attached_at_ms": by.at_ms,
    }
    number: int = conn.execute(insert(attachment).values(**row).returning(attachment.c.id)).scalar_one()
    if isinstance(facts, VvmFacts):
        vvm_readings.record(conn, holding_id, facts.stage, facts.read_at_ms, by.actor, by.at_ms)
    detail = {"attachment": number, "kind": kind.value, "facts": msgspec.to_builtins(facts), "sha256": row["sha256"]}
    meaning = {"role": by.role, "meaning": "adds evidence"}
    audit.append(conn, of.facility_id, AuditEntry(by.at_ms, by.actor, "evidence_added", holding_id, detail | meaning))
    return next(one for one in attachments_of(conn, holding_id) if one.id == number)


def attachments_of(conn: Connection, holding_id: str) -> list[Attachment]:
    """The evidence on a holding, the oldest first, without the files."""
    query = select(*_SHOWN).where(attachment.c.holding_id == holding_id).order_by(attachment.c.id)
    return [_attachment(row) for row in conn.execute(query).mappings()]


def known_of(conn: Connection, holding_id: str) -> list[Attachment]:
    """The evidence on a holding, and on those that it was split off, as far as it stood there at the split."""
    found = attachments_of(conn, holding_id)
    below = stock.holding_by_id(conn, holding_id)
    for label in stock.ancestors(conn, holding_id):
        found += [one for one in attachments_of(conn, label) if one.attached_at_ms <= below.created_at_ms]
        below = stock.holding_by_id(conn, label)
    return found


def chosen(conn: Connection, holding_id: str, numbers: Collection[int]) -> list[Attachment]:
    """These pieces of evidence of this very holding; raises Refused (`no_such_evidence`)."""
    found = [one for one in attachments_of(conn, holding_id) if one.id in set(numbers)]
    if len(found) != len(set(numbers)):
        raise Refused("this evidence is not of this holding", reason="no_such_evidence", holding=holding_id)
    return found


def content_of(conn: Connection, holding_id: str, number: int) -> tuple[str, bytes]:
    """Media type and bytes of a file; raises NotFound, and Refused (`changed`) when it is not what was added."""
    query = select(attachment.c.media_type, attachment.c.content, attachment.c.sha256)
    row = conn.execute(query.where(attachment.c.id == number, attachment.c.holding_id == holding_id)).one_or_none()
    if row is None or row.content is None:
        raise NotFound("there is no such file", holding=holding_id)
    if hashlib.sha256(row.content).hexdigest() != row.sha256:
        raise Refused("this file was changed after it was added", reason="changed", attachment=number)
    return row.media_type, row.content


def _attachment(row: RowMapping) -> Attachment:
    decoded = proofs.facts_decoder.decode(row["facts"])
    return Attachment(**{**row, "kind": Kind(row["kind"]), "facts": decoded})
