from __future__ import annotations

import statistics

import pytest

from benchmarks import edge_idle
from benchmarks.edge_idle import CPU_PERCENT_MAX, RSS_MB_MAX, Idle, idle


@pytest.mark.stack
def test_one_short_look_at_a_real_gateway_is_within_both_limits() -> None:
    seen = idle(settle_seconds=6, look_seconds=6)
    assert 10 < seen.rss_mb_max <= RSS_MB_MAX
    # In so short a time one tick of the kernel's clock is a sixth of a percent, and other tests run beside this one.
    assert 0 <= seen.cpu_percent <= 2 * CPU_PERCENT_MAX


def test_both_figures_are_medians_of_the_same_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [Idle(31.0, 0.5), Idle(33.0, 0.1), Idle(32.0, 0.3)]
    monkeypatch.setattr(edge_idle, "idle_runs", lambda _repeats: runs)
    rss, cpu = edge_idle.measure_rss(), edge_idle.measure_cpu()
    assert (rss.value, rss.runs, rss.better) == (statistics.median(rss.runs), [31.0, 33.0, 32.0], "lower")
    assert (cpu.value, cpu.goal, cpu.limit_value) == (0.3, CPU_PERCENT_MAX, CPU_PERCENT_MAX)
