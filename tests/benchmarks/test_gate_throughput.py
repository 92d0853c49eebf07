from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import gate_throughput
from benchmarks.gate_throughput import Prepared, bare_rate, captured, gate_rate, measure, prepare

if TYPE_CHECKING:
    from pathlib import Path

DOSES = 6


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return prepare(tmp_path, DOSES)


def test_each_dose_is_captured_with_its_transactions(prepared: Prepared) -> None:
    with captured() as statements:
        gate_rate(prepared)
    words = [statement.text.split()[0] for statement in statements]
    commits = [one for one in statements if one.text == "COMMIT"]
    inserts = [one for one in statements if one.text.startswith("INSERT INTO dose ")]
    assert len(inserts) == DOSES
    assert len(commits) >= DOSES
    assert {one.door for one in [*commits, *inserts]} == {"write"}
    assert words.count("BEGIN") == words.count("COMMIT") + words.count("ROLLBACK")
    with captured() as nothing:
        pass
    assert nothing == []


def test_the_replay_gives_the_same_doses_to_a_fresh_copy(prepared: Prepared) -> None:
    with captured() as statements:
        gate_rate(prepared)
    assert bare_rate(prepared, statements) > 0
    assert bare_rate(prepared, statements) > 0


def test_a_replay_that_gives_less_is_no_measure(prepared: Prepared) -> None:
    with captured() as statements:
        gate_rate(prepared)
    missing = [one for one in statements if not one.text.startswith("INSERT INTO dose ")]
    with pytest.raises(RuntimeError, match="0 doses of 6"):
        bare_rate(prepared, missing)


def test_a_small_measurement_runs_through_the_real_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_throughput, "REPEATS", 2)
    figure = measure(DOSES)
    assert len(figure.runs) == 2
    assert 0 < figure.value < 1
    assert (figure.goal, figure.better) == (0.7, "higher")
