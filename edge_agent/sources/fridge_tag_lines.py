"""The lines of a Fridge-tag export as a tree: `key: value`, nested by one space per level (pure).

    Conf:                     level 0, an empty value opens a block
     Serial: 160400000001     level 1
     Alarm:
      0:                      level 2, numbered blocks
       T AL: -0.5, t AL: 60   level 3, several pairs on a line
    Data:
    <TAB>2022-05-02 10:36<TAB>27.5<TAB>x      rows of a table

A known key at a place where it cannot stand is a wrong indentation; an unknown key is kept where it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.sources.logged_file import problem

if TYPE_CHECKING:
    from sheetal.contracts.problem import FileProblem

_DAY = frozenset(
    {"Date", "Min T", "Max T", "Avrg T", "Alarm", "Int Sensor timeout", "Ext Sensor timeout", "Events", "Checked"}
)
_TIMEOUT = frozenset({"t AccST", "TS ST"})
CHILDREN: dict[str, frozenset[str]] = {
    "": frozenset({"Device", "Vers", "Fw Vers", "Sensor", "Ext Sensor", "Conf", "Errors", "Hist", "Data", "Cert"})
    | {"Sig Cert", "Sig"},
    "Conf": frozenset({"Serial", "PCB", "CID", "Lot", "Zone", "Measurement delay", "Moving Avrg", "User Alarm Config"})
    | {"User Clock Config", "Alarm Indication", "Temp unit", "Alarm", "Int Sensor", "Ext Sensor", "Det Report"}
    | {"Report history length", "Use ext devices", "Logging Interval", "Test Res"},
    "Conf/Alarm": frozenset({"#"}),
    "Conf/Alarm/#": frozenset({"T AL", "t AL"}),
    "Conf/Int Sensor": frozenset({"Timeout", "Offset"}),
    "Conf/Ext Sensor": frozenset({"Timeout", "Offset"}),
    "Errors": frozenset({"#"}),
    "Errors/#": frozenset({"Err Count"}),
    "Hist": frozenset({"TS Actv", "TS Report Creation", "#"}),
    "Hist/#": _DAY,
    "Hist/#/Alarm": frozenset({"#"}),
    "Hist/#/Alarm/#": frozenset({"t Acc", "TS A", "C A"}),
    "Hist/#/Int Sensor timeout": _TIMEOUT,
    "Hist/#/Ext Sensor timeout": _TIMEOUT,
    "Hist/#/Checked": frozenset({"TS AM", "TS PM"}),
    "Cert": frozenset({"Vers", "Lot", "Issuer", "Valid from", "Owner", "Public Key"}),
}
_KNOWN = frozenset().union(*CHILDREN.values())

PAIR = re.compile(r", (?=(?:TS Min T|TS Max T|t AL|Offset|Err TS|Test TS|TS A|C A|TS ST|TS E|T AL|T Amb):)")
"""Where a line parts: only before a key that is known to follow another, since user strings may hold commas."""


@dataclass(slots=True)
class Node:
    """One line and what is nested below it; `rows` are the TAB-led lines of a table, with their line numbers."""

    key: str
    value: str
    line: int
    pairs: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    rows: list[tuple[int, str]] = field(default_factory=list)
    last_line: int = 0

    def child(self, key: str) -> Node | None:
        """The first child of this name."""
        return next((node for node in self.children if node.key == key), None)

    def text(self, key: str) -> str | None:
        """The value of a child of this name."""
        found = self.child(key)
        return None if found is None else found.value


def read_tree(text: str) -> tuple[Node, list[FileProblem]]:
    """The root above all lines, and the lines that could not be placed; those below a misplaced line go with it."""
    root = Node("", "", 0)
    stack = [root]
    misplaced: list[list[int]] = []
    problems: list[FileProblem] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r")
        if not line.strip():
            continue
        if line.startswith("\t"):
            _add_row(stack, number, line, problems)
        elif not _add_line(stack, number, line):
            _remember(misplaced, number)
    problems += [_indentation(first, last, text) for first, last in misplaced]
    return root, problems


def pairs_of(content: str) -> dict[str, str]:
    """The pairs of one line; a value may be empty."""
    split = (pair.partition(":") for pair in PAIR.split(content))
    return {key.strip(): value.strip() for key, _, value in split}


def others_of(root: Node, used: frozenset[str]) -> dict[str, str]:
    """Every valued key outside the history that is not among those used, under its path."""
    found: dict[str, str] = {}

    def walk(node: Node, path: str) -> None:
        for child in node.children:
            place = f"{path}/{child.key}" if path else child.key
            if place != "Hist" and place not in used:
                found.update({f"{place[: -len(child.key)]}{key}": value for key, value in child.pairs.items() if value})
                walk(child, place)

    walk(root, "")
    return found


def _add_row(stack: list[Node], number: int, line: str, problems: list[FileProblem]) -> None:
    data = stack[0].child("Data")
    if data is None or data is not stack[0].children[-1]:
        problems.append(problem(number, "a row of a table outside the Data block"))
        return
    data.rows.append((number, line))
    data.last_line = number


def _add_line(stack: list[Node], number: int, line: str) -> bool:
    """Whether the line could be placed; it then stands on top of the stack."""
    content = line.lstrip(" ")
    level = len(line) - len(content)
    pairs = pairs_of(content)
    key, colon, _ = content.partition(":")
    if not colon or level >= len(stack):
        return False
    if level > 0 and (stack[level].value or stack[level].key == "Data"):
        return False
    context = "/".join(_generic(node.key) for node in stack[1 : level + 1])
    known_here = CHILDREN.get(context)
    if known_here is not None and _generic(key) in _KNOWN - known_here:
        return False
    node = Node(key, next(iter(pairs.values())), number, pairs, last_line=number)
    del stack[level + 1 :]
    stack[level].children.append(node)
    stack.append(node)
    for above in stack:
        above.last_line = number
    return True


def _generic(key: str) -> str:
    return "#" if key.isdecimal() else key


def _remember(misplaced: list[list[int]], number: int) -> None:
    if misplaced and misplaced[-1][1] == number - 1:
        misplaced[-1][1] = number
    else:
        misplaced.append([number, number])


def _indentation(first: int, last: int, text: str) -> FileProblem:
    content = text.split("\n")[first - 1].strip()[:40]
    if ":" not in content:
        return problem(first, f"{content!r} is not a `key: value` line", last_line=last)
    return problem(
        first,
        f"wrong indentation: {content!r} cannot stand here",
        last_line=last,
        next_step="export the file again; each level is indented by one space",
    )
