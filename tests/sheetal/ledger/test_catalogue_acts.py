from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import Refused
from sheetal.contracts.reading import Quality, Reading
from sheetal.contracts.verdict import Finding, Verdict
from sheetal.ledger import audit, catalogue, catalogue_acts, rejudge, stock
from sheetal.thermal.exposure import summarise
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.runs import samples_of
from sheetal.thermal.verdict import digest, judge, limits_of
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.catalogue_kit import PLAIN, SOURCE, file_words, fridge, narrowing, own_rule, programme, text
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, NOW_MS

if TYPE_CHECKING:
    from sheetal.contracts.product import Product
    from sheetal.ledger.connect import Ledger

SIGNED = (ACTOR, FACILITY)
TODAY = catalogue.day_of(NOW_MS)
YESTERDAY = catalogue.day_of(NOW_MS - DAY_MS)
TOMORROW = catalogue.day_of(NOW_MS + DAY_MS)


def add(ledger: Ledger, now_ms: int = NOW_MS, **changes: object) -> Product:
    with ledger.write() as conn:
        return catalogue_acts.add_version(conn, text(file_words(**changes)), PLAIN, SIGNED, now_ms)


def refused(ledger: Ledger, **changes: object) -> dict[str, object]:
    with pytest.raises(Refused) as caught:
        add(ledger, **changes)
    assert caught.value.next_step
    with ledger.read() as conn:
        assert audit.verify_chain(conn, FACILITY).broken_at is None
    return caught.value.facts


def stock_of_sample(ledger: Ledger) -> None:
    sample = stock.Lot(id="sample/S-1", product_id="sample", batch="S-1", expires_at_ms=NOW_MS + 90 * DAY_MS)
    with ledger.write() as conn:
        stock.add_lot(conn, sample, NOW_MS)
        for name in ("H-7", "H-8"):
            kind = stock.EvidenceKind.TELEMETRY
            at_ms = NOW_MS - HOUR_MS
            stock.receive_holding(conn, name, "sample/S-1", FACILITY, 5, seeds.APPLIANCE, kind, at_ms, NOW_MS, ACTOR)
    seeds.judge(ledger)


def marked(ledger: Ledger) -> list[str | None]:
    with ledger.read() as conn:
        return [one.holding_id for one in rejudge.pending(conn, 10)]


def test_a_new_product_is_a_row_with_an_entry_in_the_chain(house: Ledger) -> None:
    made = add(house)
    with house.read() as conn:
        assert catalogue.product_version(conn, "sample", NOW_MS) == made
        entry = audit.entries(conn, FACILITY, 1)[0]
    assert (entry.actor, entry.act, entry.subject) == (ACTOR, "product_version_added", "product/sample")
    detail = msgspec.json.decode(entry.detail)
    assert (detail["version"], detail["effective_from"], detail["changed"]) == (1, "2026-01-01", [])
    assert len(detail["sha256"]) == 64


def test_the_programmes_narrowing_holds_for_it_too(house: Ledger) -> None:
    narrower = programme(narrowing(centi_celsius_max=600))
    with house.write() as conn:
        made = catalogue_acts.add_version(conn, text(), narrower, SIGNED, NOW_MS)
    assert made.ranges[0].centi_celsius_max == 600


def test_the_form_is_checked_as_a_file_is(house: Ledger) -> None:
    facts = refused(house, ranges=[fridge("refrigerated") | {"source": SOURCE | {"citation": ""}}])
    assert (facts["reason"], facts["key"]) == ("flawed", "ranges[0].source.citation")
    assert facts["what"] == "is empty: no limit without a source"
    with house.read() as conn:
        assert catalogue.versions(conn, "sample") == []


def test_a_programme_that_would_widen_it_is_refused(house: Ledger) -> None:
    wider = programme(narrowing(centi_celsius_max=900))
    with house.write() as conn, pytest.raises(Refused) as caught:
        catalogue_acts.add_version(conn, text(), wider, SIGNED, NOW_MS)
    assert caught.value.facts["key"] == "narrow[0].centi_celsius_max"


def test_versions_follow_one_another(house: Ledger) -> None:
    assert refused(house, version=2)["expected"] == 1
    add(house)
    again = refused(house)
    assert (again["reason"], again["expected"]) == ("version_changed", 2)
    assert refused(house, version=3)["reason"] == "version_changed"
    assert add(house, version=2, hold_rules=[own_rule()]).version == 2


@pytest.mark.parametrize("word", ["vaccine", "manufacturer"])
def test_other_words_make_another_product(house: Ledger, word: str) -> None:
    add(house)
    assert refused(house, version=2, **{word: "OTHER"})["reason"] == "other_product"


def test_no_version_comes_before_the_one_so_far(house: Ledger) -> None:
    add(house)
    assert refused(house, version=2, effective_from="2025-12-31")["reason"] == "backdated"


def test_a_new_version_names_what_changed_and_has_every_holding_judged_again(house: Ledger) -> None:
    first = add(house)
    stock_of_sample(house)
    second = add(house, version=2, hold_rules=[own_rule()], effective_from=TODAY)
    assert catalogue_acts.changes(first, second) == ["hold_rules"]
    assert marked(house) == ["H-7", "H-8"]
    with house.read() as conn:
        assert msgspec.json.decode(audit.entries(conn, FACILITY, 1)[0].detail)["changed"] == ["hold_rules"]


def test_a_version_that_waits_for_its_day_is_judged_by_on_its_day(house: Ledger) -> None:
    add(house)
    stock_of_sample(house)
    add(house, version=2, hold_rules=[own_rule()], effective_from=TOMORROW)
    seeds.judge(house)
    midnight_ms = catalogue.start_of_day(TOMORROW)
    with house.write() as conn:
        assert catalogue_acts.mark_in_force(conn, NOW_MS, midnight_ms - 1) == []
        assert rejudge.pending(conn, 10) == []
        assert catalogue_acts.mark_in_force(conn, midnight_ms - 10_000, midnight_ms) == ["sample"]
        assert catalogue_acts.mark_in_force(conn, midnight_ms, midnight_ms + 10_000) == []
        assert catalogue.product_version(conn, "sample", midnight_ms - 1).version == 1
        assert catalogue.product_version(conn, "sample", midnight_ms).version == 2
    assert marked(house) == ["H-7", "H-8"]


def test_a_version_that_ends_has_the_stock_judged_by_the_one_before(house: Ledger) -> None:
    add(house)
    add(house, version=2, hold_rules=[own_rule()], effective_until=TOMORROW)
    midnight_ms = catalogue.start_of_day(TOMORROW)
    with house.write() as conn:
        assert catalogue_acts.mark_in_force(conn, midnight_ms - 1, midnight_ms) == ["sample"]
        assert catalogue.product_version(conn, "sample", midnight_ms).version == 1


def warm_afternoon(product: Product) -> list[Segment]:
    """Three hours at 12 °C last week, read each minute."""
    start_ms = NOW_MS - 8 * DAY_MS
    readings = [
        Reading(
            sensor=seeds.SENSOR,
            measured_at_ms=start_ms + minute * MINUTE_MS,
            centi_celsius=1_200 if 60 <= minute <= 240 else 500,
            quality=Quality.OK,
            boot=1,
            sequence=minute,
        )
        for minute in range(300)
    ]
    exposure = summarise(seeds.SENSOR, samples_of(readings), 3 * MINUTE_MS, limits_of(product))
    trace = Trace(seeds.SENSOR, exposure)
    return [Segment(1, seeds.APPLIANCE, "telemetry", start_ms, NOW_MS, (trace,))]


def judged(product: Product, at_ms: int) -> Verdict:
    return judge("H-7", product, warm_afternoon(product), at_ms)


def test_a_limit_that_changed_yesterday_changes_todays_verdict_and_not_last_weeks(house: Ledger) -> None:
    last_week_ms = NOW_MS - 7 * DAY_MS
    add(house, now_ms=NOW_MS - 30 * DAY_MS)
    with house.read() as conn:
        then = judged(catalogue.product_version(conn, "sample", last_week_ms), last_week_ms)
    assert (then.finding, then.product_version) == (Finding.EXCURSION_NOTED, 1)
    add(house, version=2, effective_from=YESTERDAY, hold_rules=[own_rule(minutes=120)])
    with house.read() as conn:
        today = judged(catalogue.product_version(conn, "sample", NOW_MS), NOW_MS)
        again = judged(catalogue.product_version(conn, "sample", last_week_ms), last_week_ms)
        named = judged(catalogue.product_by_version(conn, "sample", then.product_version), last_week_ms)
    assert (today.finding, today.product_version) == (Finding.HOLD, 2)
    assert [hit.rule.rule for hit in today.reached] == ["own"]
    assert digest(again) == digest(named) == digest(then)
