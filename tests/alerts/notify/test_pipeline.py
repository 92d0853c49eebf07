from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.notify.pipeline import SENTENCES_MAX, Parcel, due, group, pause_ms, send_due
from sheetal.ledger import judgement_writes
from sheetal.ledger.judgements import Notice
from tests.alerts.given import FACILITY, at

if TYPE_CHECKING:
    from tests.alerts.given import World


def notice(number: int, kind: str = "holding_gap", facility: str = "F-1", attempts: int = 0) -> Notice:
    return Notice(
        id=number,
        deduplication_key=str(number),
        kind=kind,
        facility_id=facility,
        facts={"holding": f"H-{number}", "from_ms": at(0)},
        created_at_ms=at(0),
        sent_at_ms=None,
        attempts=attempts,
    )


def add(world: World, *keys: str) -> None:
    with world.ledger.write() as conn:
        for key in keys:
            judgement_writes.add_notice(conn, key, "holding_gap", FACILITY, {"holding": key, "from_ms": at(0)}, at(0))


def test_notices_of_one_kind_and_place_are_told_together() -> None:
    parcels = group([notice(3), notice(1, "other"), notice(2), notice(4, facility="F-2")])
    assert [(p.kind, p.facility_id, [n.id for n in p.notices]) for p in parcels] == [
        ("other", "F-1", [1]),
        ("holding_gap", "F-1", [2, 3]),
        ("holding_gap", "F-2", [4]),
    ]


def test_a_large_parcel_tells_a_few_and_counts_the_rest() -> None:
    (parcel,) = group([notice(number) for number in range(SENTENCES_MAX + 4)])
    assert parcel.text.count("Nobody knows") == SENTENCES_MAX
    assert parcel.text.endswith("And 4 more.")


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 0), (1, 1 / 6), (20, 60), (10_000, 60)])
def test_tries_grow_rarer_up_to_an_hour(attempts: int, minutes: float) -> None:
    assert pause_ms(attempts) == minutes * 60_000
    ready = notice(1, attempts=attempts)
    assert due([ready], at(minutes)) == [ready]
    assert due([ready], at(minutes) - 1) == []


def test_a_notice_is_sent_once(world: World) -> None:
    heard: list[Parcel] = []

    def channel(parcel: Parcel) -> bool:
        heard.append(parcel)
        return True

    add(world, "a", "b")
    assert send_due(world.ledger, [channel], at(1)) == 2
    assert send_due(world.ledger, [channel], at(2)) == 0
    assert [len(parcel.notices) for parcel in heard] == [2]
    assert all(one.sent_at_ms == at(1) for one in world.notices())


def test_a_channel_that_fails_is_tried_again_later(world: World) -> None:
    answers = [False, True]
    add(world, "a")
    assert send_due(world.ledger, [lambda _parcel: answers.pop(0)], at(0)) == 0
    assert send_due(world.ledger, [lambda _parcel: answers.pop(0)], at(0) + 1) == 0
    assert send_due(world.ledger, [lambda _parcel: answers.pop(0)], at(1)) == 1
    assert world.notices()[0].attempts == 2


def test_every_channel_hears_even_if_the_first_has_taken_it(world: World) -> None:
    heard: list[str] = []

    def first(_parcel: Parcel) -> bool:
        heard.append("first")
        return True

    def second(_parcel: Parcel) -> bool:
        heard.append("second")
        return False

    add(world, "a")
    send_due(world.ledger, [first, second], at(0))
    assert heard == ["first", "second"]


def test_a_crash_before_remembering_tells_twice_rather_than_never(world: World) -> None:
    heard: list[Parcel] = []

    def crash(parcel: Parcel) -> bool:
        heard.append(parcel)
        raise RuntimeError("the process died here")

    add(world, "a")
    with pytest.raises(RuntimeError):
        send_due(world.ledger, [crash], at(0))
    send_due(world.ledger, [lambda parcel: heard.append(parcel) is None], at(0))
    assert len(heard) == 2
