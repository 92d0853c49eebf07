"""What one contact gets in one message: a title, a few sentences, and the numbers of the notices (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from alerts.notify.words import LANGUAGES, sentence
from sheetal.ledger.contacts import Hears

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sheetal.ledger.deliveries import Told

SENTENCES_MAX = 5
REFERENCES_MAX = 12
MORE = {"en": "And {} more.", "hi": "और {} सूचनाएँ।"}
REFERENCE = {"en": "Ref", "hi": "संदर्भ"}
TITLES = {"en": "Cold chain {}", "hi": "शीत शृंखला {}"}


class Message(NamedTuple):
    """What is sent; the same notices always make the same words, so a repetition can be told by its reference."""

    title: str
    body: str
    is_urgent: bool
    attachments: tuple[Path, ...] = ()


def message_of(notices: Sequence[Told], language: str) -> Message:
    """One message of all these notices of one facility."""
    tongue = language if language in LANGUAGES else LANGUAGES[0]
    return Message(
        title=TITLES[tongue].format(notices[0].facility_id),
        body=f"{text_of(notices, tongue)}\n{REFERENCE[tongue]} {reference_of(notices)}",
        is_urgent=any(one.severity == Hears.URGENT for one in notices),
    )


def text_of(notices: Sequence[Told], language: str = LANGUAGES[0]) -> str:
    """A few sentences, and how many more there were."""
    told = [sentence(one.kind, one.facts, language) for one in notices[:SENTENCES_MAX]]
    more = [MORE[language].format(len(notices) - SENTENCES_MAX)] if len(notices) > SENTENCES_MAX else []
    return " ".join([*told, *more])


def reference_of(notices: Sequence[Told]) -> str:
    """The notices' numbers, the same in a repetition; of many the first ones, the last and the count."""
    numbers = sorted(one.id for one in notices)
    if len(numbers) <= REFERENCES_MAX:
        return " ".join(f"N{number}" for number in numbers)
    first = " ".join(f"N{number}" for number in numbers[: REFERENCES_MAX - 2])
    return f"{first} … N{numbers[-1]} ({len(numbers)})"
