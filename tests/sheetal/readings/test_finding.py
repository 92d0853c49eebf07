from __future__ import annotations

import pytest

from sheetal.readings.finding import Finding, Sign, look, problem, well


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (well("it answers"), "ok       it answers"),
        (problem("it does not", "start it"), "problem  it does not → start it"),
        (look("it cannot be asked", "see yourself"), "look     it cannot be asked → see yourself"),
    ],
)
def test_a_finding_is_one_line(finding: Finding, line: str) -> None:
    assert finding.line() == line


def test_only_what_is_well_needs_no_next_step() -> None:
    assert [finding.sign for finding in (well("a"), problem("b", "c"), look("d", "e"))] == list(Sign)
