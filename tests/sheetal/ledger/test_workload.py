from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.topics import Channel
from sheetal.ledger import (
    contacts,
    deliveries,
    downlink,
    judgement_writes,
    judgements,
    rejudge,
    seals,
    telemetry_holes,
    telemetry_writes,
    workload,
)
from sheetal.ledger.judgements import ApplianceJudgement, GatewayState
from sheetal.ledger.telemetry_tables import dead_letter_dropped
from sheetal.ledger.telemetry_writes import DeadLetterRow
from sheetal.ledger.workload import Alarms, Gaps, Judged, Letters, Notices, Queue
from tests.sheetal.ledger.alarm_rows import CLEARED, FIRED
from tests.sheetal.ledger.contact_rows import BY, add_contact, add_notice
from tests.sheetal.ledger.seeds import ACTOR, APPLIANCE, FACILITY, GATEWAY, NOW_MS, SECOND_APPLIANCE, SENSOR

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def test_an_empty_store_has_no_work(house: Ledger, telemetry: Ledger) -> None:
    with house.write() as conn:
        rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 5_000)])
    with house.read() as conn:
        assert workload.rejudge_marks(conn) == Queue(0, None)
        assert workload.unsent_notices(conn, NOW_MS) == Notices(0, 0, None)
        assert workload.judged(conn, NOW_MS) == Judged({}, None, 0)
        assert workload.standing_alarms(conn) == Alarms(0, 0)
        assert workload.newest_seal_ms(conn) is None
        assert workload.unpublished_downlinks(conn) == 0
        assert workload.gateways_by_link(conn) == {}
    with telemetry.read() as conn:
        assert workload.dirty_hours(conn) == 0


def test_marks_are_as_old_as_the_oldest(house: Ledger) -> None:
    with house.write() as conn:
        before = workload.rejudge_marks(conn).waiting
        rejudge.mark_appliance(conn, APPLIANCE, 0, NOW_MS - 5)
        rejudge.mark_appliance(conn, APPLIANCE, 0, NOW_MS - 9 * MINUTE_MS)
        found = workload.rejudge_marks(conn)
    assert found.waiting == before + 2
    assert found.oldest_ms is not None
    assert found.oldest_ms <= NOW_MS - 9 * MINUTE_MS


def test_dirty_hours_are_counted(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(SENSOR, 0), (SENSOR, 3_600_000)})
        assert workload.dirty_hours(conn) == 2


def test_judging_is_as_far_as_its_slowest_appliance(house: Ledger) -> None:
    behind_ms = NOW_MS - 11 * MINUTE_MS
    with house.write() as conn:
        for appliance, through_ms, state in ((APPLIANCE, NOW_MS, "in_range"), (SECOND_APPLIANCE, behind_ms, "warm")):
            judgement_writes.put_appliance_judgement(
                conn,
                ApplianceJudgement(
                    appliance_id=appliance, judged_through_ms=through_ms, known_through_ms=None, state=state
                ),
            )
        assert workload.judged(conn, NOW_MS) == Judged({"in_range": 1, "warm": 1}, behind_ms, 1)
        assert workload.judged(conn, NOW_MS - 2 * MINUTE_MS).too_old == 0


def test_notices_that_went_out_wait_no_more(house: Ledger) -> None:
    with house.write() as conn:
        for key, at_ms in (("a", 5), ("b", 3)):
            judgement_writes.add_notice(conn, key, "hold", FACILITY, {}, NOW_MS + at_ms)
        assert workload.unsent_notices(conn, NOW_MS) == Notices(2, 0, NOW_MS + 3)
        first = next(one.id for one in judgements.notices(conn) if one.deduplication_key == "a")
        contact = add_contact(conn)
        deliveries.address(conn, first, {contact: NOW_MS + 9}, NOW_MS)
        assert workload.unsent_notices(conn, NOW_MS) == Notices(2, 0, NOW_MS + 3)
        deliveries.mark_failed(conn, [first], contact, "down", NOW_MS)
        assert workload.unsent_notices(conn, NOW_MS).failing == 1
        deliveries.mark_sent(conn, [first], contact, NOW_MS)
        assert workload.unsent_notices(conn, NOW_MS) == Notices(1, 0, NOW_MS + 3)


def test_a_notice_that_waits_for_its_group_is_not_late_and_one_that_nobody_is_to_hear_waits_not(house: Ledger) -> None:
    with house.write() as conn:
        one, other = add_contact(conn), add_contact(conn)
        numbers = [add_notice(conn, key, NOW_MS) for key in ("a", "b")]
        deliveries.address(conn, numbers[0], {one: NOW_MS + 9, other: NOW_MS + 7}, NOW_MS)
        deliveries.address(conn, numbers[1], {other: NOW_MS + 5}, NOW_MS)
        assert workload.unsent_notices(conn, NOW_MS) == Notices(2, 0, NOW_MS + 5)
        contacts.retire_contact(conn, other, BY, NOW_MS)
        assert workload.unsent_notices(conn, NOW_MS) == Notices(1, 0, NOW_MS + 9)
        assert workload.unsent_notices(conn, NOW_MS + deliveries.GIVEN_UP_AFTER_MS + 1) == Notices(0, 0, None)


def test_an_alarm_stands_until_its_gateway_clears_it(house: Ledger) -> None:
    with house.write() as conn:
        judgement_writes.put_alarm(conn, FIRED, APPLIANCE, NOW_MS)
        assert workload.standing_alarms(conn) == Alarms(1, 1)
        judgement_writes.put_alarm(conn, CLEARED, APPLIANCE, NOW_MS)
        assert workload.standing_alarms(conn) == Alarms(0, 0)


def test_the_newest_seal_tells_its_age(house: Ledger) -> None:
    with house.write() as conn:
        seals.add_seal(conn, lambda _: "signed", NOW_MS)
        seals.add_seal(conn, lambda _: "signed", NOW_MS + 60_000)
        assert workload.newest_seal_ms(conn) == NOW_MS + 60_000


def test_what_goes_down_waits_until_it_is_published(house: Ledger) -> None:
    with house.write() as conn:
        downlink.send_down(conn, GATEWAY, Channel.COMMAND, "{}", ACTOR, NOW_MS)
        assert workload.unpublished_downlinks(conn) == 1
        downlink.mark_published(conn, downlink.unpublished(conn)[0].id, NOW_MS)
        assert workload.unpublished_downlinks(conn) == 0


def test_gateways_are_counted_by_their_link(house: Ledger) -> None:
    said = GatewayState(
        gateway_id=GATEWAY, session=1, online=False, boot=1, software=None, clock_source=None, changed_at_ms=NOW_MS
    )
    with house.write() as conn:
        judgement_writes.put_gateway_state(conn, said)
        assert workload.gateways_by_link(conn) == {False: 1}


def test_dead_letters_are_counted_by_reason(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        assert workload.dead_letters(conn) == Letters({}, {})
        rows = [DeadLetterRow(GATEWAY, "t", b"%d" % number, "wrong_mac", "") for number in range(3)]
        telemetry_writes.add_dead_letters(conn, [*rows, DeadLetterRow(None, "t", b"x", "bad_topic", "")], NOW_MS)
        gone = [{"gateway_id": name, "reason": "bad_json", "dropped": 4, "last_at_ms": NOW_MS} for name in ("", "gw")]
        conn.execute(insert(dead_letter_dropped), gone)
        assert workload.dead_letters(conn) == Letters({"wrong_mac": 3, "bad_topic": 1}, {"bad_json": 8})


def test_gaps_are_counted_by_gateway_and_row_and_are_as_old_as_the_oldest(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        assert workload.gaps(conn) == Gaps(0, 0, 0, None)
        telemetry_writes.settle_ranges(conn, {(GATEWAY, 1): [(1, 10), (15, 20)]}, NOW_MS - MINUTE_MS)
        telemetry_writes.settle_ranges(conn, {(GATEWAY, 2): [(3, 4)], ("gw-02", 1): [(1, 4)]}, NOW_MS)
        assert workload.gaps(conn) == Gaps(1, 6, 0, NOW_MS - MINUTE_MS)


def test_a_gap_asked_for_in_vain_is_lost_and_leaves_the_ages(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        telemetry_writes.settle_ranges(conn, {(GATEWAY, 1): [(1, 10), (15, 20)]}, NOW_MS - MINUTE_MS)
        telemetry_writes.settle_ranges(conn, {(GATEWAY, 2): [(3, 4)]}, NOW_MS)
        hole = telemetry_holes.Hole(GATEWAY, 1, 11, 14, NOW_MS - MINUTE_MS)
        telemetry_holes.note_asked(conn, [hole], NOW_MS, telemetry_holes.TIMES_MAX)
        assert workload.gaps(conn) == Gaps(1, 6, 1, NOW_MS)


def test_leaps_of_a_gateways_own_invention_break_no_sum(telemetry: Ledger) -> None:
    leaps = {(f"gw-{number}", 1): [(2**62, 2**62)] for number in range(4)}
    with telemetry.write() as conn:
        telemetry_writes.settle_ranges(conn, leaps, NOW_MS)
        assert workload.gaps(conn).rows == 4 * workload.ROWS_A_GAP_MAX
