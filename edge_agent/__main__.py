"""`python -m edge_agent run --config FILE`, `enrol`, `check`, `probe` and `replay FILE…`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from sheetal.contracts.problem import SettingProblem


def main(arguments: list[str]) -> int:
    """The command line; 2 for a wrong setting, said in one line."""
    if arguments[:1] == ["replay"]:
        from edge_agent.replay import replay  # noqa: PLC0415 - a running gateway needs no file readers

        return replay.main(arguments[1:])
    if arguments[:1] == ["enrol"]:
        from edge_agent.remote import enrol  # noqa: PLC0415 - nor a way into the portal

        return enrol.main(arguments[1:])
    if arguments[:1] == ["check"]:
        from edge_agent.remote import check  # noqa: PLC0415 - as above

        return check.main(arguments[1:])
    if arguments[:1] == ["probe"]:
        from edge_agent.sources import asking  # noqa: PLC0415 - as above

        return asking.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m edge_agent", description="The gateway of Sheetal.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="sense, keep and send until SIGTERM")
    run.add_argument("--config", type=Path, required=True, help="the settings, see edge_agent/sample.toml")
    commands.add_parser("enrol", help="take this gateway in with a code from the portal", add_help=False)
    commands.add_parser("check", help="try the whole way from settings to ingest", add_help=False)
    commands.add_parser("probe", help="say what every source says now", add_help=False)
    commands.add_parser("replay", help="send a logger's file through the whole way", add_help=False)
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return _run(asked.config)


def _run(config: Path) -> int:
    from edge_agent import app  # noqa: PLC0415 - a usage error must not wait for the drivers
    from edge_agent.settings.file import load_settings  # noqa: PLC0415 - as above

    try:
        return app.run(load_settings(config))
    except SettingProblem as problem:
        print(problem.message, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
