from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sheetal.ledger import telemetry as reads
from sheetal.ledger import telemetry_writes as writes
from sheetal.ledger.changes import next_change
from sheetal.ledger.telemetry_tables import sensor_state

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def put(store: Ledger, name: str) -> None:
    state = reads.SensorState(
        sensor_id=name,
        measured_at_ms=1,
        centi_celsius=400,
        quality=0,
        received_at_ms=1,
        clock_offset_ms=0,
    )
    with store.write() as conn:
        writes.put_sensor_states(conn, [state])


def test_numbers_begin_at_one_and_rise(telemetry: Ledger) -> None:
    for number in (1, 2, 3):
        with telemetry.write() as conn:
            assert next_change(conn, sensor_state) == number
        put(telemetry, f"gw.s{number}")


def test_no_reader_passes_a_number_that_is_still_to_come(telemetry: Ledger) -> None:
    """Whoever reads up to number n has seen every change below it, however the writers interleave."""
    stop = threading.Event()
    seen: list[int] = []
    missed: list[int] = []

    def look() -> None:
        last = 0
        while not stop.is_set():
            with telemetry.read() as conn:
                new = [state.change for state in reads.sensor_states(conn, after_change=last)]
            seen.extend(new)
            missed.extend(number for number in range(last + 1, max(new, default=last)) if number not in new)
            last = max(new, default=last)

    reader = threading.Thread(target=look)
    writers = [
        threading.Thread(target=lambda nth=nth: [put(telemetry, f"gw.s{nth}-{turn}") for turn in range(15)])
        for nth in range(4)
    ]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    with telemetry.read() as conn:
        assert [state.change for state in reads.sensor_states(conn)] == list(range(1, 61))
    assert missed == []
    assert seen == sorted(set(seen))
