"""What a step of `show your work` is made of (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal import formats
from portal.language import marked
from sheetal.contracts.limits import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.contracts.limits import HoldRule

SIDE_WORDS = {
    (Side.COLD, True): marked("at or below %(limit)s"),
    (Side.COLD, False): marked("below %(limit)s"),
    (Side.HOT, True): marked("at or above %(limit)s"),
    (Side.HOT, False): marked("above %(limit)s"),
}
CONFIDENCE_WORDS = {"high": marked("high"), "medium": marked("medium"), "low": marked("low")}


@dataclass(frozen=True)
class Words:
    """A msgid and what goes into its places; words in a place are said in the page's language too."""

    text: str
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A question, its figure, and where the figure comes from."""

    question: Words
    figure: Words
    why: Words | None = None
    tone: str = ""


def spoken(words: Words, say: Callable[..., str]) -> str:
    """The words in the language of `say`."""
    facts = {name: spoken(fact, say) if isinstance(fact, Words) else fact for name, fact in words.facts.items()}
    return say(words.text, **facts)


def confidence_words(confidence: str) -> Words:
    """How sure a source is."""
    return Words(CONFIDENCE_WORDS[confidence])


def limit_words(rule: HoldRule) -> Words:
    """`at or below −0.5 °C`."""
    return Words(
        SIDE_WORDS[rule.side, rule.inclusive],
        {"limit": formats.temperature(rule.limit_centi_celsius, signed=True)},
    )
