from __future__ import annotations

from edge_agent.local.log_words import LOG_WORDS


def test_both_languages_are_there() -> None:
    assert set(LOG_WORDS) == {"en", "hi"}
