from __future__ import annotations

import pytest

from benchmarks import exposure_rate
from benchmarks.__main__ import BENCHES
from benchmarks.exposure_rate import CAP_MS, CURVES, LIMITS, bare, measure_rate, measure_share, ours, year
from sheetal.contracts.limits import DAY_MS
from sheetal.thermal import exposure, mkt, vvm
from sheetal.thermal.exposure import summarise


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure_rate, "REPEATS", 3)


def test_the_year_passes_every_limit_and_has_gaps() -> None:
    year_long, _, _ = ours(year())
    assert len(LIMITS) == 10
    assert all(year_long.runs)
    assert len(year_long.gaps) == 15
    assert year_long.readings > 500_000


def test_ours_and_the_bare_script_tell_the_same_minutes_and_integrals() -> None:
    """The limit is honest only if it does the same work."""
    whole, lost, mean = ours(year())
    confirmed, integrals = bare(year())
    assert [sum(run.confirmed_half_ms for run in runs) for runs in whole.runs] == confirmed
    assert lost == [pytest.approx(1_000_000 * integral, abs=1) for integral in integrals[1:]]
    kinetic_days = integrals[0]
    assert mean is not None
    around = [mkt.rate(value) / 2**128 * whole.known_half_ms / (2 * DAY_MS) for value in (mean - 1, mean + 1)]
    assert around[0] < kinetic_days < around[1]
    assert len(CURVES) == 1 + len(vvm.TYPES) == 5


def test_the_year_by_lists_is_the_same_to_the_last_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "COLUMNS_FROM", 10**9)
    samples = year()
    rows = [samples.sample(index) for index in range(20_000)]
    part = exposure_rate.Columns(samples.at_ms[:20_000], samples.centi_celsius[:20_000])
    assert ours(part)[0] == summarise("gw-01.tvc", rows, CAP_MS, LIMITS)


def test_a_small_measurement_gives_both_figures() -> None:
    share, rate = measure_share(), measure_rate()
    assert len(share.runs) == len(rate.runs) == 3
    assert share.value > 0.1
    assert rate.value > 1_000_000
    assert share.limit_value > 0


def test_they_are_run_by_their_names() -> None:
    assert BENCHES["exposure.share_of_bare_numpy"] is measure_share
    assert BENCHES["exposure.readings_per_core"] is measure_rate
