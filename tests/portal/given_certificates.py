"""Keys, records, ledgers and small parts that the tests of certificate, worker and standby share."""

from __future__ import annotations

import base64
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cbor2
import msgspec
from hypothesis import strategies as st

from portal.certificate import base45, service
from portal.certificate.keys import SigningKeys, make_keys
from sheetal.contracts.dose_record import DoseRecord
from sheetal.ledger.connect import Ledger, open_ledger
from sheetal.ledger.field_cipher import FieldCipher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portal.certificate.schemas import Issued

NOW_MS = 1_795_425_631_000  # 2026-11-23 14:50:31 IST
DAY_MS = 86_400_000
STANDBY_URL = "http://127.0.0.1:8001"
FIELD_KEYS = "k1:" + base64.b64encode(bytes(range(32))).decode() + "\n"
NAME = "Asha Unmistakable Sample"

RECORD = DoseRecord(
    dose="8d3c7c1e-0d5a-4f0e-9a63-0d6a1c1f2b11",
    certificate="K7QZJ4M2WX5TR3PNB6VYHD2CSA",
    person_name=NAME,
    birth_date="1990-02-03",
    reference_id="12345678901234",
    vaccine="COVISHIELD",
    vaccine_name="Covishield",
    manufacturer="Serum Institute of India",
    batch="CS-2301",
    dose_number=2,
    doses_total=2,
    administered_at_ms=NOW_MS - 60_000,
    facility="F-101",
    facility_name="Unmistakable PHC",
    district_name="North",
    state_name="Sample State",
    dcc_prophylaxis="1119305005",
    dcc_medicinal_product="Covishield",
    dcc_manufacturer="ORG-100001981",
)
PENTAVALENT = msgspec.structs.replace(
    RECORD,
    vaccine="PENTAVALENT",
    vaccine_name="Pentavalent",
    dcc_prophylaxis=None,
    dcc_medicinal_product=None,
    dcc_manufacturer=None,
)

_words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
records = st.builds(
    DoseRecord,
    dose=st.uuids().map(str),
    certificate=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=26, max_size=26),
    person_name=_words,
    birth_date=st.dates().map(str) | st.integers(1900, 2026).map(str),
    reference_id=st.text("0123456789", min_size=14, max_size=14),
    vaccine=_words,
    vaccine_name=_words,
    manufacturer=_words,
    batch=_words,
    dose_number=st.integers(1, 9),
    doses_total=st.integers(1, 9),
    administered_at_ms=st.integers(0, 4_102_444_800_000),
    facility=_words,
    facility_name=_words,
    district_name=_words,
    state_name=_words,
)


def another(record: DoseRecord = RECORD, **changes: object) -> DoseRecord:
    """The record with a dose and a certificate of its own."""
    own = {"dose": f"dose-{service.new_certificate_id()}", "certificate": service.new_certificate_id(), **changes}
    return msgspec.structs.replace(record, **own)


def demo_keys(folder: Path, *, standby_url: str = STANDBY_URL) -> SigningKeys:
    """Demo keys in a folder, made when they are not there."""
    if not (folder / "dsc.key").exists():
        make_keys(folder, issuer="Sample Health Department", country="IN", demo=True, now_ms=NOW_MS)
    return SigningKeys.load(folder, demo_allowed=True, standby_url=standby_url, now_ms=NOW_MS)


def unpacked(text: str) -> bytes:
    """The COSE bytes inside an HC1 text."""
    return zlib.decompress(base45.decode(text.removeprefix("HC1:")))


def packed(signed: bytes) -> str:
    """An intact container around any bytes."""
    return "HC1:" + base45.encode(zlib.compress(signed, 9))


def parts(text: str) -> list[object]:
    """Protected header, unprotected header, payload and signature of an HC1 text."""
    return list(cbor2.loads(unpacked(text)).value)


def container(fields: list[object]) -> str:
    """An HC1 text around any four fields."""
    return packed(cbor2.dumps(cbor2.CBORTag(18, fields)))


@dataclass
class Books:
    """A migrated ledger of one test, with its cipher and keys."""

    folder: Path
    ledger: Ledger
    cipher: FieldCipher
    keys: SigningKeys

    @property
    def mirror(self) -> Path:
        return self.folder / "mirror"

    def issue(self, record: DoseRecord, now_ms: int = NOW_MS) -> Issued:
        with self.ledger.write() as connection:
            return service.issue(connection, self.cipher, self.keys, record, now_ms)

    def environment(self) -> dict[str, str]:
        """What a worker process finds."""
        return {
            "SHEETAL_DEMO": "1",
            "SHEETAL_LEDGER_URL": f"sqlite:///{self.folder / 'ledger.db'}",
            "SHEETAL_FIELD_KEY_FILE": str(self.folder / "field.keys"),
            "SHEETAL_CERTIFICATE_KEY_FOLDER": str(self.folder / "keys"),
            "SHEETAL_MIRROR_FOLDER": str(self.mirror),
            "SHEETAL_STANDBY_URL": self.keys.standby_url,
        }


@contextmanager
def open_books(
    folder: Path, migrated: Path, standby_url: str = STANDBY_URL, ledger_url: str | None = None
) -> Iterator[Books]:
    """A ledger (copied from the migrated one, or the one given), a key file and demo keys."""
    if ledger_url is None:
        (folder / "ledger.db").write_bytes((migrated / "ledger.db").read_bytes())
    (folder / "field.keys").write_text(FIELD_KEYS)
    books = Books(
        folder=folder,
        ledger=open_ledger(ledger_url or f"sqlite:///{folder / 'ledger.db'}"),
        cipher=FieldCipher.from_file(folder / "field.keys"),
        keys=demo_keys(folder / "keys", standby_url=standby_url),
    )
    try:
        yield books
    finally:
        books.ledger.close()
