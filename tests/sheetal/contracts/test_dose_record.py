from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.dose_record import DoseRecord

RECORD = DoseRecord(
    dose="d-1",
    certificate="c-1",
    person_name="सीता देवी",
    birth_date="1961",
    reference_id="12345678901234",
    vaccine="COVISHIELD",
    vaccine_name="Covishield",
    manufacturer="Serum Institute of India",
    batch="CS-2301",
    dose_number=1,
    doses_total=2,
    administered_at_ms=1_795_000_000_000,
    facility="F-101",
    facility_name="Rampur CHC",
    district_name="Gautam Buddha Nagar",
    state_name="Uttar Pradesh",
)


def test_a_record_comes_back_as_it_was_kept() -> None:
    assert msgspec.json.decode(msgspec.json.encode(RECORD), type=DoseRecord) == RECORD


def test_codes_may_be_unknown_and_the_country_is_india() -> None:
    assert RECORD.country == "IN"
    assert (RECORD.dcc_prophylaxis, RECORD.dcc_medicinal_product, RECORD.dcc_manufacturer) == (None, None, None)


@pytest.mark.parametrize("field", ["batch", "person_name", "administered_at_ms", "dose_number"])
def test_what_a_record_must_say(field: str) -> None:
    words = msgspec.to_builtins(RECORD)
    del words[field]
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(words, DoseRecord)
