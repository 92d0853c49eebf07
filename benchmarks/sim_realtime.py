"""How much faster than real time one process plays ten thousand appliances, a record a minute each, on one core.

Physics, faults, DS01 encoding, the hubs' memory and the ground-truth log are all part of it; only nobody listens.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.record import Figure
from firmware_sim.app import Settings, Simulator
from firmware_sim.multiply import multiplied
from firmware_sim.scenario import load_scenario, named_scenario
from firmware_sim.truth import TruthLog

APPLIANCES = 10_000
SIMULATED_SECONDS = 600
REPEATS = 3
GOAL = 1.0
STARTED_MS = 1_790_000_000_000


def measure() -> Figure:
    """The figure `sim.appliances_realtime_ratio`: simulated seconds in one second, median of the repeats."""
    runs = [ratio() for _ in range(REPEATS)]
    return Figure(
        value=statistics.median(runs),
        unit=f"× ({APPLIANCES:,} appliances at 60 s in one process)",
        limit="real time, simulated seconds a second",
        limit_value=1.0,
        goal=GOAL,
        better="higher",
        runs=[round(run, 1) for run in runs],
        when=datetime.now(UTC).date().isoformat(),
    )


def ratio(appliances: int = APPLIANCES, simulated_seconds: int = SIMULATED_SECONDS) -> float:
    """One repeat: the history first, which is not counted, then ten minutes of the present."""
    scenario = multiplied(load_scenario(named_scenario("load")), appliances)
    with tempfile.TemporaryDirectory(prefix="sheetal-sim-") as name, TruthLog(Path(name) / "truth.jsonl") as truth:
        settings = Settings(scenario=scenario, ports_from=1, host="127.0.0.1", seed=scenario.seed, truth=None)
        simulator = Simulator(settings, STARTED_MS, truth)
        simulator.play(STARTED_MS)
        began = time.perf_counter()
        simulator.play(STARTED_MS + simulated_seconds * 1_000)
        return simulated_seconds / (time.perf_counter() - began)
