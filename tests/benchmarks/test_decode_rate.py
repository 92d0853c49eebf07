from __future__ import annotations

import pytest

from benchmarks import decode_rate
from benchmarks.__main__ import BENCHES
from benchmarks.ingest_rig import Fleet


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_rate, "REPEATS", 3)
    monkeypatch.setattr(decode_rate, "tune_interpreter", lambda: None)


def test_a_small_measurement_takes_real_messages_apart() -> None:
    figure = decode_rate.measure(200)
    assert len(figure.runs) == 3
    assert 10_000 < figure.value < figure.limit_value


def test_a_message_that_is_refused_ends_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fleet, "keys", property(lambda _: {}))
    with pytest.raises(RuntimeError, match="refused"):
        decode_rate.measure(5)


def test_it_is_run_by_its_name() -> None:
    assert BENCHES["ingest.decode_readings_per_core"] is decode_rate.measure
