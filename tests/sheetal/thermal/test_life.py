"""Storage stages of a life: what begins them, and which is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import Source
from sheetal.contracts.product import NextStage
from sheetal.thermal.life import OPEN, THAW, Life, StageSpan, stage_at, stage_spans
from tests.sheetal.thermal.given import at

if TYPE_CHECKING:
    from tests.sheetal.thermal.conftest import MakeProduct

SOURCE = Source(citation="label", confidence="high")
THAWED = NextStage(stage="thawed", after=THAW, minutes_max=31 * 1_440, source=SOURCE)
IN_USE = NextStage(stage="in_use", after=OPEN, minutes_max=None, source=SOURCE)


def test_a_product_without_further_stages_has_one(make_product: MakeProduct) -> None:
    product = make_product()
    assert stage_spans(product, None, None) == [StageSpan("refrigerated", 0, None, None)]
    assert stage_spans(product, at(5), at(9)) == [StageSpan("refrigerated", 0, None, None)]


def test_a_thaw_and_then_an_opening_begin_stages(make_product: MakeProduct) -> None:
    product = make_product(next_stages=[IN_USE, THAWED])
    spans = stage_spans(product, at(5), at(9))
    assert [(span.stage, span.from_ms) for span in spans] == [
        ("refrigerated", 0),
        ("thawed", at(5)),
        ("in_use", at(9)),
    ]
    assert (spans[1].minutes_max, spans[1].source) == (31 * 1_440, SOURCE)


def test_the_order_of_the_acts_is_that_of_their_instants(make_product: MakeProduct) -> None:
    product = make_product(next_stages=[THAWED, IN_USE])
    assert [span.stage for span in stage_spans(product, at(9), at(5))] == ["refrigerated", "in_use", "thawed"]


@pytest.mark.parametrize(
    ("minute", "stage"), [(0, "refrigerated"), (4.99, "refrigerated"), (5, "thawed"), (900, "thawed")]
)
def test_a_stage_is_in_force_from_its_instant_on(make_product: MakeProduct, minute: float, stage: str) -> None:
    assert stage_at(stage_spans(make_product(next_stages=[THAWED]), at(5), None), at(minute)) == stage


def test_of_a_life_nothing_is_assumed(make_product: MakeProduct) -> None:
    life = Life("H-1", make_product(), [])
    assert (life.expires_at_ms, life.thawed_at_ms, life.opened_at_ms) == (None, None, None)
    assert (life.packings, life.vvm_readings, dict(life.vouchers), dict(life.fusion)) == ((), (), {}, {})
