from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import alerts_lost_notice
from benchmarks.faults.alerts_lost_notice import group
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_depends_on_a_wake_up() -> None:
    assert alerts_lost_notice.run(0, plain(alerts_lost_notice.FULL)) == 0


@pytest.mark.stack
def test_nothing_depends_on_a_wake_up_in_more_tries() -> None:
    assert alerts_lost_notice.run(1_000, stack(alerts_lost_notice.FULL)) == 0


def test_an_engine_that_waits_to_be_woken_is_caught(tmp_path: Path) -> None:
    planted = "tests.benchmarks.faults.planted_waits_for_wake_up"
    # The first may fall into the look that every start begins with.
    assert group(tmp_path, 0, 2, 4.0, planted) >= 1
