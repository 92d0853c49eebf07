"""`python -m alerts.watch`: another process that pages people when nobody judges any more (the dead man's handle).

It shares nothing with the evaluators but the ledger, and has channels of its own from a file, so that it still speaks
when the ledger itself is away. A silence is told once, again every half hour while it lasts, and its end is told too.
A restart forgets what was told: it tells twice rather than never.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import func, select

from alerts.engine import LEASE, LEASE_MS
from alerts.notify.channels import apprise
from alerts.notify.local_time import local
from alerts.notify.message import Message
from alerts.notify.words import ZONE
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.problem import Refused, SettingProblem, Unavailable
from sheetal.health import serve_health
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.contacts import kind_of
from sheetal.ledger.gate import AHEAD_MS_MAX
from sheetal.ledger.judgement_tables import appliance_judgement
from sheetal.ledger.judgement_tables import lease as lease_table
from sheetal.logs import set_up_logs
from sheetal.settings import PORT_MAX, PREFIX, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alerts.notify.post import Send
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger

LOOK_SECONDS = 5.0
ANSWER_SECONDS_MAX = 5.0
"""A ledger that is silent for longer counts as away; a stopped server or a cut line may never answer."""
AGAIN_MS = 30 * MINUTE_MS
ADDRESSES_MAX = 10
WELL, SILENT, STANDS, AWAY = "well", "silent", "stands", "away"
SAID = {
    SILENT: "No process has judged the cold chain since {}. The gate closes in front of all doses after ten minutes. "
    "Start alerts.",
    STANDS: "Judging stands still since {}, though a process is there. The gate closes in front of all doses after ten "
    "minutes. See the log of alerts.",
    AWAY: "The ledger has not answered since {}. Nothing is judged and no dose can be recorded. See the database.",
    WELL: "The cold chain is judged again since {}.",
}

log = structlog.get_logger()


class WatchSettings(BaseSettings):
    """All settings of the watch; `read_settings` makes one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    ledger_url: str
    watch_channels_file: Path
    watch_silent_seconds: int = Field(default=100, ge=20, le=3_600)
    health_host: str = "127.0.0.1"
    health_port: int = Field(default=0, ge=0, le=PORT_MAX)


class Life(NamedTuple):
    """The signs of life in the ledger: the lease's last renewal, and how far everything was judged; None for never."""

    leased_ms: int | None
    judged_ms: int | None


class State(NamedTuple):
    """What is wrong, `WELL` when nothing is, and since when."""

    name: str
    since_ms: int


@dataclass(slots=True)
class Memory:
    """What the watch remembers between two looks."""

    began_ms: int
    away_since_ms: int | None = None
    state: State | None = None
    told_at_ms: int = 0


def look(ledger: Ledger) -> Life:
    """The signs of life; raises Unavailable."""
    with ledger.read() as conn:
        until_ms = conn.execute(select(lease_table.c.until_ms).where(lease_table.c.name == LEASE)).scalar_one_or_none()
        judged_ms = conn.execute(select(func.max(appliance_judgement.c.judged_through_ms))).scalar_one()
    return Life(None if until_ms is None else until_ms - LEASE_MS, judged_ms)


def judge(life: Life | None, memory: Memory, silent_ms: int, at_ms: int) -> State:
    """The state of things; a ledger that is away and a service that never began count from the watch's own start.

    So does one whose signs lie ahead of the watch's clock: a wrong clock proves nothing, at the gate neither.
    """
    if life is None:
        since_ms = at_ms if memory.away_since_ms is None else memory.away_since_ms
        return State(AWAY if at_ms - since_ms >= silent_ms else WELL, since_ms)
    leased_ms, judged_ms = _believed(life.leased_ms, at_ms), _believed(life.judged_ms, at_ms)
    leased_ms = memory.began_ms if leased_ms is None else leased_ms
    if at_ms - leased_ms >= silent_ms:
        return State(SILENT, leased_ms)
    # Where no appliance has ever been judged there is nothing that could stand still.
    if judged_ms is not None and at_ms - max(judged_ms, memory.began_ms) >= silent_ms:
        return State(STANDS, judged_ms)
    return State(WELL, at_ms)


def _believed(instant_ms: int | None, at_ms: int) -> int | None:
    return None if instant_ms is None or instant_ms > at_ms + AHEAD_MS_MAX else instant_ms


def turn(life: Life | None, memory: Memory, silent_ms: int, at_ms: int) -> State | None:
    """What is to be told now, if anything; the memory changes only by `told` once somebody has heard it."""
    if life is not None:
        memory.away_since_ms = None
    elif memory.away_since_ms is None:
        memory.away_since_ms = at_ms
    found = judge(life, memory, silent_ms, at_ms)
    before = memory.state.name if memory.state else WELL
    if found.name == WELL and life is None:
        # Not away for long enough to be news, and no sign that what was wrong before has ended.
        return None
    if found.name == before:
        is_due = found.name != WELL and at_ms - memory.told_at_ms >= AGAIN_MS
        return found if is_due else None
    return found


def told(memory: Memory, state: State, at_ms: int) -> None:
    """Remember what was told."""
    memory.state, memory.told_at_ms = state, at_ms


class Watch:
    """Looks and tells; `step` is one look."""

    def __init__(self, ledger: Ledger, addresses: Sequence[str], send: Send, silent_ms: int, clock: Clock) -> None:
        self._ledger = ledger
        self._addresses = addresses
        self._send = send
        self._silent_ms = silent_ms
        self._clock = clock
        self.memory = Memory(clock())
        self._asking: threading.Thread | None = None

    def step(self) -> None:
        """Look once; tell what is new through every channel, and remember it when one of them has taken it."""
        at_ms = self._clock()
        life = self._life()
        state = turn(life, self.memory, self._silent_ms, at_ms)
        if state is not None and self._tell(state):
            told(self.memory, state, at_ms)

    def says(self) -> dict[str, object]:
        """What the health page says: the watch itself is well while it runs; what it sees is told apart."""
        seen = self.memory.state.name if self.memory.state else WELL
        return {"ok": True, "seen": seen}

    def _life(self) -> Life | None:
        """The signs of life; None where the ledger is away. A question without an answer is not asked again."""
        if self._asking is not None and self._asking.is_alive():
            return None
        found: list[Life | None] = []
        self._asking = threading.Thread(target=self._ask, args=(found,), name="look", daemon=True)
        self._asking.start()
        self._asking.join(ANSWER_SECONDS_MAX)
        return found[0] if found else None

    def _ask(self, found: list[Life | None]) -> None:
        try:
            found.append(look(self._ledger))
        except Unavailable:
            return
        except Exception:  # whatever the ledger does, who watches it goes on
            log.exception("The ledger cannot be read")

    def _tell(self, state: State) -> bool:
        text = SAID[state.name].format(f"{local(state.since_ms, ZONE):%Y-%m-%d %H:%M} IST")
        message = Message("Sheetal", text, is_urgent=state.name != WELL)
        log.warning("Judging", state=state.name, text=text)
        problems = [self._send(address, message) for address in self._addresses]
        for number, problem in enumerate(problems, start=1):
            if problem is not None:
                log.warning("A channel of the watch did not take it", line=number, problem=problem)
        return any(problem is None for problem in problems)


def addresses_in(file: Path) -> list[str]:
    """The channels in a file, one a line, # for remarks; raises SettingProblem that names a line, never an address."""
    variable = f"{PREFIX}WATCH_CHANNELS_FILE"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingProblem(f"{variable} names a file that cannot be read", variable=variable) from error
    found: list[str] = []
    for number, line in enumerate(lines, start=1):
        address = line.strip()
        if not address or address.startswith("#"):
            continue
        if not _is_address(address):
            raise SettingProblem(f"{variable}: line {number} is not the address of a channel", variable=variable)
        found.append(address)
    if not 1 <= len(found) <= ADDRESSES_MAX:
        raise SettingProblem(f"{variable} names a file without 1 to {ADDRESSES_MAX} channels", variable=variable)
    return found


def _is_address(address: str) -> bool:
    try:
        kind_of(address)
    except Refused:
        return False
    return apprise.is_understood(address)


def watch(settings: WatchSettings, stop: threading.Event, clock: Callable[[], int] = now_ms) -> None:
    """Run until `stop` is set; raises SettingProblem before anything has begun."""
    addresses = addresses_in(settings.watch_channels_file)
    with closing(open_ledger(settings.ledger_url)) as ledger:
        watching = Watch(ledger, addresses, apprise.send, settings.watch_silent_seconds * 1_000, clock)
        with closing(serve_health(settings.health_host, settings.health_port, watching.says)):
            log.info("ready")
            while not stop.is_set():
                watching.step()
                stop.wait(LOOK_SECONDS)


def main() -> int:
    """Run; gives the exit code."""
    set_up_logs("alerts.watch")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        watch(checked(WatchSettings), stop)
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}. {problem.next_step}".strip() + "\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
