"""`python -m firmware_sim --scenario NAME|FILE --ports-from 7100 [--folder F] [--truth FILE] [--appliances N]`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from firmware_sim.app import Settings, run
from firmware_sim.multiply import multiplied
from firmware_sim.scenario import load_scenario, named_scenario
from sheetal.contracts.problem import SettingProblem


def main(argv: list[str]) -> int:
    """0 after a clean stop, 2 when a setting is wrong."""
    parser = argparse.ArgumentParser(prog="firmware_sim", description="Plays refrigerators that can misbehave.")
    parser.add_argument("--scenario", default="district", help="a file, or the name of one of those that come along")
    parser.add_argument("--ports-from", type=int, default=7100, help="the first hub's port; the others follow")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--folder", type=Path, help="where serial lines and 1-Wire buses appear, a folder a hub")
    parser.add_argument("--appliances", type=_positive, help="repeats the scenario's hubs until there are so many")
    parser.add_argument("--truth", type=Path, help="writes the ground truth there, as JSON lines")
    parser.add_argument("--seed", type=int, help="another telling of the same story")
    asked = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s %(message)s")
    try:
        scenario = load_scenario(named_scenario(asked.scenario))
        if asked.appliances is not None:
            scenario = multiplied(scenario, asked.appliances)
        seed = scenario.seed if asked.seed is None else asked.seed
        settings = Settings(
            scenario=scenario,
            ports_from=asked.ports_from,
            host=asked.host,
            seed=seed,
            truth=asked.truth,
            folder=asked.folder,
        )
        run(settings)
    except SettingProblem as problem:
        print(problem.message, file=sys.stderr)
        return 2
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
