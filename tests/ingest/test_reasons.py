from __future__ import annotations

from sqlalchemy import String

from ingest.reasons import Reason
from sheetal.ledger.telemetry_tables import dead_letter


def test_every_reason_fits_its_column() -> None:
    column = dead_letter.c.reason.type
    assert isinstance(column, String)
    assert max(len(reason) for reason in Reason) <= (column.length or 0)


def test_a_reason_is_its_own_word_on_the_wire() -> None:
    assert [str(reason) for reason in Reason] == [reason.name.lower() for reason in Reason]
