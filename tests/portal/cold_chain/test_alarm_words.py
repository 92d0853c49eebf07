from __future__ import annotations

import pytest

from portal.cold_chain import alarm_words, words
from portal.cold_chain.alarm_views import CheckPage, Told, ToldLine
from portal.cold_chain.views import AlarmLine
from sheetal.ledger.alarms import AlarmEnd, Origin, ServerRule
from sheetal.ledger.mutes import KINDS, Mute
from tests.portal.conftest import NOW_MS

LINE = AlarmLine(
    id="x",
    origin="server",
    kind="no_data",
    sensor="gw-01.tvc",
    appliance="A-1",
    appliance_name="ILR-1",
    facility_id="F-101",
    facility_name="Centre",
    facility_name_hindi="केंद्र",
    began_at_ms=1,
    fired_at_ms=2,
    cleared_at_ms=None,
    extreme_centi_celsius=None,
    limit_centi_celsius=None,
    limit_minutes=None,
    acknowledged_at_ms=None,
    acknowledged_by=None,
    cause=None,
    comment=None,
    assigned_to=None,
    ended_at_ms=None,
    ended_as=None,
    ended_by=None,
)
WINDOW = Mute(
    id=1,
    facility_id="F-101",
    appliance_id=None,
    kind=None,
    from_ms=0,
    until_ms=NOW_MS,
    reason="x",
    actor="s",
    created_at_ms=0,
    ended_at_ms=None,
)


def say(text: str, **facts: object) -> str:
    return text % facts if facts else text


def test_every_kind_end_and_origin_has_its_words() -> None:
    kinds = {"freeze", "heat", "no_data"} | {rule.value for rule in ServerRule}
    assert set(alarm_words.TITLES) == set(words.ALARM_WORDS) == kinds
    assert set(alarm_words.MUTED_KINDS) == set(KINDS)
    assert set(alarm_words.ENDED) == set(AlarmEnd)
    assert set(alarm_words.ENDS) == set(AlarmEnd) - {AlarmEnd.FIXED}
    assert set(alarm_words.ORIGINS) == set(Origin)


def test_a_title_says_which_appliance_and_what() -> None:
    assert alarm_words.title(LINE, say) == "ILR-1 is silent"
    nameless = AlarmLine(**{**LINE.__dict__, "appliance_name": None, "kind": "heat"})
    assert alarm_words.title(nameless, say) == "gw-01.tvc is warm"


@pytest.mark.parametrize(
    ("kind", "facts", "expected"),
    [
        ("needs_attention", {"hot_percent": 41, "alarms": 3, "days": 30}, "Hot for 41 percent of the last 30 days"),
        (
            "spoilage_warning",
            {"minutes": 95, "minutes_low": 70},
            "1\u00a0h 35\u00a0min, maybe in 1\u00a0h 10\u00a0min,",
        ),
        ("missed_check", {}, "Nobody has read its thermometer"),
    ],
)
def test_what_a_rule_rests_on_is_one_sentence(kind: str, facts: dict[str, object], expected: str) -> None:
    assert expected in alarm_words.detail(kind, facts, "en", say)


def test_where_the_figures_say_all_nothing_is_added() -> None:
    assert alarm_words.detail("heat", {}, "en", say) == ""


@pytest.mark.parametrize(
    ("told", "mute", "expected"),
    [
        (None, None, "not told yet"),
        (None, WINDOW, "not told: muted"),
        (Told(NOW_MS, None), WINDOW, "on its way since 14:50"),
        (Told(NOW_MS, NOW_MS, 1, 3), None, "told 23\u00a0Nov 14:50, 1 of 3 people"),
        (Told(NOW_MS, NOW_MS, 3, 3), None, "told 23\u00a0Nov 14:50"),
        (Told(NOW_MS, NOW_MS), None, "told 23\u00a0Nov 14:50"),
    ],
)
def test_what_became_of_the_notice_is_said(told: Told | None, mute: Mute | None, expected: str) -> None:
    assert alarm_words.told_line(ToldLine(LINE, told, mute), "en", say) == expected


@pytest.mark.parametrize(
    ("ended_as", "comment", "field"),
    [("fixed", "x", "ended_as"), ("", "x", "ended_as"), ("sensor_fault", " ", "end_comment")],
)
def test_an_end_needs_its_kind_and_a_comment(ended_as: str, comment: str, field: str) -> None:
    problem = alarm_words.end_problem(ended_as, comment)
    assert problem is not None
    assert problem.facts["field"] == field
    assert alarm_words.end_problem("lost_contact", "mast fell") is None


def test_a_check_is_prepared_from_what_the_sensors_said() -> None:
    page = CheckPage(
        appliance=None,  # type: ignore[arg-type]  # not looked at here
        facility=None,  # type: ignore[arg-type]  # nor this
        since_ms=0,
        low=-34,
        high=None,
        readings_answer=True,
        due_at_ms=1,
        missed_at_ms=None,
        checks=[],
    )
    prepared = alarm_words.prepared_check(page, "2026-11-23T14:20")
    assert prepared == {"at": "2026-11-23T14:20", "now": "", "low": "-0.3", "high": "", "initials": "", "done": ""}
