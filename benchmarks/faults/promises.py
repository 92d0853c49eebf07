"""What an outbox has promised up to an instant, and what of it a file found after a power cut does not keep."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.outbox import Outbox
from edge_agent.sample import Sample
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Name = tuple[str, int, int]
"""Sensor, instant and centi-degrees of a reading; a device alarm is ("alarm " + id, instant, 0)."""

PENDING = 0
PROBE = Sample("gw-p.after", 1_800_000_000_000, 333, 0)


class Word(Enum):
    """The moments of a promise."""

    OFFERED = "add was called"
    KEPT = "add returned"
    SETTLING = "an application ack is being applied"
    FORGETTING = "settled items may be forgotten from here on"
    BOOTED = "the outbox was opened"


class Said(NamedTuple):
    """One moment between the file operations."""

    word: Word
    names: frozenset[Name] = frozenset()
    boot: int = 0


class Promises:
    """All that was said so far."""

    def __init__(self) -> None:
        self.in_doubt: frozenset[Name] = frozenset()
        self.kept: set[Name] = set()
        self.settling: set[Name] = set()
        self.forgettable: set[Name] = set()
        self.boot = 0

    def note(self, said: Said) -> None:
        """One moment more."""
        match said.word:
            case Word.OFFERED:
                self.in_doubt = said.names
            case Word.KEPT:
                self.kept |= self.in_doubt
                self.in_doubt = frozenset()
            case Word.SETTLING:
                self.settling |= said.names
            case Word.FORGETTING:
                self.forgettable |= self.settling
            case Word.BOOTED:
                self.boot = max(self.boot, said.boot)

    def broken_by(self, found: Mapping[Name, int]) -> list[str]:
        """What does not agree with the names found and their states."""
        doubtful = self.in_doubt & found.keys()
        problems = {
            "kept and lost": self.kept - self.forgettable - found.keys(),
            "there and never offered": found.keys() - self.kept - self.in_doubt,
            "of an unfinished add, without the rest of it": doubtful if doubtful != self.in_doubt else (),
            "settled and never acknowledged": {
                name for name, state in found.items() if state != PENDING and name not in self.settling
            },
        }
        return [f"{len(names)} {what}" for what, names in problems.items() if names]


def broken(file: Path, promises: Promises) -> list[str]:
    """Boots the gateway's outbox on a file as a power cut left it; everything that is wrong, best nothing."""
    try:
        outbox = Outbox(file)
    except (SettingProblem, sqlite3.Error) as error:
        return [f"it does not open: {error}"]
    with closing(outbox):
        found = contents(file)
        problems = promises.broken_by(found)
        if outbox.boot <= promises.boot:
            problems.append("its boot is not larger than an earlier one")
        if outbox.add_rows([PROBE]) != 1:
            problems.append("it takes no reading")
    with closing(sqlite3.connect(file)) as connection:
        if (verdict := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            problems.append(f"it is corrupt: {verdict[:3]}")
    return problems


def contents(file: Path) -> dict[Name, int]:
    """The readings and alarms in an outbox's file, each with its state (0 waits for its answer)."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT source, measured_at_ms, value, state FROM item WHERE kind = 'row'").fetchall()
        alarms = connection.execute("SELECT alarm, added_at_ms, settled_at_ms IS NOT NULL FROM alarm").fetchall()
    found = {(sensor, at_ms, value): state for sensor, at_ms, value, state in rows}
    return found | {(f"alarm {alarm}", 0, 0): state for alarm, _, state in alarms}
