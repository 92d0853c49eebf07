from __future__ import annotations

import pytest

from benchmarks.faults.clock_checks import GAP_MS_MAX, TOLERANCE_MS, Item, Seen, problems
from benchmarks.faults.ticking_probe import Said
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm
from sheetal.contracts.reading import Reading

SENSOR = "gw-00.p0"
BOOT = 7
COLD = (5_000, 15_000)


def value(second: int) -> int:
    return -100 - second if COLD[0] <= second * 1_000 < COLD[1] else 200 + second


def item(second: int, **changes: object) -> Item:
    return Item(BOOT, second + 1, "row", second * 1_000 + 20, value(second), 1, is_before_the_cut=False)._replace(
        **changes
    )


def alarm(began_at_ms: int = 5_100, cleared_at_ms: int | None = None, name: str = "a") -> DeviceAlarm:
    return DeviceAlarm(
        alarm=name,
        gateway="gw-00",
        boot=BOOT,
        sensor=SENSOR,
        kind=AlarmKind.FREEZE,
        began_at_ms=began_at_ms,
        fired_at_ms=began_at_ms + 5_000,
        cleared_at_ms=cleared_at_ms,
        extreme_centi_celsius=-150,
        limit_centi_celsius=-50,
        limit_minutes=1,
    )


def stored(items: list[Item]) -> list[Reading]:
    return [Reading(SENSOR, one.measured_at_ms, one.centi_celsius, 0, one.boot, one.sequence) for one in items]


def seen(items: list[Item] | None = None, **changes: object) -> Seen:
    kept = [item(second) for second in range(20)] if items is None else items
    truth = [Said(value(second), second * 1_000, second * 1_000 + 1_000) for second in range(20)]
    alarms = [alarm(), alarm(cleared_at_ms=15_100)]
    return Seen(truth, [COLD], kept, stored(kept), [], alarms)._replace(**changes)


def broken(found: Seen, *, is_lost: bool = False) -> str:
    return "; ".join(problems(found, is_lost=is_lost))


def test_what_agrees_is_no_problem() -> None:
    assert problems(seen(), is_lost=False) == []


def test_a_reading_that_is_not_yet_delivered_need_not_be_stored_and_may_be() -> None:
    kept = [*(item(second) for second in range(19)), item(19, state=0)]
    assert problems(seen(kept), is_lost=False) == []
    assert problems(seen(kept, stored=stored(kept[:-1])), is_lost=False) == []


@pytest.mark.parametrize("wrong_ms", [TOLERANCE_MS + 1_100, -TOLERANCE_MS - 100, 7_200_000, -31_536_000_000])
def test_a_wrong_instant_is_found(wrong_ms: int) -> None:
    kept = [item(second) for second in range(20)]
    kept[3] = kept[3]._replace(measured_at_ms=kept[3].measured_at_ms + wrong_ms)
    assert "from when it was measured" in broken(seen(kept))


def test_a_value_that_was_never_measured_is_found() -> None:
    kept = [item(second) for second in range(20)]
    kept[3] = kept[3]._replace(centi_celsius=777)
    assert "777 was never measured" in broken(seen(kept))


def test_a_loss_a_double_and_a_stranger_are_found() -> None:
    kept = [item(second) for second in range(20)]
    assert "1 readings are called delivered and are not in the store" in broken(seen(stored=stored(kept[1:])))
    assert "that nobody kept, or twice" in broken(seen(stored=stored([*kept, kept[4]])))
    assert "that nobody kept, or twice" in broken(seen(stored=stored([*kept, item(19, sequence=99)])))


def test_stamps_that_do_not_increase_are_found() -> None:
    kept = [item(second) for second in range(20)]
    kept[4] = kept[4]._replace(measured_at_ms=kept[3].measured_at_ms)
    assert "5 does not come after 4" in broken(seen(kept))


def test_an_excursion_lost_or_invented_in_the_store_is_found() -> None:
    kept = [item(second) for second in range(20) if second not in range(6, 12)]
    assert "of an excursion are missing from the store" in broken(seen(kept))
    assert "the store says it froze at 5020, when it did not" in broken(seen(cold=[(9_000, 15_000)]))


def test_an_alarm_lost_invented_left_standing_or_misplaced_is_found() -> None:
    assert "1 excursions, 0 alarms" in broken(seen(alarms=[]))
    assert "1 excursions, 2 alarms" in broken(seen(alarms=[alarm(), alarm(name="b")]))
    assert "a was never cleared" in broken(seen(alarms=[alarm()]))
    late_ms = COLD[0] + GAP_MS_MAX + 1
    assert "ms from the truth" in broken(seen(alarms=[alarm(late_ms, 15_100)]))
    assert "ms from the truth" in broken(seen(alarms=[alarm(5_100, 15_000 - TOLERANCE_MS - 1)]))


def lost() -> Seen:
    """A power cut after the sixteenth second, before any clock."""
    before = [item(second, kind="unplaced", is_before_the_cut=True) for second in range(16)]
    after = [item(second, boot=BOOT + 1) for second in range(16, 20)]
    names = [(one.boot, one.sequence) for one in before]
    return seen([*before, *after], stored=stored(after), unplaced=names, alarms=[alarm(0), alarm(0, 10_000)])


def test_what_has_no_instant_is_no_problem_where_it_was_lost() -> None:
    assert problems(lost(), is_lost=True) == []
    assert "rows are placed that cannot be" in broken(lost()), "and one where it was not"


def test_an_instant_that_was_invented_is_found() -> None:
    found = lost()
    placed = [found.outbox[0]._replace(kind="row"), *found.outbox[1:]]
    assert "1 rows are placed that cannot be" in broken(found._replace(outbox=placed), is_lost=True)
    both = [*found.stored, *stored([found.outbox[2]])]
    assert "a reading has an instant and has none" in broken(found._replace(stored=both), is_lost=True)


def test_a_reading_without_an_instant_that_did_not_arrive_is_found() -> None:
    found = lost()
    assert "16 readings without an instant are called delivered, 15 arrived" in broken(
        found._replace(unplaced=found.unplaced[1:]), is_lost=True
    )
    calm = [one._replace(centi_celsius=300) for one in found.outbox]
    assert "the excursion is not among" in broken(found._replace(outbox=calm), is_lost=True)


def test_a_try_in_which_nothing_happened_is_no_success() -> None:
    assert "no reading was ever placed" in broken(seen([]))
    assert "nothing arrived without an instant" in broken(seen(), is_lost=True)
