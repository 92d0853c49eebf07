"""`python -m alerts`: the service until SIGTERM or SIGINT; exit code 2 for a wrong setting, said in one line."""

from __future__ import annotations

import logging
import signal
import sys
import threading

import structlog

from alerts.app import serve
from alerts.settings import read_settings
from sheetal.contracts.problem import SettingProblem


def main() -> int:
    """Run; gives the exit code."""
    set_up_log()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        serve(read_settings(), stop)
    except SettingProblem as problem:
        print(f"{problem.message}. {problem.next_step}".strip(), file=sys.stderr)
        return 2
    return 0


def set_up_log() -> None:
    """JSON lines on stderr, for our own events and for the libraries' warnings."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format='{"level":"%(levelname)s","event":"%(name)s"}')


if __name__ == "__main__":
    sys.exit(main())
