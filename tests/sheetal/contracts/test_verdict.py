from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.limits import HoldRule, Measure, Side, Source
from sheetal.contracts.verdict import HOLDING, Finding, Reached, Run, StayEvidence, Verdict

RULE = HoldRule(
    rule="freeze",
    side=Side.COLD,
    limit_centi_celsius=-50,
    inclusive=True,
    measure=Measure.RUN,
    minutes=60,
    source=Source(citation="a label", confidence="high"),
)
RUN = Run(
    sensor="gw-01.a",
    side=Side.COLD,
    limit_centi_celsius=-50,
    first_ms=1_000,
    last_ms=3_700_000,
    earliest_possible_start_ms=500,
    confirmed_half_ms=7_398_000,
    possible_half_ms=7_400_000,
    extreme_centi_celsius=-120,
    samples=61,
    open=True,
)
STAY = StayEvidence(
    stay=1,
    appliance="A-1",
    evidence_kind="telemetry",
    from_ms=0,
    until_ms=None,
    sensors=["gw-01.a"],
    readings=61,
    centi_celsius_min=-120,
    centi_celsius_max=450,
    minutes_unknown=0,
    known_through_ms=3_700_000,
)
VERDICT = Verdict(
    holding="H-1",
    finding=Finding.HOLD,
    rule_version="test/1",
    product="covishield",
    product_version=1,
    judged_through_ms=3_800_000,
    known_through_ms=3_700_000,
    reached=[
        Reached(
            rule=RULE,
            appliance="A-1",
            stay=1,
            run=RUN,
            minutes_confirmed=61,
            minutes_possible=61,
            compromised_from_ms=500,
            borderline=False,
        ),
    ],
    noted=[],
    stays=[STAY],
)


def test_a_verdict_carries_all_that_is_needed_to_recompute_it() -> None:
    assert msgspec.json.decode(msgspec.json.encode(VERDICT, order="deterministic"), type=Verdict) == VERDICT


def test_equal_verdicts_are_equal_bytes() -> None:
    again = msgspec.convert(msgspec.to_builtins(VERDICT), Verdict)
    assert msgspec.json.encode(again, order="deterministic") == msgspec.json.encode(VERDICT, order="deterministic")


def test_the_engine_can_find_and_propose_but_neither_release_nor_condemn() -> None:
    assert {finding.value for finding in Finding} == {"usable", "excursion_noted", "hold", "proposed_condemned"}
    assert {Finding.HOLD, Finding.PROPOSED_CONDEMNED} == HOLDING


def test_a_verdict_of_an_earlier_release_still_reads() -> None:
    words = msgspec.to_builtins(VERDICT)
    for name in ("proposals", "budgets", "vvm", "mkt"):
        del words[name]
    for stay in words["stays"]:
        for name in ("stage", "fusion", "vouchers"):
            del stay[name]
    for hit in words["reached"]:
        del hit["sensor"]
    assert msgspec.convert(words, Verdict) == VERDICT


@pytest.mark.parametrize("field", ["rule_version", "product_version", "judged_through_ms", "stays"])
def test_what_a_verdict_must_say(field: str) -> None:
    words = msgspec.to_builtins(VERDICT)
    del words[field]
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(words, Verdict)


def test_a_verdict_is_never_edited() -> None:
    with pytest.raises(AttributeError):
        VERDICT.finding = Finding.USABLE  # type: ignore[misc]
