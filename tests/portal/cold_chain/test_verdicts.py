from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from portal.cold_chain import evidence, verdicts
from portal.cold_chain.evidence import Stores
from portal.identity.service import Role, Staff
from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound, Unavailable
from sheetal.contracts.verdict import Finding
from sheetal.ledger import judgement_writes, judgements

if TYPE_CHECKING:
    from portal.cold_chain.verdicts import VerdictPage
    from sheetal.ledger.judgements import StoredVerdict
    from sheetal.readings.port import Reading
    from tests.portal.conftest import Stage

OFFICER = Staff("s-1", "Officer", Role.COLD_CHAIN_OFFICER, "F-101", "en")
HANDLER = Staff("s-2", "Handler", Role.HANDLER, "F-101", "en")


def stores(stage: Stage) -> Stores:
    return Stores(stage.ledger, stage.telemetry, stage.readings)


def latest(stage: Stage, holding: str) -> StoredVerdict:
    with stage.ledger.read() as conn:
        found = judgements.latest_verdict(conn, holding)
    assert found is not None
    return found


def page_of(
    stage: Stage, holding: str = "H-58213", number: int = 1, *, staff: Staff = OFFICER, recompute: bool = False
) -> VerdictPage:
    verdict_id = latest(stage, holding).id
    return verdicts.verdict_page(stores(stage), staff, verdict_id, number, stage.now_ms, recompute=recompute)


def test_a_page_draws_the_run_that_held(seeded: Stage) -> None:
    page = page_of(seeded)
    assert page.found.finding is Finding.HOLD
    assert [drawing.frame.name for drawing in page.shown.pictures] == ["wide", "narrow"]
    assert all(drawing.bracket and drawing.limit and drawing.reached for drawing in page.shown.pictures)
    assert page.shown.picked is not None
    assert page.shown.picked.run is not None
    assert page.shown.from_ms < page.shown.picked.run.first_ms < page.shown.picked.run.last_ms < page.shown.until_ms
    assert page.shown.readings == sum(row.readings for row in page.shown.table)
    assert min(row.low for row in page.shown.table) == -180


def test_the_stays_are_named_and_vouched_for(seeded: Stage) -> None:
    (line,) = page_of(seeded).stays
    assert (line.appliance_name, line.place.facility_name) == ("ILR-3", "Centre 102")
    (voucher,) = line.evidence.vouchers
    assert voucher.calibration_certificate == "CAL-0931"


def test_it_is_recomputed_on_the_spot_with_the_same_result(seeded: Stage) -> None:
    attempt = page_of(seeded).attempt
    assert attempt is not None
    assert attempt.recomputed is not None
    assert attempt.recomputed.is_same
    assert attempt.recomputed.differences == []
    assert attempt.readings == 1440


def test_a_long_history_waits_until_somebody_asks(seeded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "RECOMPUTED_AT_ONCE", 100)
    assert page_of(seeded).attempt is None
    asked = page_of(seeded, recompute=True).attempt
    assert asked is not None
    assert asked.recomputed is not None


def test_too_much_data_is_told_and_no_error(seeded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "ROWS_MAX", 10)
    attempt = page_of(seeded).attempt
    assert attempt is not None
    assert (attempt.recomputed, attempt.problem) == (None, "Too many readings for one file.")


def test_readings_that_are_away_leave_the_words(seeded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> list[Reading]:
        raise Unavailable("the store is away")

    monkeypatch.setattr(seeded.readings, "read", away)
    page = page_of(seeded)
    assert (page.shown.pictures, page.shown.readings_answer) == ([], False)
    assert page.attempt is not None
    assert page.attempt.problem == "the store is away"
    assert page.shown.excursions


def test_another_excursion_is_drawn_when_asked_for(seeded: Stage) -> None:
    first, second = (page_of(seeded, "H-4", number).shown for number in (1, 2))
    assert first.picked is not None
    assert second.picked is not None
    assert (first.picked.number, second.picked.number) == (1, 2)
    assert (first.from_ms, first.until_ms) != (second.from_ms, second.until_ms)


def test_a_verdict_without_excursion_shows_its_last_day(seeded: Stage) -> None:
    shown = page_of(seeded, "H-3").shown
    assert shown.picked is None
    assert shown.excursions == []
    assert 0 < shown.until_ms - shown.from_ms <= DAY_MS + 1
    assert shown.pictures[0].bracket is None
    assert shown.pictures[0].band is not None


def test_a_silence_is_hatched_to_the_instant_of_judging(seeded: Stage) -> None:
    page = page_of(seeded, "H-6")
    assert page.silent_from_ms == page.found.known_through_ms
    (hatch,) = page.shown.pictures[0].gaps
    assert hatch.value == page.found.judged_through_ms - (page.silent_from_ms or 0)
    assert page_of(seeded, "H-3").silent_from_ms is None


def test_old_verdicts_stay_and_the_newest_is_named(seeded: Stage) -> None:
    first = latest(seeded, "H-58213")
    with seeded.ledger.write() as conn:
        judgement_writes.append_verdict(conn, first.verdict, seeded.now_ms)
    page = verdicts.verdict_page(stores(seeded), OFFICER, first.id, 1, seeded.now_ms, recompute=False)
    assert page.newest_id > page.stored.id == first.id
    assert [one.id for one in page.timeline] == [page.newest_id, first.id]
    assert page.verdicts == 2


def test_what_held_long_before_it_was_found_came_late(seeded: Stage) -> None:
    first = latest(seeded, "H-58213")
    assert not page_of(seeded).is_late
    with seeded.ledger.write() as conn:
        judgement_writes.append_verdict(conn, first.verdict, seeded.now_ms + 7 * DAY_MS)
    assert page_of(seeded).is_late
    assert not page_of(seeded, "H-3").is_late


def test_others_verdicts_do_not_exist(seeded: Stage) -> None:
    with pytest.raises(NotFound):
        page_of(seeded, staff=HANDLER)
    assert page_of(seeded, "H-1", staff=HANDLER).holding.id == "H-1"


def test_readings_come_as_lines(seeded: Stage) -> None:
    bundle = evidence.bundle_of(stores(seeded), OFFICER, latest(seeded, "H-58213").id, seeded.now_ms)
    lines = verdicts.csv_of(bundle).splitlines()
    assert lines[0] == "stay,sensor,epoch_ms,celsius"
    assert len(lines) == 1441
    assert lines[1].endswith(f",{bundle.stays[0].samples['gw-02.a-102-3-tvc'][0][1] / 100:.2f}")
    assert all(len(line.split(",")) == 4 for line in lines)


def test_a_table_keeps_extremes_and_leaves_out_silence() -> None:
    samples = [(n * MINUTE_MS, 400) for n in range(10)] + [(90 * MINUTE_MS, -175)]
    rows = verdicts.table_of(samples, 0, 96 * MINUTE_MS)
    assert sum(row.readings for row in rows) == 11
    assert (rows[-1].low, rows[-1].high) == (-175, -175)
    assert len(rows) < verdicts.TABLE_ROWS
    assert verdicts.table_of([], 0, MINUTE_MS) == []


def test_a_product_version_that_is_gone_is_none(seeded: Stage) -> None:
    found = latest(seeded, "H-58213").verdict
    with seeded.ledger.read() as conn:
        known = verdicts.judged_by(conn, found)
        assert known is not None
        assert known.version == found.product_version
    with sqlite3.connect(seeded.settings.ledger_url.removeprefix("sqlite:///")) as raw:
        raw.execute("DELETE FROM product")
    raw.close()
    page = page_of(seeded)
    assert page.product is None
    assert page.attempt is not None
    assert page.attempt.recomputed is None
