from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import FileProblem
from sheetal.ledger import stock
from sheetal.ledger.programme import SHIPPED_FOLDER, load_programme
from sheetal.thermal.life import PROGRAMME
from tests.sheetal.ledger.catalogue_kit import FOLDER, SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

DECIDED = 'decided_by = "medical officer in charge of the immunisation programme, 2026-11-23"'
DAY_MINUTES = 24 * 60


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(FOLDER / "programme.toml", tmp_path)
    return tmp_path


def spoil(folder: Path, before: str, after: str) -> None:
    text = (folder / "programme.toml").read_text()
    assert before in text
    (folder / "programme.toml").write_text(text.replace(before, after, 1))


def refused(folder: Path) -> str:
    with pytest.raises(FileProblem, match=r"programme\.toml") as caught:
        load_programme(folder)
    return str(caught.value.facts["key"])


def test_the_settings_that_services_read() -> None:
    assert SHIPPED.programme == "IN" == PROGRAMME, "whose open-vial times judge"
    assert SHIPPED.release_second_person_above_doses == 100
    assert SHIPPED.checks_at_minutes_of_day == [480, 1_020]
    assert SHIPPED.check_late_minutes == 60
    assert SHIPPED.needs_attention_hot_percent == 30
    assert SHIPPED.needs_attention_alarms == 5
    assert SHIPPED.needs_attention_days == 30
    assert SHIPPED.escalate_minutes == 15
    assert SHIPPED.remind_minutes == 30
    assert SHIPPED.assess_within_minutes == DAY_MINUTES


def test_the_shipped_folder_is_the_default() -> None:
    assert SHIPPED_FOLDER == FOLDER
    assert load_programme() == SHIPPED


def test_the_time_a_packed_carrier_is_believed_in_is_the_ledgers() -> None:
    assert SHIPPED.packed_carrier_minutes * MINUTE_MS == stock.COLD_LIFE_MS_UNSOURCED == 8 * HOUR_MS


def test_two_checks_on_time_keep_the_gate_open_through_night_and_day() -> None:
    """A record is believed for 16 hours; a check as late as allowed still comes before they have passed."""
    morning, evening = SHIPPED.checks_at_minutes_of_day
    longest = max(evening - morning, morning + DAY_MINUTES - evening) + SHIPPED.check_late_minutes
    assert longest * MINUTE_MS <= stock.RECORD_BOUND_MS


@pytest.mark.parametrize("key", SHIPPED.sources)
def test_every_setting_says_where_from_and_who_decided(key: str) -> None:
    source = SHIPPED.sources[key]
    assert source.citation
    assert source.default_of == "programme"
    assert "medical officer" in str(source.decided_by)


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('default_of = "programme"', "", "default_rule[0].source"),
        (DECIDED, "", "default_rule[0].source"),
        (DECIDED, 'decided_by = "2026-11-23"', "default_rule[0].source.decided_by"),
        (DECIDED, 'decided_by = "medical officer, soon"', "default_rule[0].source.decided_by"),
        ("minutes = 60", "", "default_rule[0]"),
        ('side = "cold"', 'side = "left"', "default_rule[0].side"),
        ("escalate_minutes = 15", "escalate_minutes = 0", "escalation.escalate_minutes"),
        ("escalate_minutes = 15", "", "escalation"),
        ("hot_percent = 30", "hot_percent = 100", "needs_attention.hot_percent"),
        ("second_person_above_doses = 100", "second_person_above_doses = -1", "release.second_person_above_doses"),
        ("within_minutes = 1440", 'within_minutes = "a day"', "assessment.within_minutes"),
        ('"08:00", "17:00"', '"17:00", "08:00"', "checks.at"),
        ('"08:00", "17:00"', '"08:00", "08:00"', "checks.at"),
        ('"08:00", "17:00"', '"8 in the morning"', "checks.at"),
        ('"08:00", "17:00"', "", "checks.at"),
        ("late_minutes = 60", "late_minutes = 60\ncolour = 1", "checks"),
        ("open_vial_minutes = 240", "open_vial_hours = 4", "narrow[0]"),
        ('programme = "IN"', "", "the file"),
    ],
)
def test_a_bad_setting_is_refused_with_its_key(copy: Path, before: str, after: str, key: str) -> None:
    spoil(copy, before, after)
    assert refused(copy) == key


def test_a_narrowing_needs_a_source_and_a_decision_too(copy: Path) -> None:
    path = copy / "programme.toml"
    head, _, tail = path.read_text().partition("[[narrow]]")
    path.write_text(f"{head}[[narrow]]{tail.replace(DECIDED, '', 1)}")
    assert refused(copy) == "narrow[0].source"


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == "the file"
