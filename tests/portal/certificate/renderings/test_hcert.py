from __future__ import annotations

from typing import TYPE_CHECKING

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.certificate import advisory
from portal.certificate.renderings import hcert
from portal.certificate.verify import verify_hcert
from tests.portal.given_certificates import DAY_MS, NOW_MS, PENTAVALENT, RECORD, STANDBY_URL, parts, records

if TYPE_CHECKING:
    from portal.certificate.keys import SigningKeys
    from sheetal.contracts.dose_record import DoseRecord


def claims(text: str) -> dict[int, dict[int, dict[str, object]]]:
    payload = parts(text)[2]
    assert isinstance(payload, bytes)
    loaded: dict[int, dict[int, dict[str, object]]] = cbor2.loads(payload)
    return loaded


def test_a_covid_dose_has_the_european_claim_and_the_who_claim(keys: SigningKeys) -> None:
    found = claims(hcert.render(RECORD, keys, 7, NOW_MS))
    assert found[1] == "IN"
    assert found[6] == NOW_MS // 1000
    assert found[65535] == {"status_list": {"idx": 7, "uri": f"{STANDBY_URL}/status/doses.json"}}
    dcc = found[-260][1]
    assert dcc["ver"] == "1.3.0"
    assert dcc["nam"] == {"fn": RECORD.person_name, "fnt": "ASHA<UNMISTAKABLE<SAMPLE"}
    assert dcc["dob"] == "1990-02-03"
    assert dcc["v"] == [
        {
            "tg": "840539006",
            "vp": "1119305005",
            "mp": "Covishield",
            "ma": "ORG-100001981",
            "dn": 2,
            "sd": 2,
            "dt": "2026-11-23",
            "co": "IN",
            "is": "Sample Health Department",
            "ci": "URN:UVCI:01:IN:K7QZJ4M2WX5TR3PNB6VYHD2CSA",
        }
    ]
    assert found[-260][3]["vaccination"]["lot"] == "CS-2301"


def test_any_other_dose_has_the_who_claim_with_its_lot_alone(keys: SigningKeys) -> None:
    found = claims(hcert.render(PENTAVALENT, keys, 7, NOW_MS))[-260]
    assert list(found) == [3]
    assert found[3]["name"] == PENTAVALENT.person_name
    assert found[3]["vaccination"] == {
        "vaccine": {"display": "PENTAVALENT"},
        "brand": {"display": "Pentavalent"},
        "manufacturer": {"display": "Serum Institute of India"},
        "lot": "CS-2301",
        "date": "2026-11-23",
        "dose": 2,
        "totalDoses": 2,
        "country": {"system": "urn:iso:std:iso:3166", "code": "IN"},
        "centre": "F-101",
    }


def test_no_reference_number_and_no_place_of_living_in_the_code(keys: SigningKeys) -> None:
    content = str(claims(hcert.render(RECORD, keys, 7, NOW_MS)))
    for word in (RECORD.reference_id, RECORD.dose, RECORD.facility_name, RECORD.district_name):
        assert word not in content


def test_rendering_is_a_pure_function(keys: SigningKeys) -> None:
    assert hcert.render(RECORD, keys, 7, NOW_MS) == hcert.render(RECORD, keys, 7, NOW_MS)
    assert hcert.render(RECORD, keys, 8, NOW_MS) != hcert.render(RECORD, keys, 7, NOW_MS)


@pytest.mark.parametrize(("days", "expected"), [(0, 730), (500, 1095), (1094, 1095)])
def test_a_certificate_never_outlives_its_signer(keys: SigningKeys, days: int, expected: int) -> None:
    found = claims(hcert.render(RECORD, keys, 7, NOW_MS + days * DAY_MS))
    assert abs(found[4] * 1000 - NOW_MS - expected * DAY_MS) < 2000  # type: ignore[operator]


@pytest.mark.parametrize(("at_ms", "date"), [(1_795_458_599_999, "2026-11-23"), (1_795_458_600_000, "2026-11-24")])
def test_the_date_is_the_one_on_the_wall_in_india(at_ms: int, date: str) -> None:
    assert hcert.vaccinated_on(msgspec.structs.replace(RECORD, administered_at_ms=at_ms)) == date


def test_the_code_fits_a_qr_code_of_a_paper_slip(keys: SigningKeys) -> None:
    assert len(hcert.render(RECORD, keys, advisory.ENTRIES - 1, NOW_MS)) <= 970  # ISO/IEC 18004: version 20-M
    assert len(hcert.render(PENTAVALENT, keys, advisory.ENTRIES - 1, NOW_MS)) <= 800


@settings(deadline=None)
@given(record=records, index=st.integers(0, advisory.ENTRIES - 1))
def test_every_record_comes_back_as_it_was(keys: SigningKeys, record: DoseRecord, index: int) -> None:
    verified = verify_hcert(hcert.render(record, keys, index, NOW_MS), keys.trust, NOW_MS)
    assert verified.status_index == index
    assert verified.findings == ()
    found = verified.subclaims[3]
    assert (found["name"], found["birthDate"]) == (record.person_name, record.birth_date)
    dose = found["vaccination"]
    assert isinstance(dose, dict)
    assert (dose["lot"], dose["dose"], dose["totalDoses"]) == (record.batch, record.dose_number, record.doses_total)
