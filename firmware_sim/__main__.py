"""`python -m firmware_sim --scenario FILE --ports-from 7100 [--host H] [--truth FILE] [--seed N]`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from firmware_sim.app import Settings, run
from firmware_sim.scenario import load_scenario
from sheetal.contracts.problem import SettingProblem

DISTRICT = Path(__file__).parent / "scenarios" / "district.toml"


def main(argv: list[str]) -> int:
    """0 after a clean stop, 2 when a setting is wrong."""
    parser = argparse.ArgumentParser(prog="firmware_sim", description="Plays a district of refrigerators over DS01.")
    parser.add_argument("--scenario", type=Path, default=DISTRICT)
    parser.add_argument("--ports-from", type=int, default=7100, help="the first hub's port; the others follow")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--truth", type=Path, help="writes the ground truth there, as JSON lines")
    parser.add_argument("--seed", type=int, help="another telling of the same story")
    asked = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s %(message)s")
    try:
        scenario = load_scenario(asked.scenario)
        seed = scenario.seed if asked.seed is None else asked.seed
        settings = Settings(
            scenario=scenario,
            ports_from=asked.ports_from,
            host=asked.host,
            seed=seed,
            truth=asked.truth,
        )
        run(settings)
    except SettingProblem as problem:
        print(problem.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
