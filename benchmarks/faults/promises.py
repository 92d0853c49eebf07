"""What an outbox has promised up to an instant, and what of it a file found after a power cut does not keep."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.outbox.outbox import Outbox
from edge_agent.outbox.parcel import Span
from edge_agent.sample import Sample
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Name = tuple[str, int, int]
"""Sensor, instant and centi-degrees of a reading; a device alarm is ("alarm " + its id, 0, 0)."""
Key = tuple[int, int]
"""Boot and sequence."""

PENDING = 0
PROBE = Sample("gw-p.after", 1_800_000_000_000, 333, 0)


class Word(Enum):
    """The moments of a promise."""

    OFFERED = "add was called"
    KEPT = "add returned"
    REFUSED = "add said that there is no room"
    SETTLING = "an application ack is being applied"
    FORGETTING = "settled items may be forgotten from here on"
    BOOTED = "the outbox was opened"


class Said(NamedTuple):
    """One moment between the file operations; `calm` are the readings of a kept intake that a span may replace."""

    word: Word
    names: frozenset[Name] = frozenset()
    boot: int = 0
    calm: Mapping[Name, Key] = MappingProxyType({})


class Found(NamedTuple):
    """What a file holds: readings and alarms with their states, and the items that its thinned spans stand for."""

    names: Mapping[Name, int]
    covered: frozenset[Key] = frozenset()


class Promises:
    """All that was said so far."""

    def __init__(self) -> None:
        self.in_doubt: frozenset[Name] = frozenset()
        self.kept: set[Name] = set()
        self.settling: set[Name] = set()
        self.forgettable: set[Name] = set()
        self.calm: dict[Name, Key] = {}
        self.boot = 0

    def note(self, said: Said) -> None:
        """One moment more."""
        match said.word:
            case Word.OFFERED:
                self.in_doubt = said.names
            case Word.KEPT:
                self.kept |= self.in_doubt
                self.calm |= said.calm
                self.in_doubt = frozenset()
            case Word.REFUSED:
                self.in_doubt = frozenset()
            case Word.SETTLING:
                self.settling |= said.names
            case Word.FORGETTING:
                self.forgettable |= self.settling
            case Word.BOOTED:
                self.boot = max(self.boot, said.boot)

    def broken_by(self, found: Found) -> list[str]:
        """What does not agree with what was found."""
        doubtful = self.in_doubt & found.names.keys()
        gone = self.kept - self.forgettable - found.names.keys()
        problems = {
            "kept and lost": {name for name in gone if self.calm.get(name) not in found.covered},
            "there and never offered": found.names.keys() - self.kept - self.in_doubt,
            "of an unfinished add, without the rest of it": doubtful if doubtful != self.in_doubt else (),
            "settled and never acknowledged": {
                name for name, state in found.names.items() if state != PENDING and name not in self.settling
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


def contents(file: Path) -> Found:
    """What an outbox's file holds; a state of 0 waits for its answer."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT source, measured_at_ms, value, state FROM item WHERE kind = 'row'").fetchall()
        spans = connection.execute("SELECT body FROM item WHERE kind = 'thinned'").fetchall()
        alarms = connection.execute("SELECT alarm, settled_at_ms IS NOT NULL FROM alarm").fetchall()
    names = {(sensor, at_ms, value): state for sensor, at_ms, value, state in rows}
    names |= {(f"alarm {alarm}", 0, 0): state for alarm, state in alarms}
    return Found(names, frozenset(key for (body,) in spans for key in covered_by(body)))


def covered_by(body: bytes) -> list[Key]:
    """The items that a thinned span stands for."""
    span = msgspec.json.decode(body, type=Span)
    return [(span.covers_boot, number) for first, last in span.covers for number in range(first, last + 1)]
