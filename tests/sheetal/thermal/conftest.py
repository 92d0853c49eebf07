from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from sheetal.contracts.limits import HoldRule, Measure, Side, Source, StorageRange
from sheetal.contracts.product import Product, Schedule

SOURCE = Source(citation="made up for tests", confidence="high")
DEFAULT = Source(citation="made up for tests", confidence="high", default_of="programme", decided_by="a test")

MakeRule = Callable[..., HoldRule]
MakeProduct = Callable[..., Product]


def make_rule_of(
    name: str = "freeze",
    *,
    limit: int = -50,
    minutes: int = 60,
    measure: Measure = Measure.RUN,
    inclusive: bool | None = None,
) -> HoldRule:
    side = Side.COLD if limit <= 200 else Side.HOT
    return HoldRule(
        rule=name,
        side=side,
        limit_centi_celsius=limit,
        inclusive=side is Side.COLD if inclusive is None else inclusive,
        measure=measure,
        minutes=minutes,
        source=DEFAULT,
    )


def make_product_of(*rules: HoldRule, low: int | None = 200, high: int | None = 800, **more: object) -> Product:
    made = Product(
        product="covishield",
        version=3,
        vaccine="COVISHIELD",
        display_name="Covishield",
        display_name_hindi="कोविशील्ड",
        manufacturer="Serum Institute of India",
        stage="refrigerated",
        freeze_sensitive=True,
        vvm_type=None,
        doses_per_vial=10,
        open_vial_hours=4,
        ranges=[
            StorageRange(stage="refrigerated", centi_celsius_min=low, centi_celsius_max=high, source=SOURCE),
            StorageRange(stage="in_use", centi_celsius_min=0, centi_celsius_max=3000, source=SOURCE),
        ],
        hold_rules=list(rules) or [make_rule_of(), make_rule_of("heat", limit=800, minutes=600)],
        schedule=Schedule(
            doses_total=2,
            interval_days_min=84,
            interval_days_max=None,
            age_years_min=18,
            effective_from="2021-01-16",
            effective_until=None,
            source=SOURCE,
        ),
        excursion_budget=None,
        effective_from="2021-01-16",
    )
    return replace(made, **more)


@pytest.fixture(scope="session")
def make_rule() -> MakeRule:
    return make_rule_of


@pytest.fixture(scope="session")
def make_product() -> MakeProduct:
    return make_product_of
