"""A channel that is down, hangs, answers with errors, or takes a message and hangs up: its person is told all the same.

First the second channel must bring the message within two minutes. Then that one is down too: the message must be
listed as undelivered with its problem, and arrive by itself once the servers are back. No secret may reach the log.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.faults.alerts_stage import AlertsStage, name_of
from benchmarks.faults.line import wait_for
from benchmarks.faults.nursery import Nursery
from benchmarks.faults.stub_channels import BROKEN, SECRET, Mode
from sheetal.contracts.clock import now_ms
from sheetal.ledger import deliveries

KINDS = ("email", "sms", "chat", "webhook")
FULL = len(KINDS) * len(BROKEN)
GROUP = 4
SECOND_SECONDS_MAX = 120.0
LISTED_SECONDS_MAX = 60.0
BACK_SECONDS_MAX = 120.0
TOLD = "told by"
HOW = (
    "Each of SMTP, SMS gateway, chat and webhook × down, hanging, answering errors, taking and hanging up: told by the "
    "second channel within 2 min; with both broken listed as undelivered with its problem, told by itself when they "
    "are back; no secret in the log"
)


def run(first: int, count: int) -> int:
    """Tries number `first` and on, beside each other since they mostly wait; how many of them failed."""
    with ThreadPoolExecutor(GROUP) as pool:
        return sum(not held for held in pool.map(attempt, range(first, first + count)))


def attempt(number: int) -> bool:
    """One kind of channel broken in one way; whether the promise held."""
    kind, mode = KINDS[number % len(KINDS)], BROKEN[number // len(KINDS) % len(BROKEN)]
    with tempfile.TemporaryDirectory(prefix="sheetal-channel-") as folder:
        problems = broken(Path(folder), kind, mode)
    print(f"  {kind} {mode}: {'; '.join(problems) or 'told'}", flush=True)
    return not [one for one in problems if not one.startswith(TOLD)]


def broken(folder: Path, kind: str, mode: Mode, plant: str | None = None) -> list[str]:
    """What went wrong, and in a line that begins with "told by" how quickly the second channel told."""
    second = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
    with AlertsStage(folder, (kind, second)) as stage, Nursery(stage.log, stage.environment, plant) as nursery:
        stage.channels.servers[kind].set(mode)
        nursery.start()
        found = _by_the_second(stage, second)
        if not found[0].startswith(TOLD):
            return found
        stage.channels.servers[second].set(Mode.DOWN)
        found += _listed_and_back(stage, (kind, second))
        if SECRET in stage.log.read_text(errors="replace"):
            found.append("a secret stands in the log")
    return found


def _by_the_second(stage: AlertsStage, second: str) -> list[str]:
    stage.freeze(1)
    began = time.monotonic()
    if not wait_for(lambda: _took(stage, second, 1), SECOND_SECONDS_MAX):
        return ["the second channel did not tell in two minutes"]
    return [f"{TOLD} {second} in {time.monotonic() - began:.0f} s"]


def _listed_and_back(stage: AlertsStage, kinds: tuple[str, str]) -> list[str]:
    stage.freeze(2)
    if not wait_for(lambda: _is_listed(stage), LISTED_SECONDS_MAX):
        return ["with both channels broken nothing is listed as undelivered"]
    for one in kinds:
        stage.channels.servers[one].set(Mode.UP)
    if not wait_for(lambda: any(_took(stage, one, 2) for one in kinds), BACK_SECONDS_MAX):
        return ["what was undelivered did not arrive when the servers were back"]
    return [] if wait_for(lambda: not _is_listed(stage), LISTED_SECONDS_MAX) else ["it stays listed though it was told"]


def _took(stage: AlertsStage, kind: str, number: int) -> bool:
    return any(name_of(number) in text for text in stage.channels.servers[kind].taken)


def _is_listed(stage: AlertsStage) -> bool:
    """Whether the list of two minutes from now names it, with what went wrong."""
    with stage.ledger.read() as conn:
        found = deliveries.undelivered(conn, now_ms() + deliveries.UNDELIVERED_AFTER_MS)
    return any(one.problem for one in found)
