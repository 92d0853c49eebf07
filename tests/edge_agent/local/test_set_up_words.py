from __future__ import annotations

from edge_agent.local.set_up_words import SET_UP_WORDS
from sheetal.contracts.twin import TwinState


def test_both_languages_are_there() -> None:
    assert set(SET_UP_WORDS) == {"en", "hi"}


def test_every_twin_state_has_a_word() -> None:
    for words in SET_UP_WORDS.values():
        assert set(words.twin_states) == {state.value for state in TwinState}
