"""Grounds beside temperature: each proposes at its instant and not a millisecond before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from sheetal.contracts.limits import Side, Source
from sheetal.contracts.product import NextStage, OpenVial
from sheetal.contracts.verdict import Finding, Ground, VvmUse
from sheetal.thermal.life import OPEN, THAW, Life, Packing, VvmReading
from sheetal.thermal.proposals import ALIKE_MAX, PPM_WHOLE, proposals_of, side_of
from sheetal.thermal.verdict import judge_life
from tests.sheetal.thermal.given import MINUTE, TVC, at, segment, trace

if TYPE_CHECKING:
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Proposal
    from tests.sheetal.thermal.conftest import MakeProduct, MakeRule

SOURCE = Source(citation="label", confidence="high")


def life_of(product: Product, **facts: object) -> Life:
    """A calm week from minute 0 on."""
    calm = segment(0, None, trace(product, TVC, (0, 300, 450)))
    return Life("H-1", product, [calm])._replace(**facts)


def grounds(life: Life, minute: float) -> list[tuple[Ground, bool, int]]:
    return [(one.ground, one.condemns, one.since_ms) for one in proposals_of(life, [], None, at(minute))]


def test_a_calm_life_gives_no_ground(make_product: MakeProduct) -> None:
    assert grounds(life_of(make_product(), expires_at_ms=at(500)), 499) == []


def test_expiry_counts_from_its_very_instant(make_product: MakeProduct) -> None:
    life = life_of(make_product(), expires_at_ms=at(500))
    assert grounds(life, 500) == [(Ground.EXPIRED, True, at(500))]
    (found,) = proposals_of(life, [], None, at(900))
    assert found.compromised_from_ms == at(500), "doses given before are not doubted"
    assert judge_life(life, at(500)).finding is Finding.PROPOSED_CONDEMNED
    assert judge_life(life, at(500) - 1).finding is Finding.USABLE


@pytest.mark.parametrize(("stage", "condemns"), [(1, False), (2, False), (3, True), (4, True)])
def test_a_monitor_at_its_discard_point_condemns(make_product: MakeProduct, stage: int, condemns: bool) -> None:  # noqa: FBT001 - a table of cases
    life = life_of(make_product(), vvm_readings=(VvmReading(at(100), stage),))
    assert grounds(life, 100) == ([(Ground.VVM_STAGE, True, at(100))] if condemns else [])
    assert grounds(life, 99) == []


def test_doses_since_the_last_good_reading_of_a_monitor_are_doubted(make_product: MakeProduct) -> None:
    readings = (VvmReading(at(200), 3), VvmReading(at(50), 1), VvmReading(at(120), 2))
    (found,) = proposals_of(life_of(make_product(), vvm_readings=readings), [], None, at(300))
    assert (found.since_ms, found.compromised_from_ms) == (at(200), at(120))
    (found,) = proposals_of(life_of(make_product(), vvm_readings=readings[:1]), [], None, at(300))
    assert found.compromised_from_ms == at(0), "nobody ever read a good one: since it is ours"


def test_what_a_monitor_showed_at_packing_counts_too(make_product: MakeProduct) -> None:
    life = life_of(make_product(), packings=(Packing(1, at(60), "conditioned", 3),))
    assert grounds(life, 60) == [(Ground.VVM_STAGE, True, at(60))]
    assert grounds(life, 59) == []


def test_ice_packs_from_the_freezer_hold_what_must_not_freeze(make_product: MakeProduct) -> None:
    packed = (Packing(1, at(60), "frozen", None),)
    sensitive = life_of(make_product(), packings=packed)
    assert grounds(sensitive, 60) == [(Ground.PACKED_FROZEN, False, at(60))]
    assert judge_life(sensitive, at(60)).finding is Finding.HOLD
    heat_alone = [rule for rule in make_product().hold_rules if rule.side is Side.HOT]
    hardy = life_of(replace(make_product(), freeze_sensitive=False, hold_rules=heat_alone), packings=packed)
    assert grounds(hardy, 900) == []
    assert grounds(life_of(make_product(), packings=(Packing(1, at(60), "conditioned", 1),)), 900) == []


def test_what_is_thawed_once_must_not_freeze_again(make_product: MakeProduct, make_rule: MakeRule) -> None:
    thawed = NextStage(stage="thawed", after=THAW, minutes_max=None, source=SOURCE)
    rules = [make_rule("heat", limit=800), replace(make_rule("refrozen", limit=-300), stage="thawed")]
    product = replace(make_product(next_stages=[thawed]), freeze_sensitive=False, hold_rules=rules)
    life = life_of(product, packings=(Packing(1, at(60), "frozen", None),))
    assert grounds(life, 900) == [], "still frozen stock among frozen packs is where it belongs"
    assert grounds(life._replace(thawed_at_ms=at(61)), 900) == []
    assert grounds(life._replace(thawed_at_ms=at(60)), 900) == [(Ground.PACKED_FROZEN, False, at(60))]


def test_an_open_vial_ends_by_the_programmes_own_hours(make_product: MakeProduct) -> None:
    hours = [
        OpenVial(programme="IN", minutes=240, source=SOURCE),
        OpenVial(programme="WHO", minutes=360, source=SOURCE),
    ]
    life = life_of(make_product(open_vials=hours), opened_at_ms=at(10))
    assert grounds(life, 249.9) == []
    assert grounds(life, 250) == [(Ground.OPEN_TOO_LONG, True, at(250))]
    assert grounds(life._replace(programme="WHO"), 369) == []
    assert grounds(life._replace(programme="WHO"), 370) == [(Ground.OPEN_TOO_LONG, True, at(370))]
    assert grounds(life._replace(opened_at_ms=None), 9_000) == []


def test_a_stage_ends_by_its_longest_time_unless_the_next_began(make_product: MakeProduct) -> None:
    thawed = NextStage(stage="thawed", after=THAW, minutes_max=100, source=SOURCE)
    opened = NextStage(stage="in_use", after=OPEN, minutes_max=20, source=SOURCE)
    life = life_of(make_product(next_stages=[thawed, opened]), thawed_at_ms=at(10))
    assert grounds(life, 109) == []
    assert grounds(life, 110) == [(Ground.STAGE_TOO_LONG, True, at(110))]
    in_time = life._replace(opened_at_ms=at(100))
    assert grounds(in_time, 119) == []
    assert grounds(in_time, 120) == [(Ground.STAGE_TOO_LONG, True, at(120))]


@pytest.mark.parametrize(("ppm", "found"), [(PPM_WHOLE - 1, []), (PPM_WHOLE, [Ground.VVM_LIFE])])
def test_a_computed_life_only_holds(make_product: MakeProduct, ppm: int, found: list[Ground]) -> None:
    use = VvmUse(vvm_type="2", ppm=ppm, ppm_unknown_worst=ppm, stage=None, stage_read_at_ms=None, source=SOURCE)
    proposed = proposals_of(life_of(make_product()), [], use, at(300))
    assert [one.ground for one in proposed] == found
    assert not any(one.condemns for one in proposed)


def test_each_reading_at_the_discard_point_is_a_ground_of_its_own(make_product: MakeProduct) -> None:
    """Who releases after the first, because the vials were read again and found good, has not decided on the next."""
    readings = (VvmReading(at(100), 3), VvmReading(at(150), 2), VvmReading(at(200), 3), VvmReading(at(200), 4))
    life = life_of(make_product(), vvm_readings=readings)
    assert grounds(life, 199) == [(Ground.VVM_STAGE, True, at(100))]
    assert grounds(life, 200) == [(Ground.VVM_STAGE, True, at(100)), (Ground.VVM_STAGE, True, at(200))]
    assert [one.compromised_from_ms for one in proposals_of(life, [], None, at(200))] == [at(0), at(150)]


def test_each_packing_among_frozen_packs_is_a_ground_of_its_own(make_product: MakeProduct) -> None:
    """A part split off in its carrier was packed once with its whole; the next trip is another packing."""
    packed = (
        Packing(1, at(60), "frozen", None),
        Packing(2, at(60), "frozen", None),
        Packing(5, at(90), "frozen", None),
    )
    life = life_of(make_product(), packings=packed)
    assert grounds(life, 90) == [(Ground.PACKED_FROZEN, False, at(60)), (Ground.PACKED_FROZEN, False, at(90))]


def test_grounds_of_a_kind_are_bounded_and_keep_the_first_and_the_newest(make_product: MakeProduct) -> None:
    life = life_of(make_product(), vvm_readings=tuple(VvmReading(at(minute), 4) for minute in range(100)))
    found = [one.since_ms for one in proposals_of(life, [], None, at(300))]
    assert found == [at(0), *(at(minute) for minute in range(100 - ALIKE_MAX, 100))]


def frozen(product: Product) -> list[Proposal]:
    """Two hours at −1.8 °C."""
    cold = segment(0, None, trace(product, TVC, (0, 29, 400), (30, 150, -180), (151, 200, 400)))
    return judge_life(Life("H-1", product, [cold]), at(300)).proposals


def test_a_freeze_by_the_programmes_default_holds_and_one_by_the_makers_limit_condemns(
    make_product: MakeProduct,
) -> None:
    product = make_product()
    by_default = [replace(rule, source=replace(rule.source, default_of="programme")) for rule in product.hold_rules]
    by_maker = [replace(rule, source=replace(rule.source, default_of=None)) for rule in product.hold_rules]
    assert frozen(replace(product, hold_rules=by_default)) == []
    (found,) = frozen(replace(product, hold_rules=by_maker))
    assert (found.ground, found.condemns, found.compromised_from_ms) == (Ground.FROZEN, True, at(29))
    hardy = replace(product, hold_rules=by_maker, freeze_sensitive=False)
    assert frozen(hardy) == []


def test_only_what_freezes_is_told_as_cold() -> None:
    assert {ground for ground in Ground if side_of(ground) is Side.COLD} == {Ground.FROZEN, Ground.PACKED_FROZEN}


def test_grounds_come_in_order_of_time(make_product: MakeProduct) -> None:
    life = life_of(
        make_product(),
        expires_at_ms=at(50),
        vvm_readings=(VvmReading(at(200), 4),),
        packings=(Packing(1, at(20), "frozen", None),),
    )
    found = grounds(life, 300)
    assert [one[2] for one in found] == [at(20), at(50), at(200)]
    assert at(1) - at(0) == MINUTE
