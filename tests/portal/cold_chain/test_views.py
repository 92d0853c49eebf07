from __future__ import annotations

from dataclasses import replace

import msgspec

from portal.cold_chain.rules import Standing, State
from portal.cold_chain.views import HELD_LETTER, STATE_LETTERS, Cell, District, HoldingLine
from sheetal.contracts.limits import Source
from sheetal.contracts.verdict import Finding, StayEvidence, Verdict, VvmUse
from tests.portal.cold_chain.test_rules import INSIDE


def test_every_state_has_a_letter_of_its_own() -> None:
    assert set(STATE_LETTERS) == set(State)
    assert len({*STATE_LETTERS.values(), HELD_LETTER}) == len(State) + 1


def test_a_district_counts_its_trouble() -> None:
    cells = [Cell(letter, f"A-{number}", "ILR") for number, letter in enumerate("ffwnhoo")]
    district = District("North", cells)
    assert district.trouble == 5
    assert [district.count(letter) for letter in "fwnho"] == [2, 1, 1, 1, 2]


def evidence(low: int | None, high: int | None) -> StayEvidence:
    return StayEvidence(
        stay=1,
        appliance="A-1",
        evidence_kind="telemetry",
        from_ms=0,
        until_ms=None,
        sensors=[],
        readings=0,
        centi_celsius_min=low,
        centi_celsius_max=high,
        minutes_unknown=0,
        known_through_ms=None,
    )


def line(*stays: StayEvidence) -> HoldingLine:
    verdict = Verdict(
        holding="H-1",
        finding=Finding.USABLE,
        rule_version="v",
        product="p",
        product_version=1,
        judged_through_ms=1,
        known_through_ms=None,
        reached=[],
        noted=[],
        stays=list(stays),
    )
    return HoldingLine(INSIDE, None, Standing.USABLE, verdict)


def test_extremes_are_over_all_stays() -> None:
    assert line(evidence(300, 700), evidence(-10, 650), evidence(None, None)).extremes == (-10, 700)


def test_without_data_there_are_no_extremes() -> None:
    assert line(evidence(None, None)).extremes == (None, None)
    assert HoldingLine(INSIDE, None, Standing.NOT_JUDGED, None).extremes == (None, None)


def test_what_is_left_of_a_monitors_life_is_never_less_than_nothing() -> None:
    plain = line(evidence(300, 500))
    assert plain.verdict is not None
    assert plain.vvm_left_ppm is None
    assert replace(plain, verdict=None).vvm_left_ppm is None
    source = Source(citation="made up", confidence="high")
    for lost, left in ((69_000, 931_000), (1_200_000, 0)):
        use = VvmUse(vvm_type="14", ppm=lost, ppm_unknown_worst=lost, stage=None, stage_read_at_ms=None, source=source)
        stays = [msgspec.structs.replace(plain.verdict.stays[0], readings=9)]
        judged = msgspec.structs.replace(plain.verdict, vvm=use, stays=stays)
        assert replace(plain, verdict=judged).vvm_left_ppm == left
        unread = msgspec.structs.replace(plain.verdict, vvm=use)
        assert replace(plain, verdict=unread).vvm_left_ppm is None, "nothing is computed from no data"
