from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sample import AuxSample
from edge_agent.sources.aux_news import AUX_EVERY_MS, AuxNews
from tests.edge_agent.kit import MINUTE_MS, T0_MS


def test_a_change_is_news_and_a_repetition_only_once_an_hour() -> None:
    news = AuxNews()
    assert news.of("gw.A", "TAMB", 31.0, T0_MS) == AuxSample("gw.A", T0_MS, "TAMB", 31.0)
    assert news.of("gw.A", "TAMB", 31.0, T0_MS + MINUTE_MS) is None
    assert news.of("gw.A", "TAMB", 31.1, T0_MS + MINUTE_MS) == AuxSample("gw.A", T0_MS + MINUTE_MS, "TAMB", 31.1)
    assert news.of("gw.A", "TAMB", 31.1, T0_MS + MINUTE_MS + AUX_EVERY_MS) is not None


def test_each_appliance_and_field_is_remembered_by_itself() -> None:
    news = AuxNews()
    told = [news.of(source, field, 1.0, T0_MS) for source in ("gw.A", "gw.B") for field in ("TAMB", "BEMD")]
    assert all(told)


def test_no_value_is_no_news_and_forgets_nothing() -> None:
    news = AuxNews()
    assert news.of("gw.A", "BEMD", 3.0, T0_MS)
    assert news.of("gw.A", "BEMD", None, T0_MS + 1) is None
    assert news.of("gw.A", "BEMD", 3.0, T0_MS + 2) is None


def test_a_door_or_mains_that_changes_state_is_notable_but_not_at_the_start() -> None:
    news = AuxNews()
    values = [0.0, 0.0, 5.0, 7.0, 0.0]
    told = [news.of("gw.A", "DORV", value, T0_MS + number) for number, value in enumerate(values)]
    assert [None if one is None else (one.value, one.notable) for one in told] == [
        (0.0, False),
        None,
        (5.0, True),
        (7.0, False),
        (0.0, True),
    ]
    assert AuxNews().of("gw.A", "TAMB", 0.0, T0_MS) == AuxSample("gw.A", T0_MS, "TAMB", 0.0, notable=False)


def test_a_clock_that_was_set_back_silences_nothing() -> None:
    news = AuxNews()
    assert news.of("gw.A", "BEMD", 3.0, T0_MS)
    assert news.of("gw.A", "BEMD", 3.0, T0_MS - MINUTE_MS)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2 * AUX_EVERY_MS)), max_size=30))
def test_what_is_told_says_the_value_at_every_moment(steps: list[tuple[int, int]]) -> None:
    news, at_ms, believed = AuxNews(), T0_MS, None
    for value, later_ms in steps:
        at_ms += later_ms
        told = news.of("gw.A", "CMPR", float(value), at_ms)
        believed = told.value if told else believed
        assert believed == value
