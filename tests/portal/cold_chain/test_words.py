from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.cold_chain import chart, service, words
from portal.cold_chain.rules import Standing, State, Trouble
from portal.cold_chain.snapshot import Snapshots
from portal.identity.service import Role, Staff
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.ledger.alarms import AlarmCause, ServerRule

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

OFFICER = Staff("s-1", "Officer", Role.COLD_CHAIN_OFFICER, "F-101", "en")


def say(text: str, **facts: object) -> str:
    return text % facts if facts else text


def test_every_code_has_its_word() -> None:
    assert set(words.TROUBLE_WORDS) == set(Trouble)
    assert set(words.STATE_WORDS) == set(State)
    assert set(words.STANDING_WORDS) == set(Standing)
    assert set(words.DISPOSITION_WORDS) == set(Disposition)
    assert set(words.REFUSAL_WORDS) == set(RefusalReason)
    assert set(words.CAUSES) == set(AlarmCause)
    assert set(words.EVIDENCE) == set(EvidenceKind)
    assert set(words.ALARM_WORDS) == {kind.value for kind in (*AlarmKind, *ServerRule)}
    assert set(words.SPAN_WORDS) == set(chart.SPANS)


def test_causes_have_codes_of_their_own() -> None:
    codes = [code for code, _ in words.CAUSES.values()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("cause", "comment", "field"),
    [("", "done", "cause"), ("nonsense", "done", "cause"), ("power_cut", "  ", "comment"), ("", "", "cause")],
)
def test_an_acknowledgement_says_what_is_missing(cause: str, comment: str, field: str) -> None:
    problem = words.acknowledgement_problem(cause, comment)
    assert problem is not None
    assert problem.field == field
    assert words.acknowledgement_problem("power_cut", "generator on") is None


def test_each_row_has_one_next_action_and_its_limit(seeded: Stage) -> None:
    seen = service.overview(seeded.ledger, seeded.telemetry, Snapshots(), OFFICER, seeded.now_ms)
    told = {
        row.trouble: (words.next_action(row, say), words.limit_line(row, "en", say).replace("\u00a0", " "))
        for row in seen.rows
    }
    assert told == {
        Trouble.HELD: ("Assess held stock", ""),
        Trouble.NO_DATA: ("Call facility, read display", "2 h 10 min of 4 h without data"),
        Trouble.FREEZING: ("Move stock to ILR-2", "41 min of 60 min at ≤ −0.5 °C"),
        Trouble.WARM: ("Move stock to ILR-3", "1 h 44 min of 10 h at > +8.0 °C"),
    }


def test_a_chart_goes_out_in_words_of_its_language(seeded: Stage) -> None:
    found = service.chart_of(
        seeded.ledger, seeded.readings, OFFICER, "A-102-1", chart.SPANS["24h"], None, seeded.now_ms
    )
    document = words.chart_json(found, "hi", say)
    assert document["band"] == [200, 800]
    runs = document["runs"]
    assert isinstance(runs, list)
    assert runs[-1]["text"].replace("\u00a0", " ") == "Run 2, ongoing 1 घंटा 44 मिनट"
    assert runs[0]["text"].startswith("Run 1: ")
    limits = document["limits"]
    assert isinstance(limits, list)
    assert [limit["side"] for limit in limits] == ["hot", "cold"]
    at, mean = document["at"], document["mean"]
    assert isinstance(at, list)
    assert isinstance(mean, list)
    assert len(at) == len(mean)
    assert None in mean


def test_a_hold_in_one_line(seeded: Stage) -> None:
    page = service.holding_page(seeded.ledger, seeded.telemetry, OFFICER, "H-58213", seeded.now_ms)
    assert page.verdict is not None
    line = words.hold_line(page.verdict.verdict.reached[0], say).replace("\u00a0", " ")
    assert line == "Frozen: at or below −0.5 °C for 74 min, limit 60 min"


def test_an_unexplained_gap_has_its_tone() -> None:
    assert words.trouble_tone(Trouble.NOT_JUDGED) == "nodata"
    assert words.trouble_tone(Trouble.HELD) == "held"
