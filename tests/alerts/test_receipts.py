from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from alerts.receipts import believed_through, cut_at, day_summaries
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import telemetry_writes
from tests.alerts.given import TOP, TVC, at

if TYPE_CHECKING:
    from tests.alerts.given import World


def day(starts_at_ms: int, ends_at_ms: int) -> DaySummary:
    return DaySummary(1, TVC, starts_at_ms, ends_at_ms, 300, 700, -50, 60, 800, 600, 0, 0, 0)


def test_only_a_sensor_stamped_ahead_of_its_receipt_is_doubted(world: World) -> None:
    world.tell_state(measured=10, received=10)
    world.tell_state(measured=400, received=40, sensor=TOP)
    with world.telemetry.read() as conn:
        assert believed_through(conn, {TVC, TOP, "gw-01.none"}) == {TOP: at(40)}
        assert believed_through(conn, {TVC}) == {}
        assert believed_through(conn, ()) == {}


@given(st.integers(0, 100), st.integers(1, 100), st.integers(0, 300))
def test_a_day_never_ends_after_its_receipt_nor_before_its_beginning(starts: int, length: int, received: int) -> None:
    whole = day(starts, starts + length)
    cut = cut_at(whole, received)
    assert starts <= cut.ends_at_ms <= whole.ends_at_ms
    assert cut.ends_at_ms <= max(received, starts)
    assert (cut == whole) == (whole.ends_at_ms <= received)


def test_the_days_that_touch_a_time_come_in_order_each_cut_at_its_own_receipt(world: World) -> None:
    first, second = day(at(0), at(0) + DAY_MS), day(at(0) + DAY_MS, at(0) + 2 * DAY_MS)
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [second, first], at(2000))
    with world.telemetry.read() as conn:
        found = day_summaries(conn, TVC, at(0), at(3000))
        assert [(one.starts_at_ms, one.ends_at_ms) for one in found] == [
            (first.starts_at_ms, first.ends_at_ms),
            (second.starts_at_ms, at(2000)),
        ]
        assert day_summaries(conn, TVC, at(0), second.starts_at_ms) == [first]
        assert day_summaries(conn, TOP, at(0), at(3000)) == []
