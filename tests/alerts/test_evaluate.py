from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts import evaluate
from alerts.commits import commit, mark_gap, news
from alerts.evaluate import Judge, Judged, judge_holding
from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.contracts.problem import Refused
from sheetal.contracts.verdict import Finding
from sheetal.ledger import assets, holdings, judgement_writes, telemetry_writes
from sheetal.ledger.histories import histories
from sheetal.thermal.verdict import digest, judge_life
from tests.alerts.given import FACILITY, HOLDING, OTHER, TOP, at, day_summary
from tests.alerts.looks import refusal

if TYPE_CHECKING:
    from sheetal.contracts.verdict import Verdict
    from sheetal.thermal.life import Life
    from tests.alerts.given import World


def judged(world: World, minute: float) -> Judged:
    return judge_holding(world.stores, HOLDING, at(minute))


def write(world: World, found: Judged, minute: float) -> list[str]:
    with world.ledger.write() as conn:
        return commit(conn, found, at(minute))


def test_committing_the_same_twice_writes_once(world: World) -> None:
    world.receive()
    world.feed((0, 90, -180))
    found = judged(world, 90)
    assert write(world, found, 90) == [HOLDING]
    assert write(world, found, 91) == []
    assert (len(world.verdicts()), len(world.compromises()), len(world.notices())) == (1, 1, 1)


def test_a_failed_transaction_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive()
    world.feed((0, 90, -180))
    found = judged(world, 90)

    def broken(*_: object) -> bool:
        raise RuntimeError("the power went here")

    monkeypatch.setattr(judgement_writes, "add_notice", broken)
    with pytest.raises(RuntimeError):
        write(world, found, 90)
    assert (world.verdicts(), world.compromises(), world.notices()) == ([], [], [])
    assert world.holding().disposition is Disposition.AVAILABLE


def test_news_is_a_first_verdict_a_changed_one_or_a_gap(world: World) -> None:
    world.receive()
    world.feed((0, 30, 450))
    first = judged(world, 30)
    with world.ledger.read() as conn:
        assert news(conn, [first])
    write(world, first, 30)
    world.feed((30, 40, 450))
    with world.ledger.read() as conn:
        assert not news(conn, [judged(world, 40)])
        assert news(conn, [judged(world, 200)])
    world.feed((40, 50, 900))
    for hour in (at(0),):
        world.stores.hours.forget("gw-01.tvc", hour)
    with world.ledger.read() as conn:
        assert news(conn, [judged(world, 50)])


def test_a_gap_is_told_once_for_each_beginning(world: World) -> None:
    world.receive()
    with world.ledger.write() as conn:
        assert mark_gap(conn, FACILITY, HOLDING, at(5), at(100))
        assert not mark_gap(conn, FACILITY, HOLDING, at(5), at(110))
    assert world.holding().gap_open_from_ms == at(5)
    assert [(notice.kind, notice.facts["proposal"]) for notice in world.notices()] == [("holding_gap", "hold")]


def test_a_freeze_of_stock_that_is_held_already_is_told_to_who_decides(world: World) -> None:
    world.receive()
    with world.ledger.write() as conn:
        for target in (Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT):
            holdings.set_disposition(conn, HOLDING, target, "dr-asha", "the label is smudged", at(1))
    for minute in (90, 150, 300):
        world.feed((minute - 90 if minute == 90 else minute - 60, minute, -180))
        for hour in range(0, 300, 60):
            world.stores.hours.forget("gw-01.tvc", at(hour))
        assert write(world, judged(world, minute), minute) == []
    assert world.holding().disposition is Disposition.UNDER_ASSESSMENT
    told = [notice for notice in world.notices() if notice.kind == "holding_held"]
    assert [(notice.facts["held"], notice.facts["minutes_confirmed"]) for notice in told[-1:]] == [([], 89)]
    assert len(told) == 2


def test_a_freeze_found_while_stock_is_assessed_keeps_it_from_release_until_it_is_seen(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    with world.ledger.write() as conn:
        for target in (Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT):
            holdings.set_disposition(conn, HOLDING, target, "dr-asha", "the label is smudged", at(11))
    world.feed((10, 90, -200), (90, 100, 450))
    world.drain(100)
    with world.ledger.write() as conn, pytest.raises(Refused) as caught:
        holdings.set_disposition(conn, HOLDING, Disposition.RELEASED, "dr-asha", "the label is readable", at(101))
    assert caught.value.facts["reason"] == "newer_verdict"
    assert caught.value.facts["verdict"] == world.verdicts()[0].id
    assert refusal(world, 101) is RefusalReason.HELD


def test_a_freeze_that_late_data_lets_begin_earlier_is_told_once(world: World) -> None:
    world.receive()
    world.feed((100, 190, -180))
    assert write(world, judged(world, 190), 190) == [HOLDING]
    world.feed((60, 100, -180))
    for hour in range(0, 240, 60):
        world.stores.hours.forget("gw-01.tvc", at(hour))
    assert write(world, judged(world, 200), 200) == []
    assert [notice.kind for notice in world.notices()].count("holding_held") == 1


@pytest.mark.parametrize(("alarm", "finding"), [(None, Finding.EXCURSION_NOTED), (300, Finding.HOLD)])
def test_a_logger_without_readings_speaks_through_its_day_summaries(
    world: World,
    alarm: float | None,
    finding: Finding,
) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "logger", at(0), at(0))
    world.receive(appliance_id=OTHER, kind=EvidenceKind.LOGGER_FILE)
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day_summary(TOP, alarm=alarm)], at(1500))
        telemetry_writes.mark_dirty(conn, {(TOP, at(0))})
    world.drain(1500)
    found = world.verdicts()[0].verdict
    assert found.finding is finding
    judgement = world.judgement(OTHER)
    assert judgement is not None
    assert judgement.known_through_ms == at(0) + DAY_MS
    assert world.holding().gap_open_from_ms is None
    if alarm is not None:
        assert world.compromises()[0].compromised_from_ms == at(alarm) - 60 * MINUTE_MS


def test_a_verdict_names_what_is_needed_to_read_the_same_rows_again(world: World) -> None:
    world.receive()
    world.feed((0, 90, -180))
    write(world, judged(world, 90), 90)
    (stored,) = world.verdicts()
    (stay,) = stored.verdict.stays
    assert (stay.sensors, stay.from_ms, stay.until_ms, stay.readings) == (["gw-01.tvc"], at(0), None, 90)
    assert stored.verdict.judged_through_ms == at(90)
    assert stored.verdict.rule_version
    again = judged(world, 90)
    assert again.verdict == stored.verdict


def found_on(world: World, labels: list[str], minute: float) -> dict[str, Judged]:
    with world.ledger.read() as conn:
        known = histories(conn, labels)
    judge = Judge(world.stores, at(minute))
    judge.learn(list(known.values()))
    return {label: judge.judge(known[label]) for label in labels}


def test_equal_lives_are_judged_once_and_told_under_their_own_names(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = [HOLDING, "H-2", "H-3"]
    for label in labels:
        world.receive(label, minute=5 if label == "H-3" else 0)
    world.feed((0, 90, -180))
    lives: list[object] = []

    def count(life: Life, judged_through_ms: int) -> Verdict:
        lives.append(life)
        return judge_life(life, judged_through_ms)

    monkeypatch.setattr(evaluate, "judge_life", count)
    found = found_on(world, labels, 90)
    assert len(lives) == 2
    for label, one in found.items():
        assert one.verdict == judge_holding(world.stores, label, at(90)).verdict
        assert one.verdict.holding == label
        (stay,) = one.history.stays
        assert [hit.stay for hit in one.verdict.reached] == [stay.id]
        assert [evidence.stay for evidence in one.verdict.stays] == [stay.id]
    assert found[HOLDING].digest == found["H-2"].digest == digest(found["H-2"].verdict)
    assert found[HOLDING].digest != found["H-3"].digest


def test_a_round_remembers_no_more_lives_than_it_may(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = [f"H-{number}" for number in range(1, 6)]
    for number, label in enumerate(labels):
        world.receive(label, minute=number)
    world.feed((0, 90, 450))
    expected = {label: one.verdict for label, one in found_on(world, labels, 90).items()}
    monkeypatch.setattr(evaluate, "LIVES_MAX", 2)
    assert {label: one.verdict for label, one in found_on(world, labels, 90).items()} == expected


def test_a_decision_covers_the_gap_of_its_own_holding_among_equal_lives(world: World) -> None:
    for label in (HOLDING, "H-2"):
        world.receive(label)
    world.feed((0, 10, 450), (100, 120, 450))
    world.drain(120)
    with world.ledger.write() as conn:
        holdings.clear_gap(conn, HOLDING, "dr-asha", "the log book says so", at(121))
    found = found_on(world, [HOLDING, "H-2"], 122)
    assert found[HOLDING].gaps == []
    assert [(gap.from_ms, gap.until_ms) for gap in found["H-2"].gaps] == [(at(9), at(100))]
    world.feed((122, 123, 450))
    world.drain(123)
    assert world.holding().gap_open_from_ms is None
    assert world.holding("H-2").gap_open_from_ms == at(9)
