from __future__ import annotations

from edge_agent.local_words import WORDS, Words


def test_both_languages_say_everything() -> None:
    assert set(WORDS) == {"en", "hi"}
    for language, words in WORDS.items():
        assert words.language == language
        assert words.other_language in WORDS
        assert all(words)
        assert set(words.states) == set(WORDS["en"].states)


def test_hindi_is_not_english() -> None:
    told = [field for field in Words._fields if field not in {"states", "seconds_ago", "minutes_ago", "hours_ago"}]
    assert all(getattr(WORDS["en"], field) != getattr(WORDS["hi"], field) for field in told)


def test_ages_take_one_number() -> None:
    for words in WORDS.values():
        for sentence in (words.seconds_ago, words.minutes_ago, words.hours_ago):
            assert "7" in sentence.format(7)
