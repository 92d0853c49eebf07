"""Metadata, naming convention and column types for the ledger and for ingest's telemetry tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Integer, MetaData
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
EPOCH_MS_MAX = 32_503_680_000_000

ledger_metadata = MetaData(naming_convention=NAMING)
telemetry_metadata = MetaData(naming_convention=NAMING, schema="telemetry")

BigId = BigInteger().with_variant(Integer, "sqlite")


class EpochMs(TypeDecorator[int]):
    """UTC epoch milliseconds in a BIGINT; refuses floats, seconds-like booleans and years past 3000."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """The value as it is; raises ValueError for anything that is not a plausible instant."""
        del dialect
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= EPOCH_MS_MAX:
            message = f"not an instant in epoch ms: {value!r}"
            raise ValueError(message)
        return value
