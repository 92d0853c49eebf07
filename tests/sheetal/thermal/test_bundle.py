from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import Side
from sheetal.contracts.problem import FileProblem
from sheetal.contracts.verdict import Finding, Ground
from sheetal.thermal import bundle as bundles
from sheetal.thermal.bundle import Bundle, BundleDay, BundleStay, BundleVvm
from sheetal.thermal.cuts import Calibrated, Check, Fault, Hung
from sheetal.thermal.verdict import RULE_VERSION, digest, judge
from tests.sheetal.thermal.conftest import make_product_of
from tests.sheetal.thermal.given import MINUTE, T0, TOP, TVC, at

JUDGED = 10_000
COVISHIELD = make_product_of()
NOTHING = judge("H-1", COVISHIELD, [], at(JUDGED))


def series(*pieces: tuple[int, int, int], every: int = 1) -> list[tuple[int, int]]:
    """Each piece is (from minute, to minute inclusive, centi-degrees)."""
    return [(at(minute), value) for first, last, value in pieces for minute in range(first, last + 1, every)]


def hung(sensor: str = TVC, position: str = "coldest", first: int = -60) -> Hung:
    return Hung(sensor, position, MINUTE, at(first), None, 50)


def stay(**facts: object) -> BundleStay:
    plain = {
        "stay": 1,
        "appliance": "A-1",
        "evidence_kind": "telemetry",
        "from_ms": at(0),
        "until_ms": None,
        "sensors": [hung()],
    }
    return BundleStay(**(plain | facts))  # type: ignore[arg-type]  # a test's own facts


def with_verdict(*stays: BundleStay, **facts: object) -> Bundle:
    """A bundle that states what its own evidence gives."""
    plain = {
        "verdict_id": 7,
        "found_at_ms": at(JUDGED),
        "made_at_ms": at(JUDGED),
        "digest": "",
        "stated": NOTHING,
        "holding": "H-1",
        "lot": "covishield/CS-1",
        "product": COVISHIELD,
        "expires_at_ms": None,
        "thawed_at_ms": None,
        "opened_at_ms": None,
        "vvm_readings": [],
        "stays": list(stays),
    }
    empty = Bundle(**(plain | facts))  # type: ignore[arg-type]  # as above
    found = bundles.recompute(empty)
    return msgspec.structs.replace(empty, stated=found, digest=digest(found))


FROZEN = stay(samples={TVC: series((0, 29, 400), (30, 104, -180), (105, 200, 400))})


def test_a_bundle_is_recomputed_to_the_very_verdict() -> None:
    bundle = with_verdict(FROZEN)
    found = bundles.compare(bundle)
    assert (found.is_same, found.is_same_program, found.differences) == (True, True, [])
    assert found.verdict == bundle.stated
    assert bundle.stated.finding is Finding.HOLD
    (hit,) = bundle.stated.reached
    assert (hit.minutes_confirmed, hit.minutes_possible, hit.sensor) == (74, 76, TVC)
    assert bundle.readings == 201


def test_bytes_come_back_as_they_went() -> None:
    bundle = with_verdict(FROZEN)
    data = bundles.encode(bundle)
    assert bundles.decode(data) == bundle
    assert bundles.encode(bundles.decode(data)) == data
    assert bundles.compare(bundles.decode(data)).digest == bundle.digest


def test_one_reading_changed_is_found_out_and_named() -> None:
    bundle = with_verdict(FROZEN)
    kept = [(ms, value if ms < at(85) else 400) for ms, value in bundle.stays[0].samples[TVC]]
    other = msgspec.structs.replace(bundle, stays=[msgspec.structs.replace(bundle.stays[0], samples={TVC: kept})])
    found = bundles.compare(other)
    assert not found.is_same
    assert found.verdict.finding is Finding.EXCURSION_NOTED
    places = {one.place: (one.stated, one.found) for one in found.differences}
    assert places["finding"] == ('"hold"', '"excursion_noted"')


def test_a_verdict_that_was_changed_in_the_file_is_found_out() -> None:
    bundle = with_verdict(FROZEN)
    softened = msgspec.structs.replace(bundle.stated, finding=Finding.USABLE, reached=[])
    assert not bundles.compare(msgspec.structs.replace(bundle, stated=softened)).is_same
    both = msgspec.structs.replace(bundle, stated=softened, digest=digest(softened))
    found = bundles.compare(both)
    assert not found.is_same
    assert "finding" in {one.place for one in found.differences}


def test_more_readings_of_the_same_rest_keep_the_digest_and_are_told() -> None:
    bundle = with_verdict(stay(samples={TVC: series((0, 60, 400))}))
    longer = msgspec.structs.replace(bundle, stays=[stay(samples={TVC: series((0, 90, 400))})])
    found = bundles.compare(longer)
    assert found.is_same
    assert {one.place for one in found.differences} >= {"stays[0].readings", "known_through_ms"}


def test_rules_of_another_program_are_told() -> None:
    bundle = with_verdict(FROZEN)
    old = msgspec.structs.replace(bundle.stated, rule_version="sheetal-thermal/0")
    found = bundles.compare(msgspec.structs.replace(bundle, stated=old, digest=digest(old)))
    assert (found.is_same, found.is_same_program) == (False, False)
    (only,) = found.differences
    assert only == ("rule_version", '"sheetal-thermal/0"', f'"{RULE_VERSION}"')


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "this is no evidence bundle"),
        (b"{}", "this is no evidence bundle"),
        (b'{"format": "sheetal-bundle/1"', "this is no evidence bundle"),
        (b"\xff\xfe", "this is no evidence bundle"),
    ],
)
def test_anything_else_is_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(FileProblem, match=said):
        bundles.decode(data)


def test_another_format_and_unordered_readings_are_refused() -> None:
    bundle = with_verdict(FROZEN)
    with pytest.raises(FileProblem, match="format sheetal-bundle/9"):
        bundles.decode(bundles.encode(msgspec.structs.replace(bundle, format="sheetal-bundle/9")))
    backwards = stay(samples={TVC: [(at(2), 400), (at(1), 400)]})
    with pytest.raises(FileProblem, match="not in order of time"):
        bundles.decode(bundles.encode(msgspec.structs.replace(bundle, stays=[backwards])))


def test_a_run_goes_on_through_a_move() -> None:
    first = stay(until_ms=at(40), samples={TVC: series((0, 39, -180))})
    second = stay(stay=2, appliance="A-2", from_ms=at(40), sensors=[hung(TOP)], samples={TOP: series((40, 80, -180))})
    (hit,) = with_verdict(first, second).stated.reached
    assert hit.minutes_confirmed >= 79
    assert hit.sensor == TVC


def test_faulty_time_is_unknown_and_vouched_as_such() -> None:
    faulty = stay(faults=[Fault(TVC, at(30), at(105))], samples=FROZEN.samples)
    found = with_verdict(faulty).stated
    assert found.finding is Finding.USABLE
    (told,) = found.stays
    assert told.minutes_unknown == 76
    assert told.vouchers[0].faults == [(at(30), at(105))]
    assert told.readings == 126


def test_calibrations_vouch_for_the_sensor() -> None:
    done = [Calibrated(TVC, "CAL-0931", 30, at(-500), at(90_000))]
    (told,) = with_verdict(stay(calibrations=done, samples=FROZEN.samples)).stated.stays
    assert told.vouchers[0].calibration_certificate == "CAL-0931"


def test_a_twice_daily_record_is_judged_by_its_extremes() -> None:
    checks = [Check("A-1", at(0), 400, None, None), Check("A-1", at(480), 400, -200, 500)]
    record = stay(evidence_kind="twice_daily", sensors=[], checks=checks)
    found = with_verdict(record).stated
    assert found.finding is Finding.HOLD
    assert found.reached[0].sensor == "A-1/checks"
    assert with_verdict(stay(sensors=[], checks=checks)).stated.finding is Finding.USABLE


def day(received: float) -> BundleDay:
    summary = DaySummary(0, TVC, at(0), at(1440), -300, 500, -50, 60, 800, 600, 200, 0, 0, at(210))
    return BundleDay(summary, at(received))


def test_a_loggers_day_counts_as_far_as_it_was_read_out() -> None:
    found = with_verdict(stay(days=[day(2_000)]))
    assert found.stated.finding is Finding.HOLD
    assert bundles.cut_at(day(2_000)) == day(2_000).summary
    assert bundles.cut_at(day(700)).ends_at_ms == at(700)
    assert bundles.cut_at(day(-10)).ends_at_ms == at(0)


def test_packing_monitor_and_expiry_are_grounds() -> None:
    carried = stay(evidence_kind="packed_carrier", sensors=[], packed_at_ms=at(0), ice_packs="frozen")
    found = with_verdict(
        carried, vvm_readings=[BundleVvm(at(20), 3)], expires_at_ms=at(500), opened_at_ms=at(10)
    ).stated
    grounds = {one.ground for one in found.proposals}
    assert {Ground.PACKED_FROZEN, Ground.VVM_STAGE, Ground.EXPIRED} <= grounds
    assert found.finding is Finding.PROPOSED_CONDEMNED


def test_the_coldest_place_alone_judges_cold_by_position() -> None:
    there = [hung(), hung(TOP, "warmest")]
    told = {TVC: series((0, 200, 400)), TOP: series((0, 200, -180))}
    worst = with_verdict(stay(sensors=there, samples=told)).stated
    placed = with_verdict(stay(sensors=there, samples=told, fusion="by_position")).stated
    assert worst.finding is Finding.HOLD
    assert not any(hit.rule.side is Side.COLD for hit in placed.reached)
    assert placed.stays[0].fusion == "by_position"


def test_differences_are_bounded() -> None:
    noisy = [(0, 9, 400)] + [(10 + n * 4, 10 + n * 4, 900) for n in range(80)] + [(400, 410, 400)]
    found = with_verdict(stay(samples={TVC: sorted(series(*noisy))})).stated
    other = msgspec.structs.replace(found, noted=[msgspec.structs.replace(run, samples=99) for run in found.noted])
    assert len(bundles.differences(found, other)) == bundles.DIFFERENCES_MAX
    assert bundles.differences(found, found) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([-180, -50, 400, 810, 1200]), min_size=1, max_size=60), st.integers(1, 30))
def test_any_history_is_found_again_from_its_file(values: list[int], every: int) -> None:
    samples = [(T0 + n * every * MINUTE, value) for n, value in enumerate(values)]
    sensor = Hung(TVC, "coldest", every * MINUTE, at(-60), None)
    bundle = with_verdict(stay(sensors=[sensor], samples={TVC: samples}))
    found = bundles.compare(bundles.decode(bundles.encode(bundle)))
    assert found.is_same
    assert found.differences == []
