from __future__ import annotations

import pytest

from alerts.notify.grouping import AGAIN_MS, GATHER_MS, first_try_ms, group_of, parcels
from sheetal.ledger.deliveries import Told, Waiting
from tests.alerts.given import at
from tests.alerts.notify.told import told


def waits(notice: Told, contact: int = 1, next_try_ms: int = at(0), attempts: int = 0) -> Waiting:
    return Waiting(notice=notice, contact_id=contact, attempts=attempts, next_try_ms=next_try_ms)


def test_without_a_group_it_goes_at_once() -> None:
    assert first_try_ms(told(1), None) == at(0)
    assert first_try_ms(told(1), at(0)) == at(0)


@pytest.mark.parametrize(
    ("last_told_ms", "expected_ms"),
    [(None, at(0) + GATHER_MS), (at(-1), at(-1) + AGAIN_MS), (at(-5), at(0) + GATHER_MS), (at(-60), at(0) + GATHER_MS)],
)
def test_a_group_is_gathered_and_told_again_only_after_a_while(last_told_ms: int | None, expected_ms: int) -> None:
    assert first_try_ms(told(1, group_key="site"), last_told_ms) == expected_ms


def test_a_group_is_known_by_its_place() -> None:
    assert group_of(told(1, group_key="site")) != group_of(told(2, group_key="site", facility="F-2"))
    assert group_of(told(1, kind="site")) != group_of(told(1, kind="other", group_key="site"))


def test_a_due_notice_takes_the_rest_of_its_group_along() -> None:
    rows = [
        waits(told(2, group_key="site"), next_try_ms=at(9)),
        waits(told(1, group_key="site"), next_try_ms=at(0), attempts=3),
        waits(told(3), next_try_ms=at(9)),
    ]
    (parcel,) = parcels(rows, at(1))
    assert (parcel.numbers, parcel.attempts, parcel.contact_id) == ([1, 2], 3, 1)


def test_nothing_is_due_before_its_time() -> None:
    assert parcels([waits(told(1), next_try_ms=at(1) + 1)], at(1)) == []
    assert len(parcels([waits(told(1), next_try_ms=at(1))], at(1))) == 1


def test_what_waits_longest_goes_first_and_each_contact_has_its_own() -> None:
    rows = [waits(told(1), 1, at(2)), waits(told(1), 2, at(1)), waits(told(2, facility="F-2"), 1, at(0))]
    assert [(parcel.contact_id, parcel.numbers) for parcel in parcels(rows, at(3))] == [(1, [2]), (2, [1]), (1, [1])]
