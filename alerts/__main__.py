"""`python -m alerts`: the service until SIGTERM or SIGINT; exit code 2 for a wrong setting, said in one line.

`python -m alerts recompute FILE` finds a verdict again from its evidence bundle and needs no setting.
"""

from __future__ import annotations

import signal
import sys
import threading

from alerts import recompute
from alerts.app import serve
from alerts.settings import read_settings
from sheetal.contracts.problem import SettingProblem
from sheetal.logs import set_up_logs


def main() -> int:
    """Run; gives the exit code."""
    if sys.argv[1:2] == ["recompute"]:
        return recompute.main(sys.argv[2:], print)
    set_up_logs("alerts")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        serve(read_settings(), stop)
    except SettingProblem as problem:
        print(f"{problem.message}. {problem.next_step}".strip(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
