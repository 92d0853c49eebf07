from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faults.fleet_plan import Plan
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Batch
from sheetal.contracts.reading import is_plausible

STARTS_MS = 1_795_000_000_000
PLAN = Plan(STARTS_MS, gateways=3, probes=2, rows=4)


def opened(payload: bytes, plan: Plan, number: int) -> Batch:
    sealed = seal.open_envelope(payload)
    name = plan.name(number)
    return seal.unseal(sealed, topics.Channel.DATA, name, plan.key(number), msgspec.json.Decoder(Batch))


def test_a_message_carries_the_rows_that_the_truth_knows() -> None:
    batch = opened(PLAN.payload(1, 2, STARTS_MS), PLAN, 1)
    assert [row.sequence for row in batch.rows] == [9, 10, 11, 12]
    for row in batch.rows:
        told = (row.sensor, row.measured_at_ms, row.centi_celsius, row.quality, batch.boot, row.sequence)
        assert told == PLAN.reading(1, row.sequence)


@given(number=st.integers(0, 9_999), sequence=st.integers(1, 10**6), seed=st.integers(0, 10**6))
def test_every_row_is_plausible_and_differs_from_its_neighbours(number: int, sequence: int, seed: int) -> None:
    plan = Plan(STARTS_MS, gateways=10_000, seed=seed)
    row = plan.reading(number, sequence)
    assert is_plausible(row)
    others = [plan.value(number, sequence + 1), plan.value(number + 1, sequence), plan.value(number, sequence + 2)]
    assert row.centi_celsius not in others
    assert plan.number(row.sensor) == number


def test_a_sensor_is_stamped_strictly_later_each_time() -> None:
    stamps: dict[str, list[int]] = {}
    for sequence in range(1, 40):
        row = PLAN.reading(0, sequence)
        stamps.setdefault(row.sensor, []).append(row.measured_at_ms)
    assert len(stamps) == PLAN.probes
    assert all(earlier < later for found in stamps.values() for earlier, later in pairwise(found))


def test_names_of_others_are_none_of_ours() -> None:
    for name in ("fl-00003", "fm-00001", "fl-", "fl-x", "gw-01.p0", ""):
        assert PLAN.number(name) is None
    assert PLAN.number("fl-00002.p9") == 2


def test_keys_differ_by_gateway_and_seed() -> None:
    keys = [*PLAN.keys.values(), *PLAN._replace(seed=9).keys.values()]
    assert len(set(keys)) == len(keys) == 6
    assert len(PLAN.sensors) == len(set(PLAN.sensors)) == 6


def test_an_ack_s_range_names_messages_wholly_or_in_part() -> None:
    assert PLAN.messages_of(1, 4) == [(0, True)]
    assert PLAN.messages_of(1, 8) == [(0, True), (1, True)]
    assert PLAN.messages_of(3, 9) == [(0, False), (1, True), (2, False)]
