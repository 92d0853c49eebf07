from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from sheetal.contracts.batch import ranges
from sheetal.ledger.telemetry_gaps import COUNTED_A_GAP_MAX, SequenceGap, gap_counts, gaps
from sheetal.ledger.telemetry_sequences import settle_ranges
from sheetal.ledger.telemetry_tables import resend_request, sequence_range

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

BOOT = (3 << 32) + 7


def test_without_a_hole_there_is_no_gap(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        settle_ranges(conn, {("gw-01", BOOT): [(1, 9)], ("gw-02", BOOT): [(0, 9)]}, 5)
        assert gaps(conn) == []
        assert gap_counts(conn) == {}


def test_a_gap_is_seen_at_its_gateway_and_is_gone_when_filled(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        settle_ranges(conn, {("gw-01", BOOT): [(1, 3), (6, 9)], ("gw-02", BOOT): [(2, 9)]}, 5)
        settle_ranges(conn, {("gw-01", BOOT): [(12, 12)]}, 7)
        assert gaps(conn) == [
            SequenceGap("gw-01", BOOT, 4, 5, 5),
            SequenceGap("gw-02", BOOT, 1, 1, 5),
            SequenceGap("gw-01", BOOT, 10, 11, 7),
        ]
        assert [one.numbers for one in gaps(conn, "gw-01")] == [2, 2]
        assert gap_counts(conn) == {"gw-01": 4, "gw-02": 1}
        settle_ranges(conn, {("gw-01", BOOT): [(4, 5), (10, 11)]}, 9)
        assert gaps(conn, "gw-01") == []
        assert gap_counts(conn) == {"gw-02": 1}


def test_a_moment_old_and_long_standing_gaps_are_told_apart(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        settle_ranges(conn, {("gw-01", BOOT): [(1, 3), (6, 9)]}, 5)
        settle_ranges(conn, {("gw-02", BOOT): [(2, 2)]}, 50)
        assert [one.gateway_id for one in gaps(conn, since_before_ms=50)] == ["gw-01"]
        assert gap_counts(conn, since_before_ms=50) == {"gw-01": 2}
        assert gap_counts(conn, gateways=["gw-02", "gw-09"]) == {"gw-02": 1}
        assert gap_counts(conn, gateways=[]) == {}


def test_what_was_asked_again_is_told_with_every_part_of_it(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        settle_ranges(conn, {("gw-01", BOOT): [(1, 3), (10, 12), (14, 14)], ("gw-01", 1): [(4, 4)]}, 5)
        asked = {"gateway_id": "gw-01", "boot": BOOT, "first_sequence": 4, "last_sequence": 9}
        conn.execute(insert(resend_request).values(**asked, asked_at_ms=60, times=2))
        settle_ranges(conn, {("gw-01", BOOT): [(6, 7)]}, 70)
        found = {(one.boot, one.first_sequence): (one.asked_at_ms, one.times) for one in gaps(conn)}
    assert found == {(1, 1): (None, 0), (BOOT, 4): (60, 2), (BOOT, 8): (60, 2), (BOOT, 13): (None, 0)}


def test_what_is_told_is_bounded(telemetry: Ledger) -> None:
    odd = [(number, number) for number in range(2, 60, 2)]
    with telemetry.write() as conn:
        settle_ranges(conn, {(f"gw-{number:02d}", BOOT): odd for number in range(20)}, 5)
        assert len(gaps(conn, limit=30)) == 30
        assert list(gap_counts(conn, limit=3)) == ["gw-00", "gw-01", "gw-02"]


def test_whatever_a_gateway_claims_its_count_is_a_number(telemetry: Ledger) -> None:
    most = 2**63 - 1
    with telemetry.write() as conn:
        settle_ranges(conn, {("gw-01", boot): [(most, most)] for boot in range(4)}, 5)
        assert gap_counts(conn) == {"gw-01": 4 * COUNTED_A_GAP_MAX}
        assert gaps(conn)[0].numbers == most - 1


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(settled=st.dictionaries(st.sampled_from(["gw-01", "gw-02"]), st.sets(st.integers(1, 30), min_size=1)))
def test_counts_and_gaps_name_the_same_numbers(telemetry: Ledger, settled: dict[str, set[int]]) -> None:
    with telemetry.write() as conn:
        conn.execute(delete(sequence_range))
        settle_ranges(conn, {(name, BOOT): ranges(sorted(numbers)) for name, numbers in settled.items()}, 5)
        counts = gap_counts(conn)
        for name, numbers in settled.items():
            missing = {n for one in gaps(conn, name) for n in range(one.first_sequence, one.last_sequence + 1)}
            assert missing == set(range(1, max(numbers))) - numbers
            assert counts.get(name, 0) == len(missing)
