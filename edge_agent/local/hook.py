"""Runs the configured program that makes a noise or a light, without a shell and never for long."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from subprocess import Popen

_log = logging.getLogger(__name__)

SECONDS_MAX = 10.0
REAP_SECONDS_MAX = 1.0
INHERITED = ("PATH", "HOME", "LANG")


def run_hook(command: Sequence[str], facts: Mapping[str, str], seconds_max: float = SECONDS_MAX) -> str:
    """Waits for the program, kills it and its children after `seconds_max`; returns "" or what went wrong."""
    import subprocess  # noqa: PLC0415 - a gateway without a hook needs no processes

    surroundings = {name: os.environ[name] for name in INHERITED if name in os.environ}
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own program, its words come from the settings alone
            list(command),
            env={**surroundings, **facts},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"{command[0]}: {getattr(error, 'strerror', None) or error}"
    try:
        code = process.wait(seconds_max)
    except subprocess.TimeoutExpired:
        _kill(process)
        return f"{command[0]}: stopped after {seconds_max:g} s"
    return "" if code == 0 else f"{command[0]}: ended with {code}"


def _kill(process: Popen[bytes]) -> None:
    from subprocess import TimeoutExpired  # noqa: PLC0415 - as above

    try:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(REAP_SECONDS_MAX)
    except (ProcessLookupError, PermissionError, TimeoutExpired) as error:
        _log.warning("the alarm command does not end: %s", error)
