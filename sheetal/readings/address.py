"""Where an InfluxDB server takes and gives readings, by its version (pure).

1.x, 2.x and 3 share the line protocol and InfluxQL at `/query`; they differ in the path and the names of a write, and
in what the person who runs them must have created.
"""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """One place in one server; `database_to_create` only where we may make it ourselves."""

    version: int
    origin: str
    place: str
    write_path: str
    write_query: dict[str, str]
    read_query: dict[str, str]
    database_to_create: str | None
    next_step_when_missing: str

    @property
    def takes_passwords(self) -> bool:
        """Whether the secret is `user:password`, not a token."""
        return self.version == 1

    @property
    def supports_delete(self) -> bool:
        """Whether samples may be deleted: 1.x by a statement, 2.x by a request of its own, 3 not at all."""
        return self.version in {1, 2}


def v1_address(origin: str, database: str) -> Address:
    """InfluxDB 1.x: the database is made when it is missing."""
    return Address(
        1,
        origin,
        database,
        "/write",
        {"db": database, "precision": "ms"},
        {"db": database, "epoch": "ms"},
        database,
        f"create the database {database}, or let the account create it",
    )


def v2_address(origin: str, organisation: str, bucket: str) -> Address:
    """InfluxDB 2.x: the bucket exists; reads need its mapping to the database (and policy) of the same name."""
    database, _, policy = bucket.partition("/")
    return Address(
        2,
        origin,
        bucket,
        "/api/v2/write",
        {"org": organisation, "bucket": bucket, "precision": "ms"},
        {"db": database, **({"rp": policy} if policy else {}), "epoch": "ms"},
        None,
        f"create the bucket {bucket} in the organisation {organisation} and map it to the database {database} "
        "(influx v1 dbrp create)",
    )


def v3_address(origin: str, database: str) -> Address:
    """InfluxDB 3: written by the path of 2.x, read by that of 1.x."""
    return Address(
        3,
        origin,
        database,
        "/api/v2/write",
        {"bucket": database, "precision": "ms"},
        {"db": database, "epoch": "ms"},
        None,
        f"create the database {database} (influxdb3 create database)",
    )
