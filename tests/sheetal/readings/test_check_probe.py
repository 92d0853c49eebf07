from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.contracts.reading import Reading
from sheetal.readings import check_probe
from sheetal.readings.check_probe import probe
from sheetal.readings.finding import Sign
from sheetal.readings.memory import MemoryReadings
from sheetal.readings.port import YEAR_2100_MS, WriteResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.readings.port import ReadingsStore


class Refusing(MemoryReadings):
    """A bucket with a retention."""

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        return WriteResult(0, [(index, "points beyond retention policy") for index in range(len(batch))])


class Elsewhere(MemoryReadings):
    """Written in one place, read in another, as by a wrong DBRP mapping."""

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        return WriteResult(len(batch), [])


class Keeping(MemoryReadings):
    """A store that deletes nothing and keeps the last sample."""

    def expire(self, before_ms: int) -> int:
        return 0 * before_ms

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        super().expire(YEAR_2100_MS)
        return super().write(batch)


class Away(MemoryReadings):
    def __init__(self, error: Unavailable | Rejected) -> None:
        super().__init__()
        self.error = error

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        assert batch
        raise self.error


def test_a_row_goes_there_and_back_whatever_the_store(store: ReadingsStore) -> None:
    theirs = Reading("gw-01.tvc", 1_763_870_400_000, 450, 0, 1, 1)
    store.write([theirs])
    for nonce in (1_763_870_400_001, 1_763_870_400_002):
        findings = probe(store, nonce)
        assert [finding.sign for finding in findings] == [Sign.WELL, Sign.WELL]
    assert ("removed" in findings[1].words) == store.capabilities.supports_delete
    assert store.count(check_probe.SENSOR, 1, YEAR_2100_MS) == (not store.capabilities.supports_delete)
    assert store.read("gw-01.tvc", 1, YEAR_2100_MS) == [theirs]


def test_a_store_that_refuses_old_rows_is_a_problem() -> None:
    (finding,) = probe(Refusing(), 7)
    assert finding.sign is Sign.PROBLEM
    assert "points beyond retention policy" in finding.words
    assert "retention 0" in finding.next_step


def test_a_row_that_is_written_and_not_found_names_the_mapping() -> None:
    (finding,) = probe(Elsewhere(), 7, "map the bucket")
    assert (finding.sign, finding.next_step) == (Sign.PROBLEM, "map the bucket")
    assert "not read back" in finding.words


def test_the_row_of_an_earlier_check_is_not_mistaken_for_this_one() -> None:
    store = Keeping()
    assert "one row" in probe(store, 7)[1].words
    assert "the one of an earlier check" in probe(store, 8)[1].words
    stale = MemoryReadings()
    stale.write([Reading(check_probe.SENSOR, check_probe.AT_MS, 400, 0, 1, 6)])
    stale.expire = lambda before_ms: 0 * before_ms  # type: ignore[method-assign]  # it keeps the first and deletes nothing
    (finding,) = probe(stale, 7)
    assert finding.sign is Sign.PROBLEM
    assert "came back as (400, 0, 1, 6)" in finding.words


def test_what_the_store_raises_is_a_problem_with_its_next_step() -> None:
    for error in (Unavailable("it is away", next_step="start it"), Rejected("no", next_step="report it")):
        (finding,) = probe(Away(error), 7)
        assert finding.sign is Sign.PROBLEM
        assert error.message in finding.words
        assert finding.next_step == error.next_step
