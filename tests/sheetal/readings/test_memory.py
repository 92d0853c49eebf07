from __future__ import annotations

from sheetal.contracts.reading import Reading
from sheetal.readings.memory import MemoryReadings, buckets_of
from sheetal.readings.port import Bucket


def reading(measured_at_ms: int, centi_celsius: int | None) -> Reading:
    return Reading("s", measured_at_ms, centi_celsius, 0 if centi_celsius is not None else 1, 1, 1)


def test_buckets_by_hand() -> None:
    readings = [reading(99, 1), reading(100, 400), reading(150, -200), reading(199, 101), reading(350, 7)]
    assert buckets_of(readings, 100, 0) == [
        Bucket(0, 1, 1, 1, 1.0, 1, 1),
        Bucket(100, 3, -200, 400, 301 / 3, 400, 101),
        Bucket(300, 1, 7, 7, 7.0, 7, 7),
    ]


def test_buckets_reach_before_their_origin() -> None:
    assert [bucket.start_ms for bucket in buckets_of([reading(10, 1), reading(60, 1)], 100, 50)] == [-50, 50]


def test_a_bucket_of_faults_alone_is_absent() -> None:
    assert buckets_of([reading(10, None), reading(20, None), reading(210, 5)], 100, 0) == [
        Bucket(200, 1, 5, 5, 5.0, 5, 5)
    ]


def test_the_first_of_two_samples_under_one_key_stays() -> None:
    store = MemoryReadings()
    store.write([reading(10, 1)])
    assert store.write([reading(10, 2)]) == (1, [])
    assert store.read("s", 0, 100) == [reading(10, 1)]


def test_it_owns_up_to_forgetting() -> None:
    store = MemoryReadings()
    assert not store.capabilities.durable_on_ack
    assert "lost" in store.health().detail
