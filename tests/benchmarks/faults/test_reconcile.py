from __future__ import annotations

import pytest

from benchmarks.faults.line import Kept
from benchmarks.faults.reconcile import Witnesses, missing_numbers, reconcile
from sheetal.contracts.reading import Reading

BOOT = 1 << 32
TRUTH: dict[tuple[str, int], int | None] = {("gw.a", 1): 400, ("gw.a", 2): None}
KEPT = [Kept(BOOT, 1, "gw.a", 1, 400, 0, 1), Kept(BOOT, 2, "gw.a", 2, None, 2, 1)]
STORED = [Reading("gw.a", 1, 400, 0, BOOT, 1), Reading("gw.a", 2, None, 2, BOOT, 2)]
AGREED = Witnesses(TRUTH, KEPT, STORED, TRUTH.keys())


def test_witnesses_that_agree_have_no_problem() -> None:
    report = reconcile(AGREED)
    assert report.held
    assert str(report) == "2 true, 2 kept, 2 stored"


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (AGREED._replace(stored=STORED[:1]), "1 kept and not stored, as gw.a at 2"),
        (AGREED._replace(stored=STORED[:1]), "1 true, told and not stored, as gw.a at 2"),
        (AGREED._replace(stored=[*STORED, STORED[0]]), "1 stored more than once, as gw.a at 1"),
        (AGREED._replace(stored=[STORED[0]._replace(centi_celsius=401), STORED[1]]), "1 stored otherwise than kept"),
        (AGREED._replace(stored=[STORED[0]._replace(quality=1), STORED[1]]), "1 stored otherwise than kept"),
        (AGREED._replace(stored=[STORED[0]._replace(centi_celsius=401), STORED[1]]), "1 stored otherwise than true"),
        (AGREED._replace(kept=[KEPT[0]._replace(state=0), KEPT[1]]), "1 kept and not yet settled"),
        (AGREED._replace(kept=[KEPT[0]._replace(state=2), KEPT[1]]), "1 kept and not yet settled"),
        (AGREED._replace(kept=[KEPT[0]._replace(centi_celsius=1), KEPT[1]]), "1 kept otherwise than true"),
        (AGREED._replace(truth={("gw.a", 1): 400}), "1 kept and never true"),
        (AGREED._replace(truth={("gw.a", 1): 400}), "1 stored and never true"),
    ],
)
def test_each_disagreement_is_named(seen: Witnesses, problem: str) -> None:
    report = reconcile(seen)
    assert not report.held
    assert any(line.startswith(problem) for line in report.problems), report.problems


def test_what_was_never_kept_need_not_have_arrived_unless_it_is_due() -> None:
    assert reconcile(Witnesses(TRUTH, KEPT[:1], STORED[:1])).held


def test_examples_are_few() -> None:
    many: dict[tuple[str, int], int | None] = {("gw.a", number): 1 for number in range(100)}
    (line,) = reconcile(Witnesses(many, [], [], many.keys())).problems
    assert line.startswith("100 true, told and not stored, as gw.a at 0, gw.a at 1, gw.a at 2")
    assert "at 3" not in line


def test_a_hole_in_a_boots_numbers_is_a_vanished_item() -> None:
    assert missing_numbers([(BOOT, 1), (BOOT, 2), (2 * BOOT, 1)]) == []
    assert missing_numbers([(BOOT, 2), (2 * BOOT, 1), (2 * BOOT, 4)]) == [
        "boot 1: 1 of 2 items vanished from the outbox",
        "boot 2: 2 of 4 items vanished from the outbox",
    ]
    assert missing_numbers([]) == []
