"""The demo's command line: start a district, play the story, stay up in a terminal, else stop and report."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from demo import screen, story
from demo.district import District
from demo.plan import Plan, Ports, free_ports, refuse_taken
from sheetal.contracts.problem import Problem, SettingProblem

if TYPE_CHECKING:
    from demo.story import Played

WRONG_SETTING = 2


def main(arguments: list[str]) -> int:
    """Run the demo; 0 when every step came true, 1 when one did not, 2 for a wrong setting or a taken port."""
    options = _parse(arguments)
    interrupts = Interrupts()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupts)
    try:
        return _run(_plan(options), interrupts, in_terminal=sys.stdin is not None and sys.stdin.isatty())
    except SettingProblem as problem:
        print(f"{problem.message}: {problem.next_step}" if problem.next_step else problem.message, file=sys.stderr)
        return WRONG_SETTING
    except Problem as problem:
        print(f"{problem.message}\n{problem.next_step}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped before the story's end.")
        return 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description="A simulated district of the cold chain")
    parser.add_argument(
        "--folder", type=Path, default=Path(".demo"), help="where logs, data and keys go (emptied first)"
    )
    parser.add_argument("--ports", choices=["default", "free"], default="default", help="well-known or any free ports")
    parser.add_argument("--broker", default="auto", help="auto, mosquitto, embedded or mqtt://host:port")
    parser.add_argument("--readings", default="auto", help="auto, influxd, embedded or a SHEETAL_READINGS_URL")
    parser.add_argument("--ledger", default="", help="a SHEETAL_LEDGER_URL, such as PostgreSQL's; else SQLite files")
    return parser.parse_args(arguments)


def _plan(options: argparse.Namespace) -> Plan:
    ports = Ports() if options.ports == "default" else free_ports()
    refuse_taken(ports)
    folder = options.folder.resolve()
    # Only what an earlier demo left is emptied: the logs of a running one would be in use by its taken ports.
    for name in ("logs", "data", "keys", "gateways", "mirror", "servers", "broker", "truth"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return Plan(
        folder=folder,
        ports=ports,
        broker=options.broker,
        readings=options.readings,
        ledger_url=options.ledger,
        telemetry_url=options.ledger,
    )


def _run(plan: Plan, interrupts: Interrupts, *, in_terminal: bool) -> int:
    print("Starting the district …", flush=True)
    began = time.monotonic()
    with District(plan) as district:
        interrupts.raise_if_any_came()
        print(screen.first_screen(district))
        print(f"Started in {time.monotonic() - began:.1f} s. The story:", flush=True)
        played = story.play(district, _teller(interrupts))
        print(screen.end_line(played, len(story.STEPS)), flush=True)
        if in_terminal:
            print(screen.staying_up(), flush=True)
            with suppress(KeyboardInterrupt):
                _stay(district)
            print("\nStopping …", flush=True)
    return 0 if len(played) == len(story.STEPS) and played[-1].ok else 1


def _teller(interrupts: Interrupts) -> story.Tell:
    told = 0

    def tell(played: Played) -> None:
        nonlocal told
        told += 1
        print(screen.step_line(told, played), flush=True)
        interrupts.raise_if_any_came()

    return tell


def _stay(district: District) -> None:
    """Return only by Ctrl-C, or by the problem that a process ended by itself."""
    while True:
        time.sleep(1)
        district.supervisor.raise_if_any_died()


class Interrupts:
    """Ends the demo at a signal, also where Python loses the exception because it came while an object was let go."""

    def __init__(self) -> None:
        self._any_came = False

    def __call__(self, signal_number: int, frame: object) -> None:
        """The signals' handler."""
        del signal_number, frame
        self._any_came = True
        raise KeyboardInterrupt

    def raise_if_any_came(self) -> None:
        """Raises again what was lost."""
        if self._any_came:
            raise KeyboardInterrupt
