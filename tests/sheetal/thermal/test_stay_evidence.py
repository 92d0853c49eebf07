"""What a stay contributed, told so that it can be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.verdict import SensorEvidence
from sheetal.thermal.life import Life
from sheetal.thermal.stay_evidence import no_later, stay_evidence
from tests.sheetal.thermal.given import TOP, TVC, at, segment, trace

if TYPE_CHECKING:
    from tests.sheetal.thermal.conftest import MakeProduct


def test_segments_of_one_stay_are_told_together(make_product: MakeProduct) -> None:
    product = make_product()
    first = segment(0, 100, trace(product, TVC, (0, 99, 400)))
    second = segment(100, None, trace(product, TOP, (100, 200, 700)))._replace(stage="in_use")
    (told,) = stay_evidence(Life("H-1", product, [first, second]), at(300))
    assert (told.from_ms, told.until_ms, told.sensors) == (at(0), None, sorted([TVC, TOP]))
    assert (told.centi_celsius_min, told.centi_celsius_max, told.readings) == (400, 700, 201)
    assert told.stage == "in_use"


def test_each_stay_has_its_vouchers_and_its_fusion(make_product: MakeProduct) -> None:
    product = make_product()
    vouched = SensorEvidence(sensor=TVC, position="coldest", accuracy_centi_celsius=50, faults=[(at(3), None)])
    stays = [segment(0, 10, trace(product, TVC, (0, 9, 400))), segment(10, None, stay=2, appliance="A-2")]
    life = Life("H-1", product, stays, vouchers={1: (vouched,)}, fusion={1: "by_position"})
    first, second = stay_evidence(life, at(20))
    assert (first.vouchers, first.fusion, first.stage) == ([vouched], "by_position", product.stage)
    assert (second.vouchers, second.fusion) == ([], "worst")
    assert (second.readings, second.centi_celsius_min, second.known_through_ms) == (0, None, None)


@pytest.mark.parametrize(("instant", "told"), [(None, None), (5, 5), (10, 10), (11, 10)])
def test_nothing_is_known_of_the_future(instant: int | None, told: int | None) -> None:
    assert no_later(instant, 10) == told
