from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import wrong_credentials
from benchmarks.faults.guarded_line import GuardedLine
from benchmarks.faults.wrong_credentials import CASES, FULL, SCENE, Case, run, while_wrong
from tests.benchmarks.faults.tiers import stack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


def test_wrong_credentials_are_refused_and_nothing_is_lost() -> None:
    assert run(0, stack(FULL)) == 0


def test_the_full_count_tries_every_case() -> None:
    assert len(CASES) <= FULL


def test_a_gateway_that_is_let_in_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_credentials, "WRONG_SECONDS", 3.0)
    with GuardedLine(tmp_path, SCENE) as line:
        line.start()
        problems = while_wrong(line, Case(lambda _: None, "certificate"))
    assert any("readings of the wrong gateway were stored" in problem for problem in problems)
    assert any("it did not say 'certificate'" in problem for problem in problems)
