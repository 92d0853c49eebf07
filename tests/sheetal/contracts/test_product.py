from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.limits import HoldRule, Measure, Side, Source, StorageRange
from sheetal.contracts.product import Product, Schedule

SOURCE = Source(citation="a label", confidence="high", default_of="programme", decided_by="medical officer, 2026-11-23")
PRODUCT = Product(
    product="covishield",
    version=1,
    vaccine="COVISHIELD",
    display_name="Covishield",
    display_name_hindi="कोविशील्ड",
    manufacturer="Serum Institute of India",
    stage="refrigerated",
    freeze_sensitive=True,
    vvm_type=None,
    doses_per_vial=10,
    open_vial_hours=4,
    ranges=[StorageRange(stage="refrigerated", centi_celsius_min=200, centi_celsius_max=800, source=SOURCE)],
    hold_rules=[
        HoldRule(
            rule="freeze",
            side=Side.COLD,
            limit_centi_celsius=-50,
            inclusive=True,
            measure=Measure.RUN,
            minutes=60,
            source=SOURCE,
        ),
    ],
    schedule=Schedule(
        doses_total=2,
        interval_days_min=84,
        interval_days_max=None,
        age_years_min=18,
        effective_from="2021-05-13",
        effective_until=None,
        source=SOURCE,
    ),
    excursion_budget=None,
    effective_from="2021-05-13",
)


def test_a_product_comes_back_as_it_was_recorded() -> None:
    assert msgspec.json.decode(msgspec.json.encode(PRODUCT, order="deterministic"), type=Product) == PRODUCT


def test_a_product_is_frozen() -> None:
    with pytest.raises(AttributeError):
        PRODUCT.version = 2  # type: ignore[misc]


@pytest.mark.parametrize("field", ["ranges", "hold_rules", "schedule", "freeze_sensitive", "excursion_budget"])
def test_what_a_product_must_say(field: str) -> None:
    words = msgspec.to_builtins(PRODUCT)
    del words[field]
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(words, Product)


def test_codes_may_be_unknown() -> None:
    assert (PRODUCT.dcc_prophylaxis, PRODUCT.dcc_medicinal_product, PRODUCT.dcc_manufacturer) == (None, None, None)
    assert PRODUCT.effective_until is None
