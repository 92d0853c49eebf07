"""`python -m sheetal.readings check` says whether the readings store of the environment is fit."""

from __future__ import annotations

import os
import sys

from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem
from sheetal.readings.check import check, exit_code
from sheetal.readings.connect import TOKEN_VARIABLE, VARIABLE


def main(arguments: list[str]) -> int:
    """Prints one line for each finding; 0 fit, 1 something to put right, 2 a wrong setting or call."""
    if arguments != ["check"]:
        print(f"usage: {VARIABLE}=… python -m sheetal.readings check", file=sys.stderr)
        return 2
    try:
        findings = check(os.environ.get(VARIABLE, ""), os.environ.get(TOKEN_VARIABLE), now_ms())
    except SettingProblem as wrong:
        print(f"{wrong.message}. {wrong.next_step}", file=sys.stderr)
        return 2
    for finding in findings:
        print(finding.line())
    return exit_code(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
