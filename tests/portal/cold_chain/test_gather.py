from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from portal.cold_chain import gather, rules, store
from portal.cold_chain.gather import Reader
from portal.cold_chain.rules import Standing, State, Trouble
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import judgement_writes, judgements, rejudge, stock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.conftest import Stage


@contextmanager
def reading(stage: Stage) -> Iterator[Reader]:
    with stage.ledger.read() as conn, stage.telemetry.read() as telemetry:
        yield Reader(conn, telemetry, stage.now_ms)


def test_a_freezing_appliance_shows_the_rule_it_will_reach(seeded: Stage) -> None:
    with reading(seeded) as reader:
        one = store.appliances_now(reader.conn, reader.telemetry, appliance_id="A-101-1")[0]
        row = gather.state_row(reader, one, rules.state_of(one, seeded.now_ms))
    assert row.trouble is Trouble.FREEZING
    assert row.limit is not None
    assert (row.limit.minutes_used, row.limit.minutes_limit) == (41, 60)
    assert row.limit.rule is not None
    assert row.limit.rule.source.citation
    assert row.doses == 2580


def test_a_silent_appliance_shows_how_long_its_stock_may_stay_unknown(seeded: Stage) -> None:
    with reading(seeded) as reader:
        one = store.appliances_now(reader.conn, reader.telemetry, appliance_id="A-102-2")[0]
        row = gather.state_row(reader, one, State.NO_DATA)
    assert row.limit is not None
    assert (row.limit.minutes_used, row.limit.minutes_limit) == (130, 240)
    assert row.limit.rule is None


def test_an_appliance_in_range_has_only_its_held_holdings(seeded: Stage) -> None:
    with reading(seeded) as reader:
        one = store.appliances_now(reader.conn, reader.telemetry, appliance_id="A-102-3")[0]
        rows = gather.work_rows(reader, one, State.IN_RANGE)
    assert [row.trouble for row in rows] == [Trouble.HELD]


def test_districts_are_worst_first_and_show_held_stock(seeded: Stage) -> None:
    with reading(seeded) as reader:
        everything = store.appliances_now(reader.conn, reader.telemetry)
    states = {one.id: rules.state_of(one, seeded.now_ms) for one in everything}
    found = gather.districts(everything, states)
    letters = {one.name: "".join(cell.letter for cell in one.cells) for one in found}
    assert letters == {"North": "fo", "South": "whn"}
    assert [one.trouble for one in found] == [1, 3]
    assert found[1].count("w") == 1


def test_a_products_version_is_read_once_and_unknown_ones_are_none(seeded: Stage) -> None:
    with reading(seeded) as reader:
        first = reader.product("covishield")
        assert first is not None
        assert reader.product("covishield") is first
        assert reader.product("unknown") is None


def test_a_verdict_names_the_version_that_judged(seeded: Stage) -> None:
    with reading(seeded) as reader:
        found = reader.verdict("H-58213")
        assert found is not None
        judged_by = reader.judged_by(found)
        assert judged_by is not None
        assert (judged_by.product, judged_by.version) == (found.product, found.product_version)
        assert reader.verdict("unknown") is None


def test_a_holding_shows_what_it_has_used_over_all_its_time(seeded: Stage) -> None:
    with reading(seeded) as reader:
        one = store.appliances_now(reader.conn, reader.telemetry, appliance_id="A-102-1")[0]
        line = gather.holding_line(reader, one.inside[0])
    assert line.standing is Standing.USABLE
    assert line.used is not None
    assert line.used.minutes_limit == 600
    low, high = line.extremes
    assert low is not None
    assert high == 914


def test_a_move_not_yet_judged_is_not_usable(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        rejudge.mark_holding(conn, "H-3", seeded.now_ms, seeded.now_ms)
    with reading(seeded) as reader:
        one = store.appliances_now(reader.conn, reader.telemetry, appliance_id="A-101-2")[0]
        assert gather.holding_line(reader, one.inside[0]).standing is Standing.NOT_JUDGED
        assert gather.refusal(reader.conn, stock.holding_by_id(reader.conn, "H-3"), seeded.now_ms) == "not_rejudged"


def test_the_gate_is_asked_and_not_guessed(seeded: Stage) -> None:
    with reading(seeded) as reader:
        assert gather.refusal(reader.conn, stock.holding_by_id(reader.conn, "H-3"), seeded.now_ms) is None
        assert gather.refusal(reader.conn, stock.holding_by_id(reader.conn, "H-58213"), seeded.now_ms) == "held"


def test_hours_come_from_the_readings_store(seeded: Stage) -> None:
    table, answered = gather.hours(seeded.readings, "gw-02.a-102-1-tvc", seeded.now_ms)
    assert answered
    assert 24 <= len(table) <= 25
    assert max(bucket.centi_celsius_max for bucket in table) == 914
    assert gather.hours(seeded.readings, None, seeded.now_ms) == ([], True)


def test_a_readings_store_that_is_away_is_told(seeded: Stage) -> None:
    class Away:
        def downsample(self, *_args: object) -> None:
            raise Unavailable("away")

    assert gather.hours(Away(), "gw-01.x", seeded.now_ms) == ([], False)  # type: ignore[arg-type]  # one method is enough


def test_sensors_show_their_newest_calibration(seeded: Stage) -> None:
    with reading(seeded) as reader:
        one = store.appliances_now(reader.conn, reader.telemetry, appliance_id="A-102-1")[0]
        lines = gather.sensor_lines(reader, one)
    assert len(lines) == 1
    assert lines[0].calibration is not None
    assert lines[0].calibration.certificate_number == "CAL-0931"


def test_a_stay_or_none_is_taken_as_the_rules_want_it(seeded: Stage) -> None:
    with seeded.ledger.read() as conn:
        held = stock.holding_by_id(conn, "H-3")
    inside = gather.as_inside(held, None)
    assert (inside.appliance, inside.known_bound_ms, inside.from_ms) == ("", 0, held.created_at_ms)


def test_the_verdict_that_holds_is_shown_before_a_newer_one(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        held = stock.holding_by_id(conn, "H-58213")
        first = judgements.latest_verdict(conn, "H-58213")
        assert first is not None
        judgement_writes.append_verdict(conn, first.verdict, seeded.now_ms)
        assert gather.deciding_verdict(conn, held) == first
        newest = gather.deciding_verdict(conn, replace(held, held_by_verdict_id=None))
        assert newest == judgements.latest_verdict(conn, "H-58213") != first
        assert gather.deciding_verdict(conn, replace(held, id="H-none", held_by_verdict_id=None)) is None


def test_a_lot_counts_what_is_usable_and_held(seeded: Stage) -> None:
    with reading(seeded) as reader:
        lines = {one.id: gather.lot_line(reader, one) for one in store.lot_sums(reader.conn, None)}
    assert lines["covishield/CS-2301"].doses_usable == 6490
    assert lines["covishield/CS-2207"].doses_usable == 0
    assert lines["covishield/CS-2207"].holdings_held == 1
    assert lines["covishield/CS-2207"].display_name_hindi == "कोविशील्ड"
