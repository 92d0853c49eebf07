from __future__ import annotations

import pytest

from edge_agent.local.carried import FILES_SHOWN_MAX, Carried, CarriedProbe, section
from edge_agent.local.set_up_view import SetUp, Speech, set_up_page
from edge_agent.local.set_up_words import SET_UP_WORDS
from edge_agent.local.words import WORDS
from tests.edge_agent.kit import MINUTE_MS, T0_MS
from tests.edge_agent.local.kit import probe, snapshot, well_formed

READ = CarriedProbe("ILR-1", "gw-t.ilr1", T0_MS - 30 * MINUTE_MS, -1_850)


def shown(carried: Carried, language: str = "en") -> str:
    return section(WORDS[language], SET_UP_WORDS[language], carried, T0_MS)


def test_without_such_a_logger_there_is_nothing_to_show() -> None:
    assert shown(Carried()) == ""


@pytest.mark.parametrize("language", ["en", "hi"])
def test_each_is_shown_with_its_newest_reading_on_the_set_up_page(language: str) -> None:
    speech = Speech(WORDS[language], SET_UP_WORDS[language])
    carried = Carried([READ, CarriedProbe("<b>", "gw-t.new")], [("odd & old.csv", "no time column <x>")])
    set_up = SetUp("t", 9, has_command=True, pairing="gw-t", square=None, refused=(), carried=carried)
    told = set_up_page(speech, snapshot(probe(460)), set_up, "")
    well_formed(told)
    for fact in ("−18.5 °C", "gw-t.ilr1", speech.more.carried, speech.more.aside, "&lt;b&gt;", speech.words.never):
        assert fact in told
    assert speech.words.minutes_ago.format(30) in told
    assert "odd &amp; old.csv: no time column &lt;x&gt;" in told


def test_a_probe_without_a_value_has_none_to_show() -> None:
    assert "<td>—</td>" in shown(Carried([READ._replace(centi_celsius=None)]))


def test_files_put_aside_are_bounded_in_number_and_words() -> None:
    files = [(f"{number}.csv", "why " * 500) for number in range(FILES_SHOWN_MAX + 5)]
    told = shown(Carried([READ], files))
    assert told.count("<li") == FILES_SHOWN_MAX
    assert "4.csv:" not in told.replace("14.csv", "")
    assert f"{FILES_SHOWN_MAX + 4}.csv" in told
    assert len(told) < 4_000


def test_no_file_put_aside_needs_no_words() -> None:
    assert SET_UP_WORDS["en"].aside not in shown(Carried([READ]))
