from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import Refused
from sheetal.ledger import gate, holdings, stock
from sheetal.ledger.judgement_tables import appliance_judgement
from sheetal.ledger.stock_tables import holding, stay
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import FACILITY, NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

HOLDOVER_MS = 180 * MINUTE_MS
OPEN = gate.GateFacts(
    holding="H-1",
    lot=seeds.LOT,
    product=seeds.PRODUCT,
    facility_id=FACILITY,
    disposition="AVAILABLE",
    doses_left=1,
    expires_at_ms=NOW_MS + 1,
    gap_open_from_ms=None,
    rejudges_open=0,
    verdict_id=None,
    stay_id=1,
    appliance="A-1",
    evidence_kind="telemetry",
    known_bound_ms=HOUR_MS,
    judged_through_ms=NOW_MS,
    known_through_ms=NOW_MS,
)


def reason(ledger: Ledger, now_ms: int = NOW_MS, place: str = FACILITY) -> object:
    """The reason from the page; the dose itself must agree, and take nothing when it is refused."""
    refused = seeds.refusal(ledger, now_ms=now_ms, place=place)
    if refused is None:
        seeds.dose(ledger, now_ms=now_ms, place=place)
        return None
    with pytest.raises(Refused) as from_dose:
        seeds.dose(ledger, now_ms=now_ms, place=place)
    assert from_dose.value.facts == refused.facts
    assert from_dose.value.next_step == refused.next_step != ""
    return refused.facts["reason"]


def change(ledger: Ledger, **values: object) -> None:
    with ledger.write() as conn:
        conn.execute(update(holding).where(holding.c.id == "H-1").values(**values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"disposition": "QUARANTINED"}, RefusalReason.HELD),
        ({"disposition": "UNDER_ASSESSMENT"}, RefusalReason.HELD),
        ({"disposition": "CONDEMNED"}, RefusalReason.CONDEMNED),
        ({"disposition": "DESTROYED"}, RefusalReason.CONDEMNED),
        ({"disposition": "RELEASED"}, None),
        ({"disposition": "RELEASED_USE_FIRST"}, None),
        ({"expires_at_ms": NOW_MS}, RefusalReason.EXPIRED),
        ({"expires_at_ms": NOW_MS + 1}, None),
        ({"doses_left": 0}, RefusalReason.NO_DOSES_LEFT),
        ({"gap_open_from_ms": NOW_MS - DAY_MS}, RefusalReason.GAP),
        ({"rejudges_open": 1}, RefusalReason.NOT_REJUDGED),
    ],
)
def test_each_condition_of_the_holding(stocked: Ledger, values: dict[str, object], expected: object) -> None:
    change(stocked, **values)
    assert reason(stocked) is expected


def test_an_unknown_label(stocked: Ledger) -> None:
    refused = seeds.refusal(stocked, "H-404")
    assert refused is not None
    assert refused.facts == {"reason": RefusalReason.UNKNOWN_HOLDING, "holding": "H-404"}


def test_another_facility(stocked: Ledger) -> None:
    assert reason(stocked, place=seeds.OTHER_FACILITY) is RefusalReason.OTHER_FACILITY


def test_another_product(stocked: Ledger) -> None:
    with stocked.write() as conn, pytest.raises(Refused) as caught:
        holdings.take_dose(conn, "H-1", FACILITY, "covaxin", NOW_MS)
    assert caught.value.facts["reason"] is RefusalReason.OTHER_PRODUCT
    assert caught.value.facts["product"] == seeds.PRODUCT


def test_no_stay(stocked: Ledger) -> None:
    with stocked.write() as conn:
        conn.execute(update(stay).values(until_ms=NOW_MS))
    assert reason(stocked) is RefusalReason.NO_STAY


def test_an_appliance_that_was_never_judged(stocked: Ledger) -> None:
    with stocked.write() as conn:
        conn.execute(delete(appliance_judgement))
    assert reason(stocked) is RefusalReason.ENGINE_SILENT


def test_an_appliance_without_any_data(stocked: Ledger) -> None:
    seeds.judge(stocked, known_ms=None)
    assert reason(stocked) is RefusalReason.DATA_TOO_OLD


@pytest.mark.parametrize(
    ("age_ms", "expected"), [(10 * MINUTE_MS, None), (10 * MINUTE_MS + 1, RefusalReason.ENGINE_SILENT)]
)
def test_the_engine_must_have_judged_within_ten_minutes(stocked: Ledger, age_ms: int, expected: object) -> None:
    seeds.judge(stocked, NOW_MS, NOW_MS)
    assert reason(stocked, NOW_MS + age_ms) is expected


@pytest.mark.parametrize("ahead_ms", [MINUTE_MS + 1, 10 * MINUTE_MS, DAY_MS])
def test_an_instant_that_lies_ahead_does_not_count(stocked: Ledger, ahead_ms: int) -> None:
    seeds.judge(stocked, NOW_MS + ahead_ms, NOW_MS)
    assert reason(stocked) is RefusalReason.ENGINE_SILENT
    seeds.judge(stocked, NOW_MS, NOW_MS + ahead_ms)
    assert reason(stocked) is RefusalReason.DATA_TOO_OLD


def test_two_servers_clocks_may_differ_by_a_minute(stocked: Ledger) -> None:
    seeds.judge(stocked, NOW_MS + MINUTE_MS, NOW_MS + MINUTE_MS)
    assert reason(stocked) is None


@pytest.mark.parametrize(("age_ms", "expected"), [(HOLDOVER_MS, None), (HOLDOVER_MS + 1, RefusalReason.DATA_TOO_OLD)])
def test_data_may_be_as_old_as_the_sourced_holdover(stocked: Ledger, age_ms: int, expected: object) -> None:
    seeds.judge(stocked, NOW_MS, NOW_MS - age_ms)
    assert reason(stocked) is expected


def test_fresh_data_never_help_a_silent_engine(stocked: Ledger) -> None:
    seeds.judge(stocked, NOW_MS, NOW_MS)
    assert reason(stocked, NOW_MS + HOUR_MS) is RefusalReason.ENGINE_SILENT


BOUNDS = [
    (seeds.SECOND_APPLIANCE, EvidenceKind.TELEMETRY, HOUR_MS),
    (seeds.APPLIANCE, EvidenceKind.TWICE_DAILY, 16 * HOUR_MS),
    (seeds.APPLIANCE, EvidenceKind.LOGGER_FILE, 16 * HOUR_MS),
]


@pytest.mark.parametrize(("appliance_id", "kind", "bound_ms"), BOUNDS)
def test_the_bound_depends_on_the_evidence(
    stocked: Ledger, appliance_id: str, kind: EvidenceKind, bound_ms: int
) -> None:
    seeds.move(stocked, "H-1", appliance_id, kind)
    seeds.judge(stocked, NOW_MS, NOW_MS - bound_ms)
    assert reason(stocked) is None
    assert reason(stocked, NOW_MS + 1) is RefusalReason.DATA_TOO_OLD


def test_a_packed_carrier_is_believed_in_for_its_cold_life_without_any_data(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", seeds.CARRIER, EvidenceKind.PACKED_CARRIER, NOW_MS)
    for age_ms, expected in ((8 * HOUR_MS, None), (8 * HOUR_MS + 1, RefusalReason.DATA_TOO_OLD)):
        seeds.judge(stocked, NOW_MS + age_ms, None)
        assert reason(stocked, NOW_MS + age_ms) is expected


def test_a_packed_carrier_needs_a_living_engine_too(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", seeds.CARRIER, EvidenceKind.PACKED_CARRIER, NOW_MS)
    seeds.judge(stocked, NOW_MS, None)
    assert reason(stocked, NOW_MS + HOUR_MS) is RefusalReason.ENGINE_SILENT


def test_the_present_stay_counts_not_an_earlier_one(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", seeds.SECOND_APPLIANCE)
    seeds.judge(stocked)
    with stocked.write() as conn:
        silent = appliance_judgement.c.appliance_id == seeds.SECOND_APPLIANCE
        conn.execute(update(appliance_judgement).where(silent).values(known_through_ms=None))
    assert reason(stocked) is RefusalReason.DATA_TOO_OLD


WORSE_AND_WORSE: list[tuple[RefusalReason, Callable[[gate.GateFacts], gate.GateFacts]]] = [
    (RefusalReason.DATA_TOO_OLD, lambda facts: replace(facts, known_through_ms=None)),
    (RefusalReason.ENGINE_SILENT, lambda facts: replace(facts, judged_through_ms=None)),
    (RefusalReason.NO_STAY, lambda facts: replace(facts, stay_id=None)),
    (RefusalReason.NOT_REJUDGED, lambda facts: replace(facts, rejudges_open=1)),
    (RefusalReason.GAP, lambda facts: replace(facts, gap_open_from_ms=1)),
    (RefusalReason.NO_DOSES_LEFT, lambda facts: replace(facts, doses_left=0)),
    (RefusalReason.EXPIRED, lambda facts: replace(facts, expires_at_ms=NOW_MS)),
    (RefusalReason.CONDEMNED, lambda facts: replace(facts, disposition=Disposition.CONDEMNED)),
    (RefusalReason.HELD, lambda facts: replace(facts, disposition=Disposition.QUARANTINED)),
    (RefusalReason.OTHER_PRODUCT, lambda facts: replace(facts, product="covaxin")),
    (RefusalReason.OTHER_FACILITY, lambda facts: replace(facts, facility_id="F-9")),
]


def test_the_worst_reason_is_named_first() -> None:
    facts = OPEN
    assert gate.worst_reason(facts, FACILITY, seeds.PRODUCT, NOW_MS) is None
    for expected, worsen in WORSE_AND_WORSE:
        facts = worsen(facts)
        assert gate.worst_reason(facts, FACILITY, seeds.PRODUCT, NOW_MS) is expected
    named = [expected for expected, _ in reversed(WORSE_AND_WORSE)]
    assert named == [one for one in RefusalReason if one is not RefusalReason.UNKNOWN_HOLDING]


def test_each_reason_has_a_sentence_and_a_next_step() -> None:
    assert set(gate.SENTENCES) == set(gate.NEXT_STEPS) == set(RefusalReason)
    assert all(gate.SENTENCES.values())
    assert all(gate.NEXT_STEPS.values())


def instants(*, maybe: bool) -> st.SearchStrategy[int | None]:
    near = st.integers(NOW_MS - 20 * HOUR_MS, NOW_MS)
    bounds = (NOW_MS - 10 * MINUTE_MS, NOW_MS + gate.AHEAD_MS_MAX)
    edges = st.sampled_from([bound_ms + step for bound_ms in bounds for step in (-1, 0, 1)])
    return st.one_of(near, edges, st.none()) if maybe else st.one_of(near, edges)


STATES = st.fixed_dictionaries(
    {
        "disposition": st.sampled_from([word.value for word in Disposition]),
        "doses_left": st.integers(0, 2),
        "expires_at_ms": st.sampled_from([NOW_MS - 1, NOW_MS, NOW_MS + 1]),
        "gap_open_from_ms": st.sampled_from([None, NOW_MS - HOUR_MS]),
        "rejudges_open": st.integers(0, 1),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=STATES, judged=instants(maybe=False), known=instants(maybe=True), data=st.data())
def test_the_words_and_the_update_always_agree(
    stocked: Ledger,
    state: dict[str, object],
    judged: int,
    known: int | None,
    data: st.DataObject,
) -> None:
    kind = data.draw(st.sampled_from(EvidenceKind))
    place = data.draw(st.sampled_from([FACILITY, FACILITY, seeds.OTHER_FACILITY]))
    with stocked.write() as conn:
        put(conn, state, judged, known, kind, data.draw(instants(maybe=False)) or 0)
    before = doses_left(stocked)
    refused = reason(stocked, place=place)
    assert doses_left(stocked) == before - (refused is None)


def doses_left(ledger: Ledger) -> int:
    with ledger.read() as conn:
        return stock.holding_by_id(conn, "H-1").doses_left


def put(
    conn: Connection, state: dict[str, object], judged: int, known: int | None, kind: EvidenceKind, packed: int
) -> None:
    conn.execute(update(holding).values(**state))
    conn.execute(delete(appliance_judgement))
    row = {"appliance_id": "A-1", "judged_through_ms": judged, "known_through_ms": known, "state": "in_range"}
    conn.execute(insert(appliance_judgement).values(**row))
    is_packed = kind is EvidenceKind.PACKED_CARRIER
    conn.execute(update(stay).values(evidence_kind=kind.value, packed_at_ms=packed if is_packed else None))
