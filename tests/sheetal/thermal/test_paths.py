from __future__ import annotations

from msgspec.structs import replace

from sheetal.contracts.limits import Measure, Side
from sheetal.thermal.exposure import summarise
from sheetal.thermal.paths import Segment, Trace, runs_of_paths, weight
from sheetal.thermal.runs import Limit

HOT = (Limit(Side.HOT, 800, inclusive=False),)


def trace(sensor: str, *samples: tuple[int, int], cap: int = 15) -> Trace:
    return Trace(sensor, summarise(sensor, samples, cap, HOT))


def segment(from_ms: int, until_ms: int | None, *traces: Trace) -> Segment:
    return Segment(1, "A-1", "telemetry", from_ms, until_ms, traces)


def told(segments: list[Segment], measure: Measure = Measure.RUN) -> list[list[tuple[str, int, int, int]]]:
    return [
        [(run.sensor, run.first_ms, run.last_ms, run.possible_half_ms // 2) for run in path]
        for path in runs_of_paths(segments, 0, measure)
    ]


def test_each_sensor_is_a_way_of_its_own() -> None:
    one = segment(0, None, trace("g.a", (0, 900), (10, 500)), trace("g.b", (0, 500), (10, 900)))
    assert told([one]) == [[("g.a", 0, 0, 10)], [("g.b", 10, 10, 10)]]


def test_a_new_sensor_continues_the_longest_run_going_on() -> None:
    life = [
        segment(0, 30, trace("g.a", (0, 900), (10, 900), (20, 900)), trace("g.b", (0, 500), (10, 500), (20, 900))),
        segment(30, None, trace("h.c", (30, 900), (40, 500))),
    ]
    ways = told(life)
    assert [("g.a", 0, 30, 40)] in ways
    assert [("g.a", 0, 20, 30)] in ways
    assert [("g.b", 20, 20, 20)] in ways


def test_a_sensor_that_stays_continues_itself_and_not_the_worse_one() -> None:
    life = [
        segment(0, 30, trace("g.a", (0, 900), (20, 900), cap=25), trace("g.b", (0, 500), (20, 500), cap=25)),
        segment(30, None, trace("g.b", (40, 900), cap=25)),
    ]
    assert [("g.b", 40, 40, 20)] in told(life)


def test_what_a_removed_sensor_saw_goes_on_through_those_that_stay() -> None:
    """The warmest probe is taken away in the middle of an outage: its minutes are the holding's all the same."""
    life = [
        segment(0, 30, trace("g.a", (0, 900), (20, 900), cap=25), trace("g.b", (0, 500), (20, 500), cap=25)),
        segment(30, None, trace("g.b", (40, 900), cap=25)),
    ]
    assert [("g.a", 0, 40, 40)] in told(life)
    assert [("g.a", 0, 40, 40)] in told(life, Measure.CUMULATIVE)


def test_sums_of_sensors_removed_one_after_another_are_not_forgotten() -> None:
    life = [
        segment(0, 30, trace("g.a", (0, 900), (10, 900), (20, 500)), trace("g.b", (0, 500), (20, 500), cap=25)),
        segment(30, 60, trace("g.b", (30, 500), (50, 500), cap=25), trace("g.c", (30, 500), (40, 900), (50, 500))),
        segment(60, None, trace("g.b", (60, 900), (70, 900), (80, 500))),
    ]
    ways = told(life, Measure.CUMULATIVE)
    assert max(sum(run[3] for run in way) for way in ways) == 20 + 20 + 30
    assert [("g.b", 60, 70, 30)] in ways, "beside it the one that stayed goes on with its own"


def test_a_sensor_that_saw_nothing_leaves_nothing_behind() -> None:
    life = [
        segment(0, 30, trace("g.a", (0, 500), (20, 500), cap=25), trace("g.b", (0, 500), (20, 500), cap=25)),
        segment(30, None, trace("g.b", (40, 900), cap=25)),
    ]
    assert told(life) == [[("g.b", 40, 40, 20)]]


def test_for_a_sum_the_worst_is_the_largest_sum() -> None:
    life = [
        segment(0, 50, trace("g.a", (0, 900), (10, 900), (20, 500), (40, 500)), trace("g.b", (0, 500), (40, 900))),
        segment(50, None, trace("h.c", (50, 500))),
    ]
    longest_run = runs_of_paths(life, 0, Measure.RUN)[-1]
    largest_sum = runs_of_paths(life, 0, Measure.CUMULATIVE)[-1]
    assert [run.sensor for run in longest_run] == ["g.b"]
    assert [run.sensor for run in largest_sum] == ["g.a"]


def test_a_long_run_of_a_probe_that_fell_silent_hides_no_shorter_one_that_goes_on() -> None:
    """The longer run ended unseen; only the other one is known to go on through the move."""
    silent = trace("g.a", (0, 900), (10, 900), (20, 900), (30, 900), (40, 900))
    heard = trace("g.b", *((ms, 500 if ms < 70 else 900) for ms in range(0, 100, 10)))
    for measure in Measure:
        moved = told(
            [segment(0, 100, silent, heard), segment(100, None, trace("h.c", (100, 900), (110, 900)))], measure
        )
        assert [("g.b", 70, 110, 50)] in moved or measure is Measure.CUMULATIVE
    stayed = [segment(0, 100, silent, heard, trace("g.c")), segment(100, None, trace("g.c", (100, 900), (110, 900)))]
    assert [("g.b", 70, 110, 50)] in told(stayed)


def test_a_new_probe_may_have_stood_cold_since_the_silent_one_before_it_was_last_heard() -> None:
    life = [
        segment(0, 40, trace("g.a", (0, 500)), trace("g.b", (0, 500), (10, 500), (20, 500), (30, 500), (39, 500))),
        segment(40, None, trace("h.c", (40, 900), (45, 500))),
    ]
    assert told(life) == [[("h.c", 40, 40, 20)]]


def test_of_two_tellings_heat_weighs_by_what_is_confirmed_and_cold_by_what_is_possible() -> None:
    (run,) = trace("g.a", (0, 900), (10, 900)).exposure.runs[0]
    surer = replace(run, confirmed_half_ms=21, possible_half_ms=21)
    wider = replace(run, confirmed_half_ms=20, possible_half_ms=60)
    assert weight(surer) > weight(wider)
    assert weight(replace(surer, side=Side.COLD)) < weight(replace(wider, side=Side.COLD))


def test_a_segment_without_readings_passes_the_way_on() -> None:
    life = [
        segment(0, 30, trace("g.a", (0, 900), (10, 900))),
        segment(30, 40, trace("g.a")),
        segment(40, 50),
        segment(50, None, trace("g.a", (50, 900))),
    ]
    assert told(life) == [[("g.a", 0, 10, 25), ("g.a", 50, 50, 15)]]


def test_unknown_time_is_that_of_the_best_sensor() -> None:
    holes = trace("g.a", (0, 500), (10, 500), (90, 500), (100, 500))
    whole = trace("g.b", *((ms, 500) for ms in range(0, 101, 10)))
    assert segment(0, 100, holes).unknown_half_ms() == 160
    assert segment(0, 100, holes, whole).unknown_half_ms() == 0
    assert segment(0, 100, trace("g.c")).unknown_half_ms() == 200
    assert segment(0, None, trace("g.c")).unknown_half_ms() == 0
    assert segment(-60, None, holes, trace("g.c")).unknown_half_ms() == 160 + 120, "a silent one knows nothing better"
    assert segment(0, 200, holes).unknown_half_ms() == 160 + 200
    assert segment(-60, 100, holes).unknown_half_ms() == 160 + 120


def test_known_through_is_the_newest_of_its_sensors() -> None:
    assert segment(0, None, trace("g.a", (5, 1)), trace("g.b", (9, 1)), trace("g.c")).known_through_ms() == 9
    assert segment(0, None).known_through_ms() is None
