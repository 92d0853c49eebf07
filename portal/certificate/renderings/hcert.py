"""The health certificate as a QR text: `HC1:` + base45(zlib(COSE_Sign1(CWT))), EU hcert_spec 1.0.

Claim -260 holds subclaim 1 (EU DCC 1.3.0, only for products with DCC codes) and subclaim 3 (WHO DDCC:VS core data set,
which has the lot, for every product).
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import cbor2

from portal.certificate import base45, cose
from portal.certificate.latin_name import machine_readable

if TYPE_CHECKING:
    from portal.certificate.keys import SigningKeys
    from sheetal.contracts.dose_record import DoseRecord

PREFIX = "HC1:"
CLAIM_ISSUER, CLAIM_EXPIRES, CLAIM_ISSUED = 1, 4, 6  # RFC 8392, section 4
CLAIM_HCERT = -260  # hcert_spec 3.3.1
SUBCLAIM_DCC = 1
SUBCLAIM_DDCC = 3
CLAIM_STATUS = 65535  # IETF Token Status List: `status` as a CWT claim
STATUS_PATH = "/status/doses.json"
DCC_VERSION = "1.3.0"
DCC_DISEASE = "840539006"  # SNOMED CT, COVID-19: the only agent the DCC value set knows
VALID_DAYS = 730  # the programme's choice; never past the signer's own certificate
TEXT_MAX = 80  # DCC combined schema 1.3.0: free text
# India has one zone, UTC+5:30; a vaccination's date is the date on the wall at the session.
_ZONES = {"IN": timezone(timedelta(minutes=330))}


def render(record: DoseRecord, keys: SigningKeys, status_index: int, now_ms: int) -> str:
    """The QR text of one dose, signed; the same arguments give the same text."""
    claims = {
        CLAIM_ISSUER: keys.country,
        CLAIM_EXPIRES: expires_at_ms(keys, now_ms) // 1000,
        CLAIM_ISSUED: now_ms // 1000,
        CLAIM_HCERT: hcert_claim(record, keys.signer.issuer_name),
        CLAIM_STATUS: {"status_list": {"idx": status_index, "uri": keys.standby_url + STATUS_PATH}},
    }
    return pack(cose.sign1(cbor2.dumps(claims), keys.signer.kid, keys.sign))


def pack(signed: bytes) -> str:
    """A COSE_Sign1 as QR text."""
    return PREFIX + base45.encode(zlib.compress(signed, 9))


def expires_at_ms(keys: SigningKeys, now_ms: int) -> int:
    """When a certificate signed now stops being current."""
    return min(now_ms + VALID_DAYS * 86_400_000, keys.signer.not_after_ms)


def hcert_claim(record: DoseRecord, issuer_name: str) -> dict[int, object]:
    """The subclaims that fit the product."""
    ddcc = {SUBCLAIM_DDCC: _ddcc(record, issuer_name)}
    if not (record.dcc_medicinal_product and record.dcc_prophylaxis and record.dcc_manufacturer):
        return dict(ddcc)
    return {SUBCLAIM_DCC: _dcc(record, issuer_name), **ddcc}


def unique_id(record: DoseRecord) -> str:
    """The certificate's URN:UVCI; opaque, since facility or order inside it could be guessed and tracked."""
    return f"URN:UVCI:01:{record.country}:{record.certificate.upper().replace('-', '')}"


def vaccinated_on(record: DoseRecord) -> str:
    """The local ISO date of the dose."""
    moment = datetime.fromtimestamp(record.administered_at_ms / 1000, UTC)
    return moment.astimezone(_ZONES.get(record.country, UTC)).date().isoformat()


def _dcc(record: DoseRecord, issuer_name: str) -> dict[str, object]:
    # A record has one name; which part is the family's cannot be known, so all of it stands in `fn`.
    return {
        "ver": DCC_VERSION,
        "nam": {"fn": record.person_name[:TEXT_MAX], "fnt": machine_readable(record.person_name)},
        "dob": record.birth_date,
        "v": [
            {
                "tg": DCC_DISEASE,
                "vp": record.dcc_prophylaxis,
                "mp": record.dcc_medicinal_product,
                "ma": record.dcc_manufacturer,
                "dn": record.dose_number,
                "sd": record.doses_total,
                "dt": vaccinated_on(record),
                "co": record.country,
                "is": issuer_name[:TEXT_MAX],
                "ci": unique_id(record),
            }
        ],
    }


def _ddcc(record: DoseRecord, issuer_name: str) -> dict[str, object]:
    # Vaccine, brand and manufacturer carry words alone: no code is claimed that the catalogue does not source.
    return {
        "name": record.person_name,
        "birthDate": record.birth_date,
        "certificate": {"hcid": {"value": unique_id(record)}, "issuer": {"display": issuer_name}},
        "vaccination": {
            "vaccine": {"display": record.vaccine},
            "brand": {"display": record.vaccine_name},
            "manufacturer": {"display": record.manufacturer},
            "lot": record.batch,
            "date": vaccinated_on(record),
            "dose": record.dose_number,
            "totalDoses": record.doses_total,
            "country": {"system": "urn:iso:std:iso:3166", "code": record.country},
            "centre": record.facility,
        },
    }
