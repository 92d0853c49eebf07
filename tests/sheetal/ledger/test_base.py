from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import StatementError

from sheetal.ledger.base import EPOCH_MS_MAX, EpochMs, ledger_metadata, telemetry_metadata
from sheetal.ledger.judgement_tables import lease

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

DIALECTS = [sqlite.dialect(), postgresql.dialect()]


@given(st.integers(0, EPOCH_MS_MAX))
def test_an_instant_passes_unchanged(value: int) -> None:
    for dialect in DIALECTS:
        assert EpochMs().process_bind_param(value, dialect) == value


def test_no_instant_is_none() -> None:
    assert EpochMs().process_bind_param(None, DIALECTS[0]) is None


@pytest.mark.parametrize("value", [-1, EPOCH_MS_MAX + 1, 1.0, 1e12, True, False, "1", "2026-11-23", b"1"])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not an instant"):
        EpochMs().process_bind_param(value, DIALECTS[0])  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.integers(0, EPOCH_MS_MAX))
def test_an_instant_comes_back_as_it_went_in(ledger: Ledger, value: int) -> None:
    with ledger.write() as conn:
        conn.execute(insert(lease).values(name="x", holder="y", until_ms=value))
        assert conn.execute(select(lease.c.until_ms)).scalar_one() == value
        conn.rollback()


@pytest.mark.parametrize("value", [1.5, True, -1, "now"])
def test_the_store_never_sees_what_is_no_instant(ledger: Ledger, value: object) -> None:
    with ledger.write() as conn, pytest.raises(StatementError, match="not an instant"):
        conn.execute(insert(lease).values(name="x", holder="y", until_ms=value))


def test_a_comparison_checks_its_instant_too(ledger: Ledger) -> None:
    with ledger.write() as conn, pytest.raises(StatementError, match="not an instant"):
        conn.execute(update(lease).where(lease.c.until_ms < 0.5).values(holder="z"))


def test_every_time_column_is_an_instant() -> None:
    for metadata in (ledger_metadata, telemetry_metadata):
        for table in metadata.tables.values():
            for column in table.columns:
                is_span = column.name in {"interval_ms", "known_bound_ms", "clock_offset_ms", "monotonic_ms"}
                assert isinstance(column.type, EpochMs) == (column.name.endswith("_ms") and not is_span), column


def test_no_column_is_a_date_a_decimal_or_an_enumeration() -> None:
    kinds = {
        type(column.type).__name__
        for metadata in (ledger_metadata, telemetry_metadata)
        for table in metadata.tables.values()
        for column in table.columns
    }
    numbers = {"Integer", "BigInteger", "Float", "Double"}
    assert kinds == {"String", "Text", "EpochMs", "Boolean", "LargeBinary"} | numbers
