from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_agent.settings.clock import ClockSetting
from edge_agent.settings.file import load_settings
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.kit import write_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_defaults_ask_every_ten_minutes_and_sooner_without_a_time(tmp_path: Path) -> None:
    assert load_settings(write_settings(tmp_path)).clock == ClockSetting(
        system_is_synchronised="auto", ask_seconds=600.0, ask_unanchored_seconds=30.0
    )


def test_the_section_is_read(tmp_path: Path) -> None:
    path = write_settings(tmp_path, uplink='[clock]\nsystem_is_synchronised = "never"\nask_seconds = 5\n')
    clock = load_settings(path).clock
    assert (clock.system_is_synchronised, clock.ask_seconds) == ("never", 5.0)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('system_is_synchronised = "perhaps"', "clock.system_is_synchronised"),
        ("ask_seconds = 0", "clock.ask_seconds"),
        ("ask_seconds = 86401", "clock.ask_seconds"),
        ("ask_unanchored_seconds = 0.5", "clock.ask_unanchored_seconds"),
        ("ask_minutes = 1", "ask_minutes"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_its_key(tmp_path: Path, line: str, key: str) -> None:
    with pytest.raises(SettingProblem) as raised:
        load_settings(write_settings(tmp_path, uplink=f"[clock]\n{line}\n"))
    assert key in raised.value.message
    assert "\n" not in raised.value.message
