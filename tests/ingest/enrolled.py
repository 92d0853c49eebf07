"""A ledger that knows the tests' gateways."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import TYPE_CHECKING

from sheetal.ledger import assets
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.field_cipher import FieldCipher
from tests.ingest.given import KEYS, NOW_MS

if TYPE_CHECKING:
    from pathlib import Path

FACILITY = assets.Facility(
    id="F-101",
    name="Sarojini Nagar",
    name_hindi="सरोजिनी नगर",
    kind="cold_chain_point",
    state_id=34,
    state_name="Uttar Pradesh",
    district_id=670,
    district_name="Lucknow",
)


def enrol(ledger_url: str, key_file: Path, gateways: dict[str, bytes] | None = None) -> None:
    """One facility with every gateway of `KEYS`, their keys sealed under a key file made here."""
    key_file.write_text("test:" + base64.b64encode(b"f" * 32).decode())
    cipher = FieldCipher.from_file(key_file)
    with closing(open_ledger(ledger_url)) as ledger, ledger.write() as connection:
        assets.add_facility(connection, FACILITY, NOW_MS)
        for gateway, key in (gateways or KEYS).items():
            assets.add_gateway(connection, cipher, gateway, FACILITY.id, key, NOW_MS)
