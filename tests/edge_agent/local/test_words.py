from __future__ import annotations

from edge_agent.local.words import WORDS, Words


def test_both_languages_say_everything() -> None:
    assert set(WORDS) == {"en", "hi"}
    for language, words in WORDS.items():
        assert words.language == language
        assert words.other_language in WORDS
        assert all(words)
        assert set(words.states) == set(WORDS["en"].states)


def test_hindi_is_not_english() -> None:
    assert all(getattr(WORDS["en"], field) != getattr(WORDS["hi"], field) for field in Words._fields)


def test_sentences_take_their_numbers() -> None:
    for words in WORDS.values():
        for sentence in (words.seconds_ago, words.minutes_ago, words.hours_ago, words.minutes, words.more):
            assert "7" in sentence.format(7)
        assert words.limits.format(2, 8).endswith("8")
