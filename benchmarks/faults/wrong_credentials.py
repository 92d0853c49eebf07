"""A gateway with the wrong credentials is refused, says why, and goes on measuring; put right, it loses nothing.

Each case is one try over Mosquitto under the shipped settings: two real gateways, one of them wrong, one honest. While
it is wrong nothing of the wrong one may reach the store, its process must neither end nor flood its log, and the honest
one must be served. Then it gets what enrolment would have given it, and everything arrives once.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.guarded_line import Credentials, GuardedLine
from benchmarks.faults.line import wait_for
from benchmarks.faults.scene import Scene, write_key
from benchmarks.faults.settled import settle
from edge_agent.uplink.broker_trouble import CLOSED_EARLY
from tests.edge_agent.tls_kit import Authority

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG, HONEST = "gw-00", "gw-01"
SCENE = Scene(gateways=2, probes=2, history_minutes=20, interval_seconds=10)
FULL = 14
WRONG_SECONDS = 8.0
SERVED_SECONDS_MAX = 30.0
LOG_LINES_MAX = 40
"""What a gateway may say in those seconds: one line a trouble, not one a try."""
HOW = (
    "a real gateway under the shipped Mosquitto settings with a certificate of a foreign authority, an ended one, a "
    "revoked one, none, another gateway's, another sealing key, and a broker that is not the one "
    "believed: nothing stored, no crash, told in its log, the honest neighbour served; put right, all arrives once"
)


class Case(NamedTuple):
    """What is wrong, a word of what the gateway must say, whether its neighbour is left in peace, what it may leave.

    A stolen certificate takes its owner's place at the broker; a batch under another sealing key is a dead letter. A
    broker that refuses a certificate may hang up before its reason is heard, which the gateway says then.
    """

    make_wrong: Callable[[GuardedLine], None]
    told: str
    spares_neighbour: bool = True
    leaves: str = ""
    is_refused_by_broker: bool = False


def run(first: int, count: int) -> int:
    """Cases number `first` and on, over and over; how many did not hold."""
    names = list(CASES)
    return sum(not attempt(names[number % len(names)]) for number in range(first, first + count))


def attempt(name: str) -> bool:
    """One case."""
    case = CASES[name]
    with tempfile.TemporaryDirectory(prefix="sheetal-credentials-") as folder:
        line = GuardedLine(Path(folder), SCENE)
        case.make_wrong(line)
        with line:
            line.start()
            problems = while_wrong(line, case) + _put_right(line, case)
    print(f"  {name}: {'; '.join(problems) or 'refused, nothing lost'}", flush=True)
    return not problems


def while_wrong(line: GuardedLine, case: Case) -> list[str]:
    """What does not hold while one gateway's credentials are wrong."""
    wrong_one, until = line.gateways[WRONG].pid, time.monotonic() + WRONG_SECONDS
    served = wait_for(lambda: _stored(line, HONEST) >= SCENE.history_minutes, SERVED_SECONDS_MAX)
    time.sleep(max(0.0, until - time.monotonic()))
    said = line.gateways[WRONG].log.read_text(errors="replace")
    problems = [] if served or not case.spares_neighbour else ["the honest gateway was not served"]
    if not line.gateways[WRONG].is_running or line.gateways[WRONG].pid != wrong_one:
        problems.append("the gateway's process ended")
    if _stored(line, WRONG):
        problems.append(f"{_stored(line, WRONG)} readings of the wrong gateway were stored")
    if said.count("\n") > LOG_LINES_MAX:
        problems.append(f"{said.count(chr(10))} lines in its log")
    if case.leaves and not line.telemetry_count(case.leaves):
        problems.append(f"no {case.leaves} tells of it")
    if case.told not in said and not (case.is_refused_by_broker and CLOSED_EARLY in said):
        problems.append(f"it did not say {case.told!r}: {said[-300:]}")
    return problems


def _put_right(line: GuardedLine, case: Case) -> list[str]:
    line.gateways[WRONG].stop()
    write_key(line.folder, WRONG)
    line.credentials[WRONG] = line.rightful(WRONG)
    line.start(line.gateways[WRONG])
    return [problem for problem in settle(line).problems if not (case.leaves and case.leaves in problem)]


def _stored(line: GuardedLine, gateway: str) -> int:
    return sum(reading.sensor.startswith(f"{gateway}.") for reading in line.stored())


def _foreign_authority(line: GuardedLine) -> None:
    foreign = Authority(line.folder / "foreign", "Foreign authority")
    line.credentials[WRONG] = Credentials(foreign.client(WRONG), line.authority.file)


def _ended(line: GuardedLine) -> None:
    line.credentials[WRONG] = Credentials(line.authority.client(WRONG, days=-1, file="ended"), line.authority.file)


def _revoked(line: GuardedLine) -> None:
    line.credentials[WRONG] = Credentials(line.revoked, line.authority.file)


def _none(line: GuardedLine) -> None:
    line.credentials[WRONG] = Credentials(None, line.authority.file)


def _of_another_gateway(line: GuardedLine) -> None:
    line.credentials[WRONG] = line.credentials[HONEST]


def _another_sealing_key(line: GuardedLine) -> None:
    (line.folder / f"{WRONG}.key").write_text(bytes(32).hex() + "\n")


def _broker_not_believed(line: GuardedLine) -> None:
    foreign = Authority(line.folder / "foreign", "Foreign authority")
    line.credentials[WRONG] = line.credentials[WRONG]._replace(believes=foreign.file)


CASES = {
    "a foreign authority's certificate": Case(
        _foreign_authority, "who signed this gateway's certificate", is_refused_by_broker=True
    ),
    "an ended certificate": Case(_ended, "this gateway's certificate expired", is_refused_by_broker=True),
    "a revoked certificate": Case(_revoked, "certificate is revoked", is_refused_by_broker=True),
    "no certificate": Case(_none, "wants a certificate of this gateway", is_refused_by_broker=True),
    "another gateway's certificate": Case(
        _of_another_gateway, "the broker denies this gateway's messages", spares_neighbour=False
    ),
    "another sealing key": Case(_another_sealing_key, "", leaves="dead_letter"),
    "a broker of a foreign authority": Case(
        _broker_not_believed, "the broker's certificate is of an unknown authority"
    ),
}
