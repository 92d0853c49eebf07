from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import record, soak
from benchmarks.soak import SUITES, Suite, each, main

if TYPE_CHECKING:
    from pathlib import Path


class Tries:
    """A suite that notes what was tried and fails at certain numbers."""

    def __init__(self, *bad: int) -> None:
        self.bad = bad
        self.runs: list[tuple[int, int]] = []

    def run(self, first: int, count: int) -> int:
        self.runs.append((first, count))
        return sum(number in self.bad for number in range(first, first + count))


@pytest.fixture
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(soak, "PROGRESS", tmp_path / "soak")
    monkeypatch.setattr(soak, "FAULTS", tmp_path / "faults.json")
    monkeypatch.setattr(record, "PAGE", tmp_path / "figures.md")
    return tmp_path / "faults.json"


def install(monkeypatch: pytest.MonkeyPatch, **suites: Suite) -> None:
    monkeypatch.setattr(soak, "SUITES", {name.replace("_", ".", 1): suite for name, suite in suites.items()})


def test_a_suite_is_played_in_groups_to_its_full_count(figures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = Tries(7)
    install(monkeypatch, edge_one=Suite(10, "tried hard", tries.run, 4))
    assert main(["edge.one"]) == 1
    assert tries.runs == [(0, 4), (4, 4), (8, 2)]
    kept = json.loads(figures.read_text())["edge.one"]
    assert (kept["tried"], kept["failed"], kept["how"]) == (10, 1, "tried hard")


def test_a_broken_off_suite_goes_on_where_it_stopped(figures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(first: int, _count: int) -> int:
        if first == 4:
            raise KeyboardInterrupt
        return 1

    install(monkeypatch, edge_one=Suite(10, "", run, 4))
    with pytest.raises(KeyboardInterrupt):
        main(["edge.one"])
    assert not figures.exists()
    tries = Tries()
    install(monkeypatch, edge_one=Suite(10, "", tries.run, 4))
    assert main(["edge.one"]) == 1
    assert tries.runs == [(4, 4), (8, 2)]
    assert json.loads(figures.read_text())["edge.one"]["failed"] == 1
    assert main(["edge.one"]) == 0
    assert tries.runs[2:] == [(0, 4), (4, 4), (8, 2)]


def test_all_edge_plays_every_edge_suite_even_after_a_failure(figures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good, other = Tries(0), Tries(), Tries()
    install(monkeypatch, edge_a=Suite(1, "", bad.run), edge_b=Suite(2, "", good.run), journey_x=Suite(1, "", other.run))
    assert main(["all-edge"]) == 1
    assert (bad.runs, good.runs, other.runs) == ([(0, 1)], [(0, 1), (1, 1)], [])
    assert set(json.loads(figures.read_text())) == {"edge.a", "edge.b"}


def test_all_ingest_plays_every_ingest_suite(figures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest, edge = Tries(), Tries()
    install(monkeypatch, ingest_a=Suite(1, "", ingest.run), edge_b=Suite(1, "", edge.run))
    assert main(["all-ingest"]) == 0
    assert (ingest.runs, edge.runs) == ([(0, 1)], [])
    assert set(json.loads(figures.read_text())) == {"ingest.a"}


def test_some_tries_again_keep_nothing(figures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = Tries(31)
    install(monkeypatch, edge_one=Suite(100, "", tries.run, 10))
    assert main(["edge.one", "30", "5"]) == 1
    assert main(["edge.one", "40", "5"]) == 0
    assert tries.runs == [(30, 5), (40, 5)]
    assert not figures.exists()


@pytest.mark.parametrize("wrong", [[], ["edge.none"], ["edge.one", "two"]])
def test_a_wrong_name_is_answered_with_the_right_ones(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(wrong) == 2
    assert ", ".join(soak.SUITES) in capsys.readouterr().out


def test_single_tries_make_a_run() -> None:
    assert each(lambda number: number % 2 == 0)(3, 4) == 2


def test_every_suite_says_how_and_gives_the_counts_that_are_promised() -> None:
    least = {
        "journey.story": 10,
        "edge.kill9": 200,
        "edge.power_cut": 10_000,
        "edge.lying_broker": 10,
        "edge.partition_72h": 1,
        "edge.duplicate_reorder": 10,
        "edge.disk_full": 3,
        "edge.clock": 6,
        "edge.wrong_credentials": 4,
        "edge.forged": 1_000,
        "ingest.poison": 1_000_000,
    }
    assert all(SUITES[name].count >= count for name, count in least.items())
    assert all(len(suite.how) > 40 for suite in SUITES.values())


def test_all_alerts_plays_every_suite_of_alerts(figures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts, edge = Tries(), Tries()
    install(monkeypatch, alerts_a=Suite(1, "", alerts.run), edge_b=Suite(1, "", edge.run))
    assert main(["all-alerts"]) == 0
    assert (alerts.runs, edge.runs) == ([(0, 1)], [])
    assert set(json.loads(figures.read_text())) == {"alerts.a"}
