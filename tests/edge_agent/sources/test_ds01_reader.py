from __future__ import annotations

import logging

import pytest

from edge_agent.sample import AuxSample, Observation, Sample
from edge_agent.settings.source import Ds01TcpSetting, ProbeSetting
from edge_agent.sources.ds01_reader import APPLIANCES_MAX, UNPLACED_MAX, Ds01Reader, Heard
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.reading import Quality
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, SENSOR, T0_MS, record
from tests.edge_agent.sources.rigs import live_record

PROBES = (
    ProbeSetting(probe="ilr1-tvc", appliance="ILR-1"),
    ProbeSetting(probe="ilr1-amb", appliance="ILR-1", field="TAMB"),
    ProbeSetting(probe="df-tfrz", appliance="DF-1", field="TFRZ"),
)


def reader(*probes: ProbeSetting, marks: dict[str, str] | None = None) -> Ds01Reader:
    setting = Ds01TcpSetting(port=1, probe=probes or PROBES[:1])
    return Ds01Reader(GATEWAY, setting, (marks or {}).get)


def read_one(source: Ds01Reader, line: bytes) -> Observation:
    [observation] = source.read(line)
    return observation


def minute(number: int, celsius: object = 4.5, **fields: object) -> bytes:
    return record(T0_MS + number * MINUTE_MS, celsius, **fields)


def test_a_record_becomes_a_sample_with_the_devices_stamp() -> None:
    observation = read_one(reader(), minute(3, 4.3))
    assert observation.samples == (Sample(SENSOR, T0_MS + 3 * MINUTE_MS, 430, Quality.OK),)
    assert (observation.repeated, observation.discontinuity) == (False, False)


def test_each_probe_takes_its_field_of_its_own_appliance() -> None:
    source = reader(*PROBES)
    first = read_one(source, minute(0, 4.5, TAMB=31.0))
    assert [(sample.sensor, sample.centi_celsius) for sample in first.samples] == [
        (SENSOR, 450),
        (f"{GATEWAY}.ilr1-amb", 3_100),
    ]
    second = read_one(source, minute(0, None, ASER="DF-1", TFRZ=-20.5))
    assert [(sample.sensor, sample.centi_celsius) for sample in second.samples] == [(f"{GATEWAY}.df-tfrz", -2_050)]


def test_a_probe_without_an_appliance_takes_any() -> None:
    assert read_one(reader(ProbeSetting(probe="any")), minute(0, 1.0, ASER="X")).samples[0].centi_celsius == 100


def test_a_missing_value_is_a_named_fault() -> None:
    assert read_one(reader(), minute(0, None)).samples[0][2:4] == (None, Quality.NO_VALUE)


def test_a_stranger_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    source = reader()
    with caplog.at_level(logging.WARNING):
        assert source.read(minute(0, ASER="OTHER")) == source.read(minute(1, ASER="OTHER")) == []
    assert caplog.text.count("OTHER") == 1


@pytest.mark.parametrize("line", [b"{}", record(None), b'{"ASER":"ILR-1","RELT":"soon","ABST":"now"}'])
def test_a_record_without_time_is_bad(line: bytes) -> None:
    source = reader(ProbeSetting(probe="any"))
    with pytest.raises(WireProblem) as caught:
        source.read(line)
    assert caught.value.facts["reason"] == "bad_body"


def test_records_wait_for_their_anchor_and_come_in_order() -> None:
    source = reader()
    for second in range(3):
        assert source.read(record(None, second, RELT=f"PT{second}S")) == []
    found = source.read(record(None, 3, RELT="PT3S", ABST="20260921T000003Z"))
    assert [one.samples[0].centi_celsius for one in found] == [0, 100, 200, 300]
    stamps = [one.samples[0].measured_at_ms for one in found]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 1_000, 2_000, 3_000]
    assert not any(one.repeated for one in found)


def test_a_live_line_anchors_by_the_gateways_clock() -> None:
    source = reader()
    source.read(record(None, 1, RELT="PT60S"))
    found = source.read(record(None, 2, RELT="PT120S"), Heard(T0_MS, is_live=True))
    assert [one.samples[0].measured_at_ms for one in found] == [T0_MS - MINUTE_MS, T0_MS]


def test_a_wrong_clock_is_told_of_once_and_what_waited_for_the_right_time_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, ahead = reader(), T0_MS + 90 * MINUTE_MS
    lines = [live_record(ahead + n * MINUTE_MS, 10**7 + n * MINUTE_MS, n) for n in range(4)]
    with caplog.at_level(logging.WARNING):
        assert source.read(lines[0], Heard(T0_MS)) == source.read(lines[1], Heard(T0_MS)) == []
        found = source.read(lines[2], Heard(T0_MS + 2 * MINUTE_MS, is_live=True))
        found += source.read(lines[3], Heard(T0_MS + 3 * MINUTE_MS, is_live=True))
    assert [one.samples[0][1:3] for one in found] == [(T0_MS + n * MINUTE_MS, n * 100) for n in range(4)]
    assert not any(one.repeated for one in found)
    assert caplog.text.count("+90 min off") == 1


def test_a_record_of_the_future_without_relative_time_is_bad() -> None:
    with pytest.raises(WireProblem, match="future"):
        reader().read(record(T0_MS + 90 * MINUTE_MS, RELT=None), Heard(T0_MS))


def told(source: Ds01Reader, story: list[tuple[float, bytes]], now_ms: int | None) -> list[tuple[int, bool, bool]]:
    """Stamps in minutes after T0, repeated, discontinuity; each line is heard at its second."""
    found: list[Observation] = []
    for seconds, line in story:
        now = None if now_ms is None else now_ms + round(seconds * 1_000)
        found += source.read(line, Heard(now, at_seconds=seconds))
    return [((one.samples[0].measured_at_ms - T0_MS) // MINUTE_MS, one.repeated, one.discontinuity) for one in found]


def test_a_logger_that_keeps_pace_is_live_though_its_hub_is_never_quiet() -> None:
    story = [(60.0 * n, live_record(T0_MS + n * MINUTE_MS, 10**7 + n * MINUTE_MS)) for n in range(3)]
    assert [one[0] for one in told(reader(), story, T0_MS + 500 * MINUTE_MS)] == [0, 501, 502]


def test_a_stream_from_memory_does_not_keep_pace() -> None:
    story = [(0.5 * n, live_record(T0_MS + n * MINUTE_MS, 10**7 + n * MINUTE_MS)) for n in range(30)]
    assert [one[0] for one in told(reader(), story, T0_MS + 500 * MINUTE_MS)] == list(range(30))


def test_a_clock_that_was_never_set_is_no_clock() -> None:
    stamps = [T0_MS, 3_600_000, T0_MS + 2 * MINUTE_MS]
    story = [(float(n), live_record(at_ms, 10**7 + n * MINUTE_MS)) for n, at_ms in enumerate(stamps)]
    assert [one[0] for one in told(reader(), story, None)] == [0, 1, 2]


def test_a_logger_that_counts_anew_without_a_clock_is_placed_by_this_gateways() -> None:
    source = reader()
    before = [(60.0 * n, live_record(T0_MS + n * MINUTE_MS, 10**7 + n * MINUTE_MS)) for n in range(3)]
    after = [(600.0 + 60 * n, record(None, RELT=f"PT{60 * n}S")) for n in range(4)]
    assert told(source, before, T0_MS) == [(0, False, False), (1, False, False), (2, False, False)]
    found: list[Observation] = []
    for seconds, line in after:
        found += source.read(line, Heard(T0_MS + round(seconds * 1_000), is_live=True, at_seconds=seconds))
    assert [(one.samples[0].measured_at_ms - T0_MS) // MINUTE_MS for one in found] == [10, 11, 12, 13]
    assert [one.discontinuity for one in found] == [True, False, False, False]
    assert not any(one.repeated for one in found)


def test_a_story_that_is_told_again_from_the_start_is_no_logger_that_counts_anew() -> None:
    source = reader()
    lines = [live_record(T0_MS + n * MINUTE_MS, 10**7 + n * MINUTE_MS) for n in range(3)]
    for line in lines:
        source.read(line)
    source.begin()
    found = [one for line in lines for one in source.read(line, Heard(T0_MS + 2 * MINUTE_MS, is_live=True))]
    assert [(one.repeated, one.discontinuity) for one in found] == [(True, False)] * 3


def test_what_waits_is_bounded() -> None:
    source = reader()
    for second in range(UNPLACED_MAX + 10):
        source.read(record(None, 4, RELT=f"PT{second}S"))
    found = source.read(record(None, 4, RELT="PT9999S", ABST="20260921T000003Z"))
    assert len(found) == UNPLACED_MAX + 1


def test_a_retold_story_is_repeated_after_a_restart_too() -> None:
    first = reader()
    marks: dict[str, str] = {}
    for number in range(5):
        marks.update(read_one(first, minute(number)).marks)
    again = reader(marks=marks)
    assert [read_one(again, minute(number)).repeated for number in range(7)] == [True] * 5 + [False] * 2


def test_aux_values_are_said_when_they_change_and_once_an_hour() -> None:
    source = reader()
    told = [read_one(source, minute(number, TAMB=31 if number < 30 else 32, SVA=60)).aux for number in range(120)]
    said = [(number, aux.field, aux.value) for number, found in enumerate(told) for aux in found]
    assert said == [
        (0, "TAMB", 31.0),
        (0, "SVA", 60.0),
        (30, "TAMB", 32.0),
        (60, "SVA", 60.0),
        (90, "TAMB", 32.0),
    ]
    assert told[0][0] == AuxSample(f"{GATEWAY}.ILR-1", T0_MS, "TAMB", 31.0)


def test_a_door_and_the_mains_are_changes_of_state() -> None:
    source = reader()
    told = [(0, 60), (20, 60), (30, 60), (0, 60), (0, 0), (0, 0), (0, 60)]
    found = [read_one(source, minute(n, DORV=door, SVA=mains)).aux for n, (door, mains) in enumerate(told)]
    assert [[aux.field for aux in auxes if aux.notable] for auxes in found] == [
        [],
        ["DORV"],
        [],
        ["DORV"],
        ["SVA"],
        [],
        ["SVA"],
    ]


def test_a_repeated_record_says_no_aux() -> None:
    source = reader()
    assert read_one(source, minute(0, TAMB=30)).aux
    assert read_one(source, minute(0, TAMB=99)).aux == ()


def test_a_serial_that_cannot_be_an_id_has_no_aux() -> None:
    assert read_one(reader(ProbeSetting(probe="any")), minute(0, ASER="a b/c", TAMB=30)).aux == ()


def test_the_number_of_appliances_is_bounded() -> None:
    source = reader(ProbeSetting(probe="any"))
    for number in range(APPLIANCES_MAX):
        source.read(minute(0, ASER=f"A{number}"))
    with pytest.raises(WireProblem):
        source.read(minute(0, ASER="one-too-many"))
