"""What a certificate is made from: one dose of one person, independent of any format."""

from __future__ import annotations

import msgspec


class DoseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One vaccination event. It carries personal data: never log it, never publish it in the clear.

    `certificate` is the public id (`URN:UVCI:…`-able, random). `birth_date` is ISO, possibly only a year.
    """

    dose: str
    certificate: str
    person_name: str
    birth_date: str
    reference_id: str
    vaccine: str
    vaccine_name: str
    manufacturer: str
    batch: str
    dose_number: int
    doses_total: int
    administered_at_ms: int
    facility: str
    facility_name: str
    district_name: str
    state_name: str
    country: str = "IN"
    dcc_prophylaxis: str | None = None
    dcc_medicinal_product: str | None = None
    dcc_manufacturer: str | None = None
