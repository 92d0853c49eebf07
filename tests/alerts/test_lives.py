from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.known import Known, Sources
from alerts.lives import allowance_of, heard_in, key_of, life_of
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound
from sheetal.contracts.verdict import Finding
from sheetal.ledger import assets, holdings, stock, vvm_readings
from sheetal.ledger.histories import history_of
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from sheetal.ledger.sensor_faults import declare_sensor_fault
from sheetal.ledger.stay_acts import open_vial, record_packing
from sheetal.ledger.stock import Stay
from sheetal.thermal.cuts import Fault
from tests.alerts.given import CARRIER, FRIDGE, HOLDING, OTHER, TOP, TVC, at

if TYPE_CHECKING:
    from sheetal.ledger.histories import History
    from sheetal.thermal.life import Life
    from tests.alerts.given import World


def life(world: World, minute: float = 1000) -> Life:
    with world.ledger.read() as conn:
        history = history_of(conn, HOLDING)
    known = Known(Sources(world.ledger, world.telemetry, world.stores.hours), at(minute))
    known.learn([history])
    return life_of(history, known)


def segments(world: World, minute: float = 1000) -> list[tuple[float, float | None, list[str]]]:
    return [
        (
            (part.from_ms - at(0)) / MINUTE_MS,
            None if part.until_ms is None else (part.until_ms - at(0)) / MINUTE_MS,
            [trace.sensor for trace in part.traces],
        )
        for part in life(world, minute).segments
    ]


def test_a_stay_is_cut_where_sensors_come_and_go(world: World) -> None:
    world.receive()
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, FRIDGE, "top", at(50), at(50))
        assets.unassign_sensor(conn, TVC, at(80), at(80))
    assert segments(world) == [(0, 50, [TVC]), (50, 80, [TOP, TVC]), (80, None, [TOP])]


def test_an_assignment_at_the_stays_own_edge_cuts_nothing(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, FRIDGE, "top", at(0), at(0))
    world.receive()
    assert segments(world) == [(0, None, [TOP, TVC])]


def test_a_stay_without_sensors_is_one_empty_part(world: World) -> None:
    world.receive(appliance_id=CARRIER, kind=EvidenceKind.PACKED_CARRIER)
    assert segments(world) == [(0, None, [])]


def test_an_unknown_holding_is_said(world: World) -> None:
    with pytest.raises(NotFound):
        life(world)


def test_an_undeclared_interval_takes_the_median_of_the_rows(world: World) -> None:
    with world.ledger.write() as conn:
        assets.register_sensor(
            conn, assets.Sensor(id="gw-01.log", gateway_id="gw-01", serial="l", model="logger"), at(0)
        )
        assets.assign_sensor(conn, "gw-01.log", OTHER, "coldest", at(0), at(0))
    world.receive(appliance_id=OTHER)
    world.feed((0, 300, 500), sensor="gw-01.log", every=10)
    (segment,) = life(world, 400).segments
    last = segment.traces[0].exposure.last
    assert last is not None
    assert last.cap_ms == 30 * MINUTE_MS


def stay(packed: float | None = None) -> Stay:
    return Stay(
        id=1,
        holding_id=HOLDING,
        appliance_id=CARRIER,
        evidence_kind=EvidenceKind.TELEMETRY if packed is None else EvidenceKind.PACKED_CARRIER,
        from_ms=at(60),
        until_ms=None,
        known_bound_ms=8 * HOUR_MS,
        packed_at_ms=None if packed is None else at(packed),
    )


def test_a_carrier_counts_its_cold_life_from_its_packing() -> None:
    assert allowance_of(stay(), []).bound_ms == 8 * HOUR_MS
    assert allowance_of(stay(packed=0), []).bound_ms == 7 * HOUR_MS
    assert allowance_of(stay(packed=-1000), []).bound_ms == 0


def check(minute: float, value: int, low: int | None = None, high: int | None = None) -> ManualCheck:
    return ManualCheck(
        appliance_id=OTHER,
        checked_at_ms=at(minute),
        centi_celsius=value,
        centi_celsius_min=low,
        centi_celsius_max=high,
        actor="ravi",
    )


@pytest.mark.parametrize("minute", [0, 60])
def test_the_first_check_of_a_stay_is_judged(world: World, minute: float) -> None:
    world.receive(appliance_id=OTHER, kind=EvidenceKind.TWICE_DAILY)
    with world.ledger.write() as conn:
        for made in (check(minute, -300), check(780, 450)):
            add_manual_check(conn, made, at(781))
    world.drain(781)
    assert world.verdicts()[0].verdict.finding is Finding.HOLD


def test_two_warm_glances_do_not_confirm_the_hours_between_them(world: World) -> None:
    world.receive(appliance_id=OTHER, kind=EvidenceKind.TWICE_DAILY)
    with world.ledger.write() as conn:
        for made in (check(1, 900), check(720, 900)):
            add_manual_check(conn, made, at(721))
    world.drain(721)
    assert world.verdicts()[0].verdict.finding is Finding.EXCURSION_NOTED


def test_a_time_between_checks_counts_though_a_sensor_came_meanwhile(world: World) -> None:
    world.receive(appliance_id=OTHER, kind=EvidenceKind.TWICE_DAILY)
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "top", at(300), at(300))
        for made in (check(1, 450), check(700, 450, -70, 700)):
            add_manual_check(conn, made, at(701))
    world.drain(701)
    assert world.verdicts()[0].verdict.finding is Finding.HOLD


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [(300, 700, Finding.USABLE), (300, 950, Finding.EXCURSION_NOTED), (-70, 700, Finding.HOLD)],
    ids=["in range", "was warm, minutes unknown", "may have been frozen for hours"],
)
def test_a_twice_daily_record_is_judged_by_its_extremes(world: World, low: int, high: int, finding: Finding) -> None:
    world.receive(appliance_id=OTHER, kind=EvidenceKind.TWICE_DAILY)
    with world.ledger.write() as conn:
        for made in (check(1, 450), check(700, 450, low, high)):
            add_manual_check(conn, made, at(701))
    world.drain(701)
    assert world.verdicts()[0].verdict.finding is finding
    assert (world.holding().disposition is Disposition.QUARANTINED) == (finding is Finding.HOLD)
    judgement = world.judgement(OTHER)
    assert judgement is not None
    assert judgement.known_through_ms == at(700)
    assert world.holding().gap_open_from_ms is None


def test_records_are_added_to_their_own_stay_only(world: World) -> None:
    world.receive(appliance_id=OTHER, kind=EvidenceKind.TWICE_DAILY)
    with world.ledger.write() as conn:
        for made in (check(1, 450), check(700, 450)):
            add_manual_check(conn, made, at(701))
        stock.holding_by_id(conn, HOLDING)
    (segment,) = life(world, 701).segments
    assert [trace.sensor for trace in segment.traces] == [f"{OTHER}/checks"]


def history(world: World, holding_id: str = HOLDING) -> History:
    with world.ledger.read() as conn:
        return history_of(conn, holding_id)


def test_equal_lives_have_equal_keys_whatever_they_are_called(world: World) -> None:
    for label in (HOLDING, "H-2"):
        world.receive(label)
    world.receive("H-3", minute=1)
    world.receive("H-4", kind=EvidenceKind.LOGGER_FILE)
    keys = {label: key_of(history(world, label)) for label in (HOLDING, "H-2", "H-3", "H-4")}
    assert keys[HOLDING] == keys["H-2"]
    assert len(set(keys.values())) == 3


def test_whatever_changes_a_life_changes_its_key(world: World) -> None:
    world.receive()
    keys = [key_of(history(world))]
    for act in (
        lambda conn: open_vial(conn, HOLDING, at(5), "ravi", at(5)),
        lambda conn: holdings.thaw_holding(conn, HOLDING, "ravi", at(6), at(6)),
        lambda conn: vvm_readings.record(conn, HOLDING, 2, at(7), "ravi", at(7)),
        lambda conn: holdings.move_holding(conn, HOLDING, CARRIER, EvidenceKind.PACKED_CARRIER, at(8), at(8), "ravi"),
        lambda conn: record_packing(conn, HOLDING, "conditioned", None, "ravi", at(9)),
        lambda conn: record_packing(conn, HOLDING, "conditioned", 1, "ravi", at(9)),
    ):
        with world.ledger.write() as conn:
            act(conn)
        keys.append(key_of(history(world)))
    assert len(set(keys)) == len(keys)


def test_a_life_names_neither_its_holding_nor_its_stays(world: World) -> None:
    world.receive()
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, OTHER, EvidenceKind.TELEMETRY, at(8), at(8), "ravi")
    found = life(world)
    assert (found.holding, [part.stay for part in found.segments]) == ("", [0, 1])
    assert (sorted(found.vouchers), found.fusion) == ([0, 1], {0: "worst", 1: "worst"})


FAULTS = (Fault(TVC, 10, 20), Fault(TVC, 40, None))


@pytest.mark.parametrize(
    ("span", "left"),
    [
        ((0, 100), [(0, 10), (20, 40)]),
        ((12, 18), []),
        ((15, 30), [(20, 30)]),
        ((5, 15), [(5, 10)]),
        ((50, 60), []),
        ((20, 40), [(20, 40)]),
    ],
)
def test_what_is_heard_lies_outside_every_fault(span: tuple[int, int], left: list[tuple[int, int]]) -> None:
    assert heard_in(span, FAULTS) == left
    assert heard_in(span, FAULTS[::-1]) == left
    assert heard_in(span, ()) == [span]


def test_an_undeclared_interval_is_found_among_what_is_heard(world: World) -> None:
    with world.ledger.write() as conn:
        assets.register_sensor(
            conn, assets.Sensor(id="gw-01.log", gateway_id="gw-01", serial="l", model="logger"), at(0)
        )
        assets.assign_sensor(conn, "gw-01.log", OTHER, "coldest", at(0), at(0))
        declare_sensor_fault(conn, "gw-01.log", at(0), at(100), "it was being set up", "dr-asha", at(400))
    world.receive(appliance_id=OTHER)
    world.feed((0, 100, 500), sensor="gw-01.log", every=1)
    world.feed((100, 300, 500), sensor="gw-01.log", every=10)
    (segment,) = life(world, 400).segments
    exposure = segment.traces[0].exposure
    assert exposure.last is not None
    assert (exposure.last.cap_ms, exposure.readings) == (30 * MINUTE_MS, 20)
