"""One line of what a check found."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Sign(Enum):
    """How a finding is meant: all well, to be put right, or what no program can ask and a person must look at."""

    WELL = "ok"
    PROBLEM = "problem"
    LOOK = "look"


class Finding(NamedTuple):
    """What was found and, unless all is well, what to do next."""

    sign: Sign
    words: str
    next_step: str = ""

    def line(self) -> str:
        """The finding as one line for a terminal."""
        return f"{self.sign.value:8} {self.words}{self.next_step and f' → {self.next_step}'}"


def well(words: str) -> Finding:
    """Something is as it must be."""
    return Finding(Sign.WELL, words)


def problem(words: str, next_step: str) -> Finding:
    """Something must be put right."""
    return Finding(Sign.PROBLEM, words, next_step)


def look(words: str, next_step: str) -> Finding:
    """Something that a person must look at."""
    return Finding(Sign.LOOK, words, next_step)
