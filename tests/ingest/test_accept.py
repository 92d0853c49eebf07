from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.accept import (
    DAY_LENGTH_MS_MAX,
    FUTURE_MS_MAX,
    MEASURED_AT_MS_MIN,
    MINUTES_MAX,
    ROWS_OF_A_SPAN_MAX,
    Refusal,
    accept,
    speaks_for,
)
from ingest.reasons import Reason
from sheetal.contracts.batch import AuxRow, DaySummary, Row, ThinnedSpan, UnplacedRow
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Quality, Reading, is_plausible
from tests.ingest.given import BOOT, GATEWAY, NOW_MS, SENSOR, batch, day, minutes, row, span, unplaced


def refusals(*rows: Row) -> list[Reason]:
    return [refusal.reason for refusal in accept(batch(list(rows)), NOW_MS).refused]


def test_a_good_batch_is_taken_whole_with_its_boot_and_sequences() -> None:
    accepted = accept(batch(minutes(1, 10)), NOW_MS)
    assert accepted.refused == []
    assert accepted.readings[0] == Reading(SENSOR, minutes(1, 1)[0].measured_at_ms, 401, 0, BOOT, 1)
    assert [reading.sequence for reading in accepted.readings] == list(range(1, 11))


@pytest.mark.parametrize(
    ("sensor", "own"),
    [
        (SENSOR, True),
        ("gw-01.a", True),
        ("gw-02.ilr1-tvc", False),
        ("gw-01", False),
        ("gw-01.", False),
        ("gw-01.a.b", False),
        ("gw-011.a", False),
        ("", False),
        ("gw-01.a b", False),
        ("gw-01.a\x00", False),
        ("gw-01.तापमान", False),
        ("gw-01." + "x" * 64, True),
        ("gw-01." + "x" * 65, False),
        ("gw-01.a\n", False),
    ],
)
def test_a_gateway_speaks_only_for_sensors_below_its_own_name(sensor: str, *, own: bool) -> None:
    assert speaks_for(GATEWAY, sensor) is own
    assert refusals(row(1, sensor=sensor)) == ([] if own else [Reason.FOREIGN_SENSOR])


@pytest.mark.parametrize("centi", [CENTI_CELSIUS_MIN, 0, CENTI_CELSIUS_MAX])
def test_a_temperature_in_the_physical_range_is_taken(centi: int) -> None:
    assert refusals(row(1, centi=centi)) == []


@pytest.mark.parametrize(
    ("centi", "quality"),
    [
        (CENTI_CELSIUS_MIN - 1, Quality.OK),
        (CENTI_CELSIUS_MAX + 1, Quality.OK),
        (10**40, Quality.OK),
        (None, Quality.OK),
        (450, Quality.OPEN_CIRCUIT),
        (None, 99),
        (None, -1),
        (450, 99),
    ],
)
def test_what_cannot_be_a_sample_is_implausible(centi: int | None, quality: int) -> None:
    assert refusals(row(1, centi=centi, quality=quality)) == [Reason.IMPLAUSIBLE]


@pytest.mark.parametrize("quality", [word for word in Quality if word is not Quality.OK])
def test_a_named_fault_without_a_value_is_a_sample(quality: Quality) -> None:
    (kept,) = accept(batch([row(1, centi=None, quality=quality)]), NOW_MS).readings
    assert (kept.centi_celsius, kept.quality) == (None, quality)


def test_stamps_may_be_a_day_ahead_and_no_more() -> None:
    edge = NOW_MS + FUTURE_MS_MAX
    assert refusals(row(1, edge)) == []
    assert refusals(row(1, edge + 1)) == [Reason.FUTURE_STAMP]
    assert refusals(row(1, 10**30)) == [Reason.FUTURE_STAMP]


@pytest.mark.parametrize("ms", [0, -1, 946_684_800_000, MEASURED_AT_MS_MIN - 1])
def test_a_clock_that_lost_its_time_makes_no_history(ms: int) -> None:
    assert refusals(row(1, ms)) == [Reason.IMPLAUSIBLE]
    assert refusals(row(1, MEASURED_AT_MS_MIN)) == []


def test_one_bad_row_costs_nothing_but_itself() -> None:
    rows = minutes(1, 5)
    rows[2] = row(3, sensor="gw-02.x")
    accepted = accept(batch(rows), NOW_MS)
    assert [reading.sequence for reading in accepted.readings] == [1, 2, 4, 5]
    assert accepted.refused == [Refusal(3, Reason.FOREIGN_SENSOR)]


def test_aux_values_are_taken_with_sound_names_and_stamps() -> None:
    good = AuxRow(1, NOW_MS, "ilr1", "TAMB", 31.5)
    bad = [
        AuxRow(2, NOW_MS, "", "TAMB", 1.0),
        AuxRow(3, NOW_MS, "ilr1", "x" * 200, 1.0),
        AuxRow(4, NOW_MS, "ilr1", "T\x00", 1.0),
        AuxRow(5, NOW_MS + 2 * FUTURE_MS_MAX, "ilr1", "TAMB", 1.0),
        AuxRow(6, 0, "ilr1", "TAMB", 1.0),
    ]
    accepted = accept(batch(aux=[good, *bad]), NOW_MS)
    assert accepted.aux == [good]
    assert [refusal.sequence for refusal in accepted.refused] == [2, 3, 4, 5, 6]
    assert accepted.refused[3].reason is Reason.FUTURE_STAMP


def test_a_day_summary_is_taken() -> None:
    sound = [day(1), day(2, centi_celsius_min=None, centi_celsius_max=None, minutes_unknown=1440)]
    sound.append(day(3, high_alarm_at_ms=day().starts_at_ms + 5, low_alarm_at_ms=day().ends_at_ms))
    sound.append(day(4, starts_at_ms=NOW_MS - 60_000, ends_at_ms=NOW_MS - 60_000 + DAY_LENGTH_MS_MAX))
    accepted = accept(batch(days=sound), NOW_MS)
    assert (accepted.days, accepted.refused) == (sound, [])


@pytest.mark.parametrize(("ahead_ms", "reasons"), [(-1, []), (0, [Reason.FUTURE_STAMP]), (1, [Reason.FUTURE_STAMP])])
def test_a_day_has_begun_before_it_is_told_of(ahead_ms: int, reasons: list[Reason]) -> None:
    start = NOW_MS + FUTURE_MS_MAX + ahead_ms
    told = day(starts_at_ms=start, ends_at_ms=start + FUTURE_MS_MAX)
    assert [refusal.reason for refusal in accept(batch(days=[told]), NOW_MS).refused] == reasons


START = day().starts_at_ms


@pytest.mark.parametrize(
    ("summary", "reason"),
    [
        (day(sensor="gw-02.x"), Reason.FOREIGN_SENSOR),
        (day(ends_at_ms=START), Reason.IMPLAUSIBLE),
        (day(ends_at_ms=START + DAY_LENGTH_MS_MAX + 1), Reason.IMPLAUSIBLE),
        (day(ends_at_ms=10**40), Reason.IMPLAUSIBLE),
        (day(centi_celsius_min=900), Reason.IMPLAUSIBLE),
        (day(centi_celsius_max=CENTI_CELSIUS_MAX + 1), Reason.IMPLAUSIBLE),
        (day(low_limit_centi_celsius=10**9), Reason.IMPLAUSIBLE),
        (day(minutes_above=-1), Reason.IMPLAUSIBLE),
        (day(minutes_unknown=MINUTES_MAX + 1), Reason.IMPLAUSIBLE),
        (day(high_alarm_at_ms=START - 1), Reason.IMPLAUSIBLE),
        (day(starts_at_ms=0, ends_at_ms=1), Reason.IMPLAUSIBLE),
        (day(starts_at_ms=NOW_MS + 2 * FUTURE_MS_MAX, ends_at_ms=NOW_MS + 3 * FUTURE_MS_MAX), Reason.FUTURE_STAMP),
    ],
)
def test_an_unsound_day_summary_is_refused(summary: DaySummary, reason: Reason) -> None:
    assert accept(batch(days=[summary]), NOW_MS).refused == [Refusal(1, reason)]


rows = st.builds(
    row,
    st.integers(0, 2**63 - 1),
    st.integers(-(10**15), 10**15) | st.integers(NOW_MS - 10**9, NOW_MS + 10**9),
    st.none() | st.integers(-20_000, 20_000),
    st.integers(-1, 7),
    st.sampled_from([SENSOR, "gw-01.b", "gw-02.a", "", "x"]),
)


@settings(max_examples=200)
@given(st.lists(rows, max_size=30))
def test_every_row_is_either_stored_or_refused_and_what_is_stored_is_sound(offered: list[Row]) -> None:
    accepted = accept(batch(offered), NOW_MS)
    answered = [reading.sequence for reading in accepted.readings] + [item.sequence for item in accepted.refused]
    assert sorted(answered) == sorted(item.sequence for item in offered)
    for kept in accepted.readings:
        assert is_plausible(kept)
        assert speaks_for(GATEWAY, kept.sensor)
        assert MEASURED_AT_MS_MIN <= kept.measured_at_ms <= NOW_MS + FUTURE_MS_MAX


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (unplaced(), None),
        (unplaced(monotonic_ms=0), None),
        (unplaced(centi_celsius=None, quality=2), None),
        (unplaced(sensor="gw-02.x"), Reason.FOREIGN_SENSOR),
        (unplaced(monotonic_ms=-1), Reason.IMPLAUSIBLE),
        (unplaced(monotonic_ms=2**63), Reason.IMPLAUSIBLE),
        (unplaced(centi_celsius=CENTI_CELSIUS_MAX + 1), Reason.IMPLAUSIBLE),
        (unplaced(centi_celsius=None), Reason.IMPLAUSIBLE),
        (unplaced(quality=2), Reason.IMPLAUSIBLE),
    ],
)
def test_a_row_without_an_instant_is_judged_like_any_sample(told: UnplacedRow, reason: Reason | None) -> None:
    accepted = accept(msgspec.structs.replace(batch(), unplaced=[told]), NOW_MS)
    assert accepted.unplaced == ([told] if reason is None else [])
    assert accepted.refused == ([] if reason is None else [Refusal(1, reason)])
    assert accepted.readings == []


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (span(), None),
        (span(centi_celsius_min=450, centi_celsius_max=450), None),
        (span(ends_at_ms=span().starts_at_ms), None),
        (span(sensor="gw-011.x"), Reason.FOREIGN_SENSOR),
        (span(ends_at_ms=span().starts_at_ms - 1), Reason.IMPLAUSIBLE),
        (span(ends_at_ms=span().starts_at_ms + 3_600_001), Reason.IMPLAUSIBLE),
        (span(centi_celsius_mean=461), Reason.IMPLAUSIBLE),
        (span(centi_celsius_min=CENTI_CELSIUS_MIN - 1), Reason.IMPLAUSIBLE),
        (span(rows=0), Reason.IMPLAUSIBLE),
        (span(rows=2**40), Reason.IMPLAUSIBLE),
        (span(covers=[]), Reason.IMPLAUSIBLE),
        (span(covers=[(5, 4)]), Reason.IMPLAUSIBLE),
        (span(covers=[(-1, 4)]), Reason.IMPLAUSIBLE),
        (span(covers=[(1, 2**63)]), Reason.IMPLAUSIBLE),
        (span(covers=[(2**63 - 15, 2**63 - 1)]), None),
        (span(covers=[(2**63 - 15, 2**63)]), Reason.IMPLAUSIBLE),
        (span(covers=[(0, 2**62)]), Reason.IMPLAUSIBLE),
        (span(covers=[(0, ROWS_OF_A_SPAN_MAX - 1)]), None),
        (span(covers=[(0, ROWS_OF_A_SPAN_MAX)]), Reason.IMPLAUSIBLE),
        (span(covers=[(1, 13)]), Reason.IMPLAUSIBLE),
        (span(covers=[(1, 9), (9, 20)]), Reason.IMPLAUSIBLE),
        (span(covers=[(20, 40), (1, 9)]), Reason.IMPLAUSIBLE),
        (span(covers_boot=-1), Reason.IMPLAUSIBLE),
        (span(starts_at_ms=0, ends_at_ms=60_000), Reason.IMPLAUSIBLE),
        (span(starts_at_ms=NOW_MS + FUTURE_MS_MAX, ends_at_ms=NOW_MS + FUTURE_MS_MAX + 1), Reason.FUTURE_STAMP),
    ],
)
def test_a_thinned_span_must_be_one_that_readings_can_have_left(told: ThinnedSpan, reason: Reason | None) -> None:
    accepted = accept(msgspec.structs.replace(batch(), thinned=[told]), NOW_MS)
    assert accepted.thinned == ([told] if reason is None else [])
    assert accepted.refused == ([] if reason is None else [Refusal(1, reason)])


def test_the_sequences_of_all_kinds_are_told() -> None:
    told = msgspec.structs.replace(
        batch([row(1)], aux=[AuxRow(2, NOW_MS, "ilr1", "TAMB", 3.0)], days=[day(3)]),
        unplaced=[unplaced(4)],
        thinned=[span(5)],
    )
    assert accept(told, NOW_MS).stored == [(1, 5)]
