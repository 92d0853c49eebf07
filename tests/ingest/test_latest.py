from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from ingest.latest import SAID_AGAIN_MS, SKEW_MS_MAX, Latest
from ingest.load import Part, take_apart
from ingest.writer import Writer
from sheetal.contracts.batch import AuxRow, Row
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import telemetry
from sheetal.readings.memory import MemoryReadings
from tests.ingest.given import BOOT, GATEWAY, KEYS, NOW_MS, SENSOR, batch, message, row, sealed, span, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingest.conftest import Stores


@pytest.fixture
def latest(stores: Stores) -> Latest:
    return Latest(stores.telemetry, lambda: NOW_MS)


@pytest.fixture
def arrive(latest: Latest) -> Callable[..., None]:
    writer = Writer(MemoryReadings(), lambda: True)

    def send(
        *rows: Row,
        sent_at_ms: int = NOW_MS,
        at_ms: int = NOW_MS,
        aux: list[AuxRow] | None = None,
        clock_source: str = "",
    ) -> None:
        told = msgspec.structs.replace(batch(list(rows), sent_at_ms=sent_at_ms, aux=aux), clock_source=clock_source)
        found = take_apart(message(sealed(told), at_ms=at_ms), KEYS.get)
        assert isinstance(found, Part)
        latest.note([found], writer.write(found.accepted.readings, NOW_MS))

    return send


def states(stores: Stores) -> dict[str, telemetry.SensorState]:
    with stores.telemetry.read() as connection:
        return {state.sensor_id: state for state in telemetry.sensor_states(connection)}


def test_only_the_newest_sample_of_many_is_written(stores: Stores, latest: Latest, arrive: Callable[..., None]) -> None:
    arrive(row(1, NOW_MS - 3, 400), row(2, NOW_MS - 1, 410), row(3, NOW_MS - 2, 420), at_ms=NOW_MS + 7)
    assert latest.flush() == 1
    state = states(stores)[SENSOR]
    assert (state.measured_at_ms, state.centi_celsius, state.received_at_ms) == (NOW_MS - 1, 410, NOW_MS + 7)


def test_the_offset_is_the_time_of_receipt_minus_the_gateways_clock(
    stores: Stores, latest: Latest, arrive: Callable[..., None]
) -> None:
    arrive(row(1), sent_at_ms=NOW_MS - 250, at_ms=NOW_MS)
    latest.flush()
    assert states(stores)[SENSOR].clock_offset_ms == 250


def test_a_gateway_that_has_no_clock_is_not_measured(
    stores: Stores, latest: Latest, arrive: Callable[..., None]
) -> None:
    with capture_logs() as logs:
        arrive(row(1), sent_at_ms=NOW_MS - 10**12, clock_source="none")
    latest.flush()
    assert states(stores)[SENSOR].clock_offset_ms == 0
    assert logs == []


@pytest.mark.parametrize("clock_source", ["", "rtc", "ack", "ntp"])
def test_any_other_clock_that_is_off_is_flagged(arrive: Callable[..., None], clock_source: str) -> None:
    with capture_logs() as logs:
        arrive(row(1), sent_at_ms=NOW_MS - SKEW_MS_MAX - 1, clock_source=clock_source)
    assert [one["event"] for one in logs] == ["A gateway's clock is off"]


def test_backlog_never_moves_a_sensor_back(stores: Stores, latest: Latest, arrive: Callable[..., None]) -> None:
    arrive(row(2, NOW_MS, 500))
    latest.flush()
    change = states(stores)[SENSOR].change
    arrive(row(1, NOW_MS - 60_000, 400))
    latest.flush()
    assert states(stores)[SENSOR].centi_celsius == 500
    assert states(stores)[SENSOR].change == change


def test_every_flush_that_changes_a_sensor_has_a_higher_change_number(
    stores: Stores, latest: Latest, arrive: Callable[..., None]
) -> None:
    seen = []
    for number in range(3):
        arrive(row(number, NOW_MS + number))
        latest.flush()
        seen.append(states(stores)[SENSOR].change)
    assert seen == sorted(set(seen))


def test_a_conflicting_value_is_not_shown(stores: Stores, latest: Latest, arrive: Callable[..., None]) -> None:
    arrive(row(1, NOW_MS, 400))
    latest.flush()
    arrive(row(9, NOW_MS, 999))
    latest.flush()
    assert states(stores)[SENSOR].centi_celsius == 400


def test_coverage_widens_and_counts_each_row_once(stores: Stores, latest: Latest, arrive: Callable[..., None]) -> None:
    arrive(row(5, NOW_MS + 5), row(6, NOW_MS + 6))
    latest.flush()
    arrive(row(2, NOW_MS + 2), row(5, NOW_MS + 5))
    arrive(row(9, NOW_MS + 9), aux=[AuxRow(10, NOW_MS, "ilr1", "TAMB", 30.0)])
    latest.flush()
    with stores.telemetry.read() as connection:
        (seen,) = telemetry.coverages(connection, GATEWAY)
    assert (seen.boot, seen.first_sequence, seen.last_sequence, seen.rows_stored) == (BOOT, 2, 10, 4)


def test_nothing_new_writes_nothing(stores: Stores, latest: Latest, arrive: Callable[..., None]) -> None:
    assert latest.flush() == 0
    arrive(row(1))
    assert latest.flush() == 1
    assert latest.flush() == 0
    assert len(states(stores)) == 1


def test_what_could_not_be_written_is_written_the_next_time(
    stores: Stores, latest: Latest, arrive: Callable[..., None]
) -> None:
    arrive(row(1, NOW_MS + 1, 410), row(2, NOW_MS, 420, sensor="gw-01.b"))
    with stores.telemetry.write() as other:
        other.execute(text("ALTER TABLE coverage RENAME TO hidden"))
    with pytest.raises(Exception, match="coverage"):
        latest.flush()
    assert states(stores) == {}
    with stores.telemetry.write() as other:
        other.execute(text("ALTER TABLE hidden RENAME TO coverage"))
    arrive(row(3, NOW_MS + 3, 430))
    latest.flush()
    assert {name: state.centi_celsius for name, state in states(stores).items()} == {SENSOR: 430, "gw-01.b": 420}
    with stores.telemetry.read() as connection:
        assert telemetry.coverages(connection, GATEWAY)[0].rows_stored == 3


def test_an_absent_store_is_unavailable_and_forgets_nothing(
    stores: Stores, latest: Latest, arrive: Callable[..., None]
) -> None:
    arrive(row(1))
    stores.telemetry.close()
    path = stores.folder / "telemetry.db"
    path.rename(stores.folder / "away.db")
    path.mkdir()
    with pytest.raises(Unavailable):
        latest.flush()
    path.rmdir()
    (stores.folder / "away.db").rename(path)
    assert latest.flush() == 1


def test_a_wrong_clock_is_said_once_and_its_recovery_too(arrive: Callable[..., None]) -> None:
    with capture_logs() as logs:
        for number, offset_ms in enumerate((0, SKEW_MS_MAX, SKEW_MS_MAX + 1, -SKEW_MS_MAX - 1, SKEW_MS_MAX)):
            late_ms = number * SAID_AGAIN_MS
            arrive(row(number, NOW_MS + number), sent_at_ms=NOW_MS + late_ms - offset_ms, at_ms=NOW_MS + late_ms)
    assert [(entry["log_level"], entry["offset_ms"]) for entry in logs] == [
        ("warning", SKEW_MS_MAX + 1),
        ("info", SKEW_MS_MAX),
    ]


def test_a_clock_that_keeps_changing_is_said_seldom(latest: Latest, arrive: Callable[..., None]) -> None:
    with capture_logs() as logs:
        for number in range(40):
            offset_ms = (SKEW_MS_MAX + 1) * (number % 2)
            late_ms = number * SAID_AGAIN_MS // 10
            arrive(row(number, NOW_MS + number), sent_at_ms=NOW_MS + late_ms - offset_ms, at_ms=NOW_MS + late_ms)
    assert 3 <= len(logs) <= 5
    assert latest.skewed_gateways in {0, 1}


def test_the_newest_aux_values_are_kept(latest: Latest, arrive: Callable[..., None]) -> None:
    ambient = [AuxRow(number, NOW_MS + minute, "ilr1", "TAMB", 30.0 + minute) for number, minute in ((1, 2), (2, 1))]
    arrive(aux=[*ambient, AuxRow(3, NOW_MS, "ilr1", "DORV", 12.0)])
    assert {(one.field, one.value) for one in latest.aux_of(GATEWAY)} == {("TAMB", 32.0), ("DORV", 12.0)}
    assert latest.aux_of("gw-02") == []


def test_refused_rows_show_nowhere(stores: Stores, latest: Latest) -> None:
    found = take_apart(message(sealed(batch([row(1)]))), KEYS.get)
    assert isinstance(found, Part)
    latest.note([found], written(refused=[(found.accepted.readings[0], "implausible")]))
    latest.flush()
    assert states(stores) == {}


def gaps(stores: Stores) -> list[tuple[int, int]]:
    with stores.telemetry.read() as connection:
        return [(gap.first_sequence, gap.last_sequence) for gap in telemetry.gaps(connection)]


def test_a_hole_among_the_numbers_of_a_boot_shows_and_closes_when_it_is_filled(
    stores: Stores, latest: Latest, arrive: Callable[..., None]
) -> None:
    arrive(*(row(number, NOW_MS + number) for number in (1, 2, 3, 7, 8)))
    assert latest.settle() == 1
    assert gaps(stores) == [(4, 6)]
    arrive(row(5, NOW_MS + 5))
    latest.settle()
    assert gaps(stores) == [(4, 4), (6, 6)]
    arrive(row(4, NOW_MS + 4), row(6, NOW_MS + 6))
    latest.settle()
    assert gaps(stores) == []
    assert latest.settle() == 0


def test_a_refused_number_is_settled_too(stores: Stores, latest: Latest, arrive: Callable[..., None]) -> None:
    arrive(row(1, NOW_MS), row(2, 0), row(3, NOW_MS + 3))
    latest.settle()
    assert gaps(stores) == []


def test_what_a_thinned_span_stands_for_is_settled(stores: Stores, latest: Latest) -> None:
    told = msgspec.structs.replace(batch([row(99), row(116)]), thinned=[span(117)])
    found = take_apart(message(sealed(told)), KEYS.get)
    assert isinstance(found, Part)
    latest.note([found], written(found.accepted.readings))
    latest.settle()
    assert gaps(stores) == [(1, 98), (107, 107)]


def test_what_could_not_be_settled_is_settled_the_next_time(
    stores: Stores, latest: Latest, arrive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(row(1), row(2, NOW_MS + 2), row(5, NOW_MS + 5))
    with monkeypatch.context() as away:
        away.setattr("ingest.latest.settle_ranges", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            latest.settle()
    arrive(row(3, NOW_MS + 3))
    assert latest.settle() == 1
    assert gaps(stores) == [(4, 4)]
