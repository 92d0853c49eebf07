from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, get_args

import pytest

from sheetal.contracts.limits import Side
from sheetal.contracts.problem import FileProblem
from sheetal.ledger.appliance_models import Kind, load_models
from sheetal.ledger.asset_tables import appliance
from tests.sheetal.ledger.catalogue_kit import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {one.id: one for one in load_models()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(FOLDER / "appliances.toml", tmp_path)
    return tmp_path


def spoil(folder: Path, before: str, after: str) -> None:
    text = (folder / "appliances.toml").read_text()
    assert before in text
    (folder / "appliances.toml").write_text(text.replace(before, after, 1))


def test_the_kinds_are_the_ledgers() -> None:
    (kinds,) = [str(one.sqltext) for one in appliance.constraints if str(one.name).endswith("kind")]  # type: ignore[attr-defined]  # a CHECK
    assert all(f"'{kind}'" in kinds for kind in get_args(Kind))


def test_what_appliances_are_kept_at() -> None:
    kept = {name: (one.range.centi_celsius_min, one.range.centi_celsius_max) for name, one in MODELS.items()}
    assert kept == {
        "ilr": (200, 800),
        "walk-in-cooler": (200, 800),
        "deep-freezer": (-2_500, -1_500),
        "ultra-low-freezer": (-9_000, -6_000),
        "cold-box": (200, 800),
        "vaccine-carrier": (200, 800),
    }


def test_alarm_rules_are_the_device_rules() -> None:
    rules = {
        (name, alarm.side): (alarm.limit_centi_celsius, alarm.inclusive, alarm.minutes)
        for name, one in MODELS.items()
        for alarm in one.alarm
    }
    assert rules["ilr", Side.HOT] == rules["walk-in-cooler", Side.HOT] == (800, False, 600)
    assert rules["ilr", Side.COLD] == rules["walk-in-cooler", Side.COLD] == (-50, True, 60)
    assert rules["deep-freezer", Side.HOT] == (-1_500, False, 60)
    assert rules["ultra-low-freezer", Side.COLD] == (-9_000, False, 60)
    assert rules["ultra-low-freezer", Side.HOT] == (-6_000, False, 60)
    assert len(rules) == 7


@pytest.mark.parametrize("name", MODELS)
def test_no_holdover_and_no_cold_life_is_made_up(name: str) -> None:
    assert (MODELS[name].holdover, MODELS[name].cold_life) == (None, None)


def test_a_sourced_holdover_is_read(copy: Path) -> None:
    sourced = "\n[model.holdover]\nminutes = 2880\nsource = { citation = 'a PQS sheet', confidence = 'high' }\n"
    spoil(copy, '\n[[model]]\nid = "walk-in-cooler"', f'{sourced}\n[[model]]\nid = "walk-in-cooler"')
    holdover = load_models(copy)[0].holdover
    assert holdover is not None
    assert (holdover.minutes, holdover.source.citation) == (2_880, "a PQS sheet")


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('verified"\nconfidence = "medium"', 'verified"\nconfidence = "sure"', "model[0].range.source.confidence"),
        ('citation = "30-day logger default', 'citation = "" # "', "model[0].alarm[0].source.citation"),
        ('kind = "ilr"', 'kind = "cellar"', "model[0].kind"),
        ('id = "walk-in-cooler"', 'id = "ilr"', "model[0].id"),
        ("centi_celsius_max = 800", "centi_celsius_max = 200", "model[0].range.centi_celsius_max"),
        ("minutes = 600", "minutes = 0", "model[0].alarm[0].minutes"),
        ('kind = "ilr"', 'kind = "ilr"\nholdover_hours = 4', "model[0]"),
        ('kind = "ilr"', 'kind = "ilr"\nholdover = { minutes = 5 }', "model[0].holdover"),
    ],
)
def test_a_bad_model_is_refused_with_file_and_key(copy: Path, before: str, after: str, key: str) -> None:
    spoil(copy, before, after)
    with pytest.raises(FileProblem, match=r"appliances\.toml") as caught:
        load_models(copy)
    assert caught.value.facts["key"] == key
