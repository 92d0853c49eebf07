from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import ingest_end_to_end
from benchmarks.ingest_end_to_end import key_of, measure, sealed_messages
from benchmarks.store_bulk import fleet_rows
from ingest.load import Part, take_apart
from tests.ingest.given import NOW_MS, message

if TYPE_CHECKING:
    import pytest


def test_the_messages_are_what_ingest_believes() -> None:
    readings = fleet_rows(200, 20)
    found = [take_apart(message(one.payload)._replace(topic=one.topic), key_of) for one in sealed_messages(readings)]
    assert all(isinstance(one, Part) for one in found)
    stored = [reading for one in found if isinstance(one, Part) for reading in one.accepted.readings]
    assert sorted(stored) == sorted(readings)
    assert max(reading.measured_at_ms for reading in stored) < NOW_MS


def test_a_small_measurement_runs_through_the_real_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"GATEWAYS": 20, "WARM_ROWS": 200, "REPEATS": 1}.items():
        monkeypatch.setattr(ingest_end_to_end, name, value)
    figure = measure("sqlite", 2_000)
    assert len(figure.runs) == 1
    assert 0 < figure.value < 1
    assert figure.limit_value > 1_000
