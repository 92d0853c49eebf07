from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest

from edge_agent.local.export_words import EXPORT_WORDS
from edge_agent.local.log_words import LOG_WORDS
from edge_agent.local.set_up_words import SET_UP_WORDS
from edge_agent.local.view import WORST_FIRST
from edge_agent.local.words import WORDS
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Mapping

ALL: list[Mapping[str, tuple[object, ...]]] = [WORDS, SET_UP_WORDS, LOG_WORDS, EXPORT_WORDS]


def texts(value: object) -> list[str]:
    return list(map(str, value.values())) if isinstance(value, dict) else [str(value)]


def holes(text: str) -> int:
    return sum(1 for _, field, _, _ in string.Formatter().parse(text) if field is not None)


@pytest.mark.parametrize("both", ALL)
def test_both_languages_say_everything_with_the_same_holes(both: Mapping[str, tuple[object, ...]]) -> None:
    assert set(both) == {"en", "hi"}
    for english, hindi in zip(both["en"], both["hi"], strict=True):
        assert [holes(text) for text in texts(english)] == [holes(text) for text in texts(hindi)]
        assert all(texts(english))
        assert all(texts(hindi))
        if isinstance(english, dict) and isinstance(hindi, dict):
            assert list(english) == list(hindi)


@pytest.mark.parametrize("both", ALL)
def test_hindi_is_not_english(both: Mapping[str, tuple[object, ...]]) -> None:
    same = [a for a, b in zip(both["en"], both["hi"], strict=True) if a == b]
    assert same == []


@pytest.mark.parametrize("both", ALL)
def test_nobody_shouts_or_begs(both: Mapping[str, tuple[object, ...]]) -> None:
    for text in [text for value in both["en"] for text in texts(value)]:
        assert "!" not in text
        assert "please" not in text.lower()


def test_every_state_fault_and_alarm_has_a_word() -> None:
    for words in WORDS.values():
        assert set(words.states) == set(WORST_FIRST)
        assert set(words.faults) == {quality.value for quality in Quality} - {Quality.OK}
        assert set(words.alarms) == {kind.value for kind in AlarmKind}


def test_each_language_leads_to_the_other() -> None:
    for language, words in WORDS.items():
        assert words.language == language
        assert words.other_language in WORDS
