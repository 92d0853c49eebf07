from __future__ import annotations

import pytest

from portal.cold_chain.work_words import (
    CONFIDENCE_WORDS,
    SIDE_WORDS,
    Step,
    Words,
    confidence_words,
    limit_words,
    spoken,
)
from portal.language import load_translations
from sheetal.contracts.limits import HoldRule, Measure, Side, Source


def rule(side: Side, *, inclusive: bool) -> HoldRule:
    return HoldRule(
        rule="r",
        side=side,
        limit_centi_celsius=-50 if side is Side.COLD else 800,
        inclusive=inclusive,
        measure=Measure.RUN,
        minutes=60,
        source=Source(citation="made up", confidence="high"),
    )


@pytest.mark.parametrize(
    ("side", "inclusive", "said"),
    [
        (Side.COLD, True, "at or below −0.5 °C"),
        (Side.COLD, False, "below −0.5 °C"),
        (Side.HOT, True, "at or above +8.0 °C"),
        (Side.HOT, False, "above +8.0 °C"),
    ],
)
def test_a_limit_says_whether_its_end_counts(side: Side, said: str, *, inclusive: bool) -> None:
    words = limit_words(rule(side, inclusive=inclusive))
    assert (words.text % words.facts).replace("\u00a0", " ") == said


def test_every_side_has_hindi_words() -> None:
    hindi = load_translations()["hi"]
    assert all(hindi.gettext(text) != text for text in SIDE_WORDS.values())


def test_a_step_may_have_no_source_and_no_tone() -> None:
    step = Step(Words("question"), Words("%(n)s", {"n": 1}))
    assert (step.why, step.tone, Words("x").facts) == (None, "", {})


def test_words_inside_words_are_said_in_the_pages_language() -> None:
    words = Words("confidence %(confidence)s, %(n)s", {"confidence": confidence_words("high"), "n": 1})

    def say(text: str, **facts: object) -> str:
        told = {"high": "ऊँचा", "confidence %(confidence)s, %(n)s": "भरोसा %(confidence)s, %(n)s"}.get(text, text)
        return told % facts if facts else told

    assert spoken(words, say) == "भरोसा ऊँचा, 1"
    assert spoken(Words("high"), str) == "high"


def test_every_confidence_has_a_hindi_word() -> None:
    hindi = load_translations()["hi"]
    assert set(CONFIDENCE_WORDS) == {"high", "medium", "low"}
    assert all(hindi.gettext(text) != text for text in CONFIDENCE_WORDS.values())
