from __future__ import annotations

from edge_agent.local import usb
from edge_agent.local.export_words import EXPORT_WORDS


def test_both_languages_are_there() -> None:
    assert set(EXPORT_WORDS) == {"en", "hi"}


def test_every_trouble_of_a_stick_has_a_sentence() -> None:
    for words in EXPORT_WORDS.values():
        assert set(words.problems) == {usb.FULL, usb.READ_ONLY, usb.GONE, usb.FAILED, "busy", "memory"}
