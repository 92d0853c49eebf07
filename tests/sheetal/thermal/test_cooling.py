from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sheetal.thermal.cooling import SAMPLES_MIN, crossing, fit


def curve(
    asymptote: float, start: float, tau: float, *, span: int = 60, every: int = 5
) -> tuple[list[float], list[float]]:
    """Minutes up to 0 and the exact temperatures; `start` is where it stood at the first of them."""
    minutes = [float(minute) for minute in range(-span, 1, every)]
    return minutes, [asymptote + (start - asymptote) * math.exp(-(minute + span) / tau) for minute in minutes]


def test_an_exact_curve_is_found_again() -> None:
    minutes, values = curve(30.0, 4.0, 90.0, span=240)
    found = fit(minutes, values)
    assert found is not None
    assert found.asymptote_celsius == pytest.approx(30.0, abs=2.0)
    assert found.tau_minutes == pytest.approx(90.0, rel=0.2)
    assert found.error_celsius < 0.1
    assert found.samples == len(minutes)
    assert found.newest_celsius[found.best] == pytest.approx(values[-1], abs=0.1)
    assert found.weights.sum() == pytest.approx(1.0)


@given(
    st.floats(15.0, 45.0),
    st.floats(2.0, 6.0),
    st.floats(40.0, 2_000.0),
)
def test_the_true_crossing_of_a_clean_warming_lies_hardly_outside(asymptote: float, start: float, tau: float) -> None:
    minutes, values = curve(asymptote, start, tau)
    assume(values[-1] < 7.8)
    assume(values[-1] - values[0] > 0.4)
    left = -tau * math.log((8.0 - asymptote) / (values[-1] - asymptote))
    found = fit(minutes, values)
    assert found is not None
    when = crossing(found, 8.0, is_warming=True)
    assert when.low is not None
    # An hour of a slow curve is nearly straight: the tenth at each end is met, but no exact bound.
    assert when.low <= 1.3 * left + 2
    assert when.high is None or left <= 1.3 * when.high + 2


def test_a_cooling_curve_is_the_mirror_of_a_warming_one() -> None:
    minutes, values = curve(30.0, 4.0, 200.0)
    up, down = fit(minutes, values), fit(minutes, [-value for value in values])
    assert up is not None
    assert down is not None
    upward, downward = crossing(up, 8.0, is_warming=True), crossing(down, -8.0, is_warming=False)
    assert upward.middle == pytest.approx(downward.middle, rel=0.05)


def test_a_limit_that_is_passed_already_is_crossed_now() -> None:
    found = fit(*curve(30.0, 6.0, 90.0))
    assert found is not None
    assert crossing(found, 8.0, is_warming=True) == (0.0, 0.0, 0.0)


def test_a_curve_that_levels_off_below_the_limit_never_crosses() -> None:
    found = fit(*curve(7.0, 4.0, 25.0, span=180))
    assert found is not None
    when = crossing(found, 8.0, is_warming=True)
    assert when.middle is None
    assert when.high is None


def test_a_curve_that_goes_the_other_way_never_crosses() -> None:
    found = fit(*curve(-5.0, 4.0, 60.0))
    assert found is not None
    assert crossing(found, 8.0, is_warming=True).middle is None


def test_noise_widens_what_is_said() -> None:
    minutes, values = curve(25.0, 4.0, 300.0)
    noise = Random(5)
    exact = fit(minutes, values)
    noisy = fit(minutes, [value + noise.uniform(-0.5, 0.5) for value in values])
    assert exact is not None
    assert noisy is not None
    one, other = crossing(exact, 8.0, is_warming=True), crossing(noisy, 8.0, is_warming=True)
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is None or other.high - other.low > one.high - one.low


def test_too_few_samples_say_nothing() -> None:
    minutes, values = curve(30.0, 4.0, 90.0)
    assert fit(minutes[-SAMPLES_MIN:], values[-SAMPLES_MIN:]) is not None
    assert fit(minutes[1 - SAMPLES_MIN :], values[1 - SAMPLES_MIN :]) is None


def test_only_places_of_this_world_are_gone_to() -> None:
    found = fit([-15.0, -10.0, -5.0, 0.0], [4.0, 6.0, 8.0, 10.0])
    assert found is not None
    assert np.all(found.asymptotes_celsius[found.weights > 0] <= 50.0)
    assert fit([-15.0, -10.0, -5.0, 0.0], [40.0, 80.0, 160.0, 320.0]) is None
