from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from ingest.latest import Latest
from ingest.load import Letter, Load, take_apart
from ingest.reasons import Reason
from ingest.record import put_letters, record
from ingest.replay import Outcome, Replay, Wanted
from ingest.writer import Writer
from sheetal.contracts.batch import AuxRow
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import telemetry
from sheetal.ledger.telemetry_tables import aux_value, dirty_hour, sequence_range
from sheetal.readings.port import WriteResult
from tests.ingest.given import BOOT, GATEWAY, KEYS, NOW_MS, SENSOR, batch, day, message, minutes, row, sealed, unplaced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sheetal.contracts.reading import Reading
    from sheetal.ledger.telemetry import DeadLetter
    from tests.ingest.conftest import Stores

LATER_MS = NOW_MS + 3_600_000


def replay(stores: Stores, key_of: Callable[[str], bytes | None] = KEYS.get, at_ms: int = LATER_MS) -> Replay:
    return Replay(
        key_of=key_of,
        writer=Writer(stores.readings, lambda: False),
        telemetry=stores.telemetry,
        latest=Latest(stores.telemetry, lambda: at_ms),
        clock=lambda: at_ms,
    )


def refuse(stores: Stores, payload: bytes, *, at_ms: int = NOW_MS, keys: dict[str, bytes] | None = None) -> None:
    """As a worker meets the message: its letters are kept, what is acceptable is stored."""
    came = message(payload, at_ms=at_ms)
    load = Load()
    load.add(came, take_apart(came, (KEYS if keys is None else keys).get))
    written = Writer(stores.readings, lambda: False).write(load.readings, at_ms)
    record(stores.telemetry, load, written, at_ms)


def letters(stores: Stores) -> list[DeadLetter]:
    with stores.telemetry.read() as conn:
        return telemetry.dead_letters(conn, 5_000)


def stored(stores: Stores) -> list[Reading]:
    return stores.readings.read(SENSOR, 0, 2 * NOW_MS)


def test_what_came_before_its_key_goes_through_whole(stores: Stores) -> None:
    sent = batch(minutes(1, 20), aux=[AuxRow(21, NOW_MS, "ilr1", "TAMB", 31.0)], days=[day(22)])
    refuse(stores, sealed(sent), keys={})
    assert [one.reason for one in letters(stores)] == ["unknown_gateway"]
    assert replay(stores).run(Wanted()) == {"unknown_gateway": Outcome(replayed=1)}
    assert letters(stores) == []
    assert [one.sequence for one in stored(stores)] == list(range(1, 21))
    with stores.telemetry.read() as conn:
        assert {SENSOR} == set(conn.execute(select(dirty_hour.c.sensor_id)).scalars())
        assert conn.execute(select(aux_value.c.value)).scalars().all() == [31.0]
        assert len(telemetry.day_summaries(conn, SENSOR, 0, NOW_MS)) == 1
        (state,) = telemetry.sensor_states(conn, [SENSOR])
        (coverage,) = telemetry.coverages(conn, GATEWAY)
        assert conn.execute(select(sequence_range.c.last_sequence)).scalars().all() == [22]
    assert (state.measured_at_ms, state.received_at_ms) == (stored(stores)[-1].measured_at_ms, NOW_MS)
    assert (coverage.boot, coverage.first_sequence, coverage.last_sequence) == (BOOT, 1, 22)


def test_a_replay_does_what_the_line_would_have_done(stores: Stores) -> None:
    """First what stands, then the letter: a repetition is nothing, a contradiction is kept beside."""
    refuse(stores, sealed(batch([row(1, NOW_MS - 60_000, 400), row(2, NOW_MS, 410)])))
    refuse(stores, sealed(batch([row(1, NOW_MS - 60_000, 400), row(7, NOW_MS, 999)])), keys={})
    assert replay(stores).run(Wanted())["unknown_gateway"].replayed == 1
    assert [one.centi_celsius for one in stored(stores)] == [400, 410]
    with stores.telemetry.read() as conn:
        (conflict,) = telemetry.conflicts(conn, 9)
    assert (conflict.stored_centi_celsius, conflict.offered_centi_celsius, conflict.sequence) == (410, 999, 7)


def test_a_dry_run_says_the_same_and_changes_nothing(stores: Stores) -> None:
    refuse(stores, sealed(batch(minutes(1, 3))), keys={})
    refuse(stores, b"{")
    before = letters(stores)
    expected = {"unknown_gateway": Outcome(replayed=1), "bad_json": Outcome()}
    expected["bad_json"].refused["bad_json"] = 1
    assert replay(stores).run(Wanted(is_dry=True)) == expected
    assert letters(stores) == before
    assert stored(stores) == []
    assert replay(stores).run(Wanted()) == expected


def test_rows_of_the_future_stay_when_their_time_has_come_unless_they_are_asked_for(stores: Stores) -> None:
    ahead_ms = NOW_MS + 2 * DAY_MS
    refuse(stores, sealed(batch([row(1, NOW_MS), row(2, ahead_ms)])))
    assert replay(stores).run(Wanted())["future_stamp"].refused == {"future_stamp": 1}
    assert replay(stores, at_ms=ahead_ms).run(Wanted())["future_stamp"].refused == {"future_stamp": 1}
    assert [one.repeats for one in letters(stores)] == [0], "a replay is no new refusal"
    asked_for = Wanted(reason="future_stamp")
    assert replay(stores).run(asked_for)["future_stamp"].refused == {"future_stamp": 1}
    assert replay(stores, at_ms=ahead_ms).run(asked_for)["future_stamp"].replayed == 1
    assert (letters(stores), [one.sequence for one in stored(stores)]) == ([], [1, 2])


def test_a_late_key_makes_no_stamp_true_that_was_of_the_future(stores: Stores) -> None:
    ahead_ms = NOW_MS + 2 * DAY_MS
    refuse(stores, sealed(batch([row(1, NOW_MS), row(2, ahead_ms)])), keys={})
    assert replay(stores, at_ms=ahead_ms).run(Wanted())["unknown_gateway"].replayed == 1
    assert [one.sequence for one in stored(stores)] == [1]
    (kept,) = letters(stores)
    assert (kept.reason, kept.detail, kept.first_at_ms) == ("future_stamp", "rows 2", NOW_MS)
    assert replay(stores, at_ms=ahead_ms).run(Wanted())["future_stamp"].refused == {"future_stamp": 1}
    assert [one.sequence for one in stored(stores)] == [1]


def test_a_letter_with_good_and_bad_rows_stays_for_the_bad_ones(stores: Stores) -> None:
    sent = sealed(
        batch([row(1, NOW_MS, 400), row(2, NOW_MS - 60_000, 400, quality=77), row(3, NOW_MS, 1, sensor="gw-02.x")])
    )
    refuse(stores, sent, keys={})
    assert replay(stores).run(Wanted())["unknown_gateway"].replayed == 1
    kept = {one.reason: one.detail for one in letters(stores)}
    assert kept == {"implausible": "rows 2", "foreign_sensor": "rows 3"}
    again = replay(stores).run(Wanted())
    assert {reason: one.refused for reason, one in again.items()} == {word: {word: 1} for word in kept}
    assert {one.repeats for one in letters(stores)} == {0}
    assert [one.sequence for one in stored(stores)] == [1]


def test_what_is_refused_for_another_reason_today_stays_as_it_is(stores: Stores) -> None:
    refuse(stores, sealed(batch(minutes(1, 3))), keys={})
    found = replay(stores, {GATEWAY: b"z" * 32}.get).run(Wanted())
    assert found["unknown_gateway"].refused == {"wrong_mac": 1}
    assert [one.reason for one in letters(stores)] == ["unknown_gateway"]


def test_what_was_cut_must_come_from_the_gateway(stores: Stores) -> None:
    refuse(stores, sealed(batch(minutes(1, 600))), keys={})
    assert letters(stores)[0].size_bytes > len(letters(stores)[0].head)
    assert replay(stores).run(Wanted()) == {"unknown_gateway": Outcome(cut=1)}
    assert len(letters(stores)) == 1


def test_only_the_wanted_reason_and_gateway_go(stores: Stores) -> None:
    refuse(stores, sealed(batch(minutes(1, 3))), keys={})
    refuse(stores, b"{")
    assert set(replay(stores).run(Wanted(reason="bad_json"))) == {"bad_json"}
    assert replay(stores).run(Wanted(gateway="gw-02")) == {}
    assert set(replay(stores).run(Wanted(gateway=GATEWAY))) == {"bad_json", "unknown_gateway"}


def test_a_contradiction_is_no_fault_of_a_day(stores: Stores) -> None:
    for value in (450, 460):
        told = batch()
        refuse(
            stores,
            sealed(type(told)(gateway=GATEWAY, boot=BOOT, sent_at_ms=NOW_MS, unplaced=[unplaced(centi_celsius=value)])),
        )
    assert [one.reason for one in letters(stores)] == ["contradicting"]
    assert replay(stores).run(Wanted())["contradicting"].refused == {"contradicting": 1}
    assert [one.repeats for one in letters(stores)] == [0]


def test_many_pages_are_walked_and_all_is_replayed_once(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.replay.LETTERS_A_PAGE", 7)
    for number in range(40):
        refuse(stores, sealed(batch(minutes(1 + 3 * number, 3))), keys={})
    assert replay(stores).run(Wanted()) == {"unknown_gateway": Outcome(replayed=40)}
    assert (letters(stores), len(stored(stores))) == ([], 120)
    assert replay(stores).run(Wanted()) == {}


class Refusing:
    """A store that takes everything but one value, and may be away."""

    def __init__(self, stores: Stores, problem: Exception | None = None) -> None:
        self._real = stores.readings
        self.problem = problem

    def write(self, rows: Sequence[Reading]) -> WriteResult:
        if self.problem and any(one.centi_celsius == 666 for one in rows):
            raise self.problem
        bad = [number for number, one in enumerate(rows) if one.centi_celsius == 666]
        self._real.write([one for one in rows if one.centi_celsius != 666])
        return WriteResult(len(rows) - len(bad), [(number, "no") for number in bad])

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def over(stores: Stores, store: Refusing) -> Replay:
    made = replay(stores)
    made.writer = Writer(store, lambda: False)  # type: ignore[arg-type]  # the rest is the real store's
    return made


def test_what_the_store_refuses_again_stays(stores: Stores) -> None:
    payload = sealed(batch([row(1, NOW_MS - 60_000, 400), row(2, NOW_MS, 666)]))
    with stores.telemetry.write() as conn:
        put_letters(conn, [Letter(f"cc/v1/{GATEWAY}/data", payload, Reason.STORE_REFUSED, "rows 2")], NOW_MS)
    assert over(stores, Refusing(stores)).run(Wanted())["store_refused"].refused == {"store_refused": 1}
    assert [(one.reason, one.repeats) for one in letters(stores)] == [("store_refused", 0)]
    assert replay(stores).run(Wanted())["store_refused"].replayed == 1
    assert [one.sequence for one in stored(stores)] == [1, 2]


def test_one_that_cannot_be_processed_keeps_no_other(stores: Stores) -> None:
    for number, centi in enumerate((400, 666, 420), start=1):
        refuse(stores, sealed(batch([row(number, NOW_MS + number, centi)])), keys={})
    found = over(stores, Refusing(stores, ZeroDivisionError())).run(Wanted())["unknown_gateway"]
    assert (found.replayed, found.refused) == (2, {"unprocessable": 1})
    assert [one.sequence for one in stored(stores)] == [1, 3]
    assert len(letters(stores)) == 1


def test_a_store_that_goes_away_ends_the_replay_and_loses_nothing(stores: Stores) -> None:
    refuse(stores, sealed(batch([row(1, NOW_MS, 666)])), keys={})
    with pytest.raises(Unavailable):
        over(stores, Refusing(stores, Unavailable("away"))).run(Wanted())
    assert len(letters(stores)) == 1
    assert replay(stores).run(Wanted())["unknown_gateway"].replayed == 1
