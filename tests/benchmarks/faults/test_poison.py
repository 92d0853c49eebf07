from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import poison, poison_count
from benchmarks.faults.fleet import Fleet
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import EMBEDDED, SERVER, wait_for
from benchmarks.faults.poison import Seen
from benchmarks.faults.poison_flood import Flood
from benchmarks.faults.poison_place import Place, place
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WELL = Seen(
    capacity=1_000,
    clean_seconds=0.1,
    flooded_seconds=0.2,
    delivered_share=0.99,
    grown_bytes=1_000,
    flood_per_second=250,
)


@pytest.mark.timeout(600)
def test_every_hostile_message_meets_its_fate_and_no_good_reading_is_lost() -> None:
    assert poison.run(0, plain(poison.FULL), EMBEDDED, is_judged=False) == 0


@pytest.mark.stack
@pytest.mark.timeout(900)
def test_so_it_is_over_mosquitto_and_influxdb() -> None:
    assert poison.run(100_000, stack(poison.FULL), SERVER, is_judged=False) == 0


@pytest.fixture
def plan() -> Plan:
    return Plan(now_ms() - DAY_MS, gateways=20, messages_per_second=40.0)


@pytest.fixture
def ground(tmp_path: Path, plan: Plan) -> Iterator[Place]:
    with place(tmp_path, EMBEDDED, plan) as made:
        yield made


def test_what_does_not_meet_its_fate_is_told(ground: Place, plan: Plan) -> None:
    with Flood(ground.port, 0, 200) as flood, Fleet(plan, ground.port) as fleet:
        flood.wait_until_ready()
        seen = poison.play(ground, fleet, flood, None)
        due = poison_count.due(0, 200, now_ms())
        assert poison.settled(ground, fleet, due) == []
        assert poison.of_the_process(ground, seen) == []
        due.letters["bad_json"] -= 1
        due.readings += 1
        told = "; ".join(poison.settled(ground, fleet, due))
    assert "letters for bad_json" in told
    assert "rows of mad gateways" in told


def test_full_speed_goes_on_as_fast_as_it_is_answered(
    ground: Place, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poison, "RAMP_SECONDS", 0.3)
    monkeypatch.setattr(poison, "CAPACITY_SECONDS", 1.0)
    with Fleet(plan, ground.port) as fleet:
        capacity = poison.full_speed(fleet)
        assert capacity > 0
        assert fleet.outboxes.pending == 0
        assert fleet.outboxes.settled < 100_000
        fleet.make(40.0)
        assert wait_for(lambda: poison.window(fleet, 0.5) > 0, 30)


def test_a_dead_or_talkative_or_swollen_ingest_is_told(ground: Place) -> None:
    assert poison.of_the_process(ground, WELL) == []
    grown = WELL._replace(grown_bytes=2 * poison.GROWN_BYTES_MAX)
    assert poison.of_the_process(ground, grown) == ["ingest grew by 100 MiB"]
    assert poison.of_the_process(ground, grown._replace(capacity=0)) == []
    with (ground.folder / f"ingest-{ground.ingest.health_port}.log").open("a") as log:
        log.write("{}\n" * 1_000)
    assert "logged" in poison.of_the_process(ground, WELL)[0]
    ground.ingest.kill()
    assert poison.of_the_process(ground, WELL)[0] == "ingest is not well"


def test_what_is_late_is_judged_by_the_clean_run_beside_it() -> None:
    assert WELL.problems() == []
    assert WELL._replace(flooded_seconds=0.219).problems() == []
    assert WELL._replace(flooded_seconds=0.23).problems() == ["p99 went from 0.100 s to 0.230 s"]
    assert WELL._replace(delivered_share=0.949).problems() == ["only 94.9% in time"]
    assert "capacity 1,000 messages/s" in str(WELL)


def test_all_of_a_group_fails_with_any_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[tuple[int, int, float | None]] = []

    def group(first: int, count: int, _kind: str, flood_share: float | None) -> list[str]:
        played.append((first, count, flood_share))
        return ["lost"] if first else []

    monkeypatch.setattr(poison, "group", group)
    assert poison.run(0, 2 * poison.GROUP + 5) == poison.GROUP + 5
    assert [count for _, count, _ in played] == [poison.GROUP, poison.GROUP, 5]
    assert {share for _, _, share in played} == {poison.FLOOD_SHARE}
    assert poison.main(["0.1", "0.5"]) == 0
    assert [share for _, _, share in played[3:]] == [0.1, 0.5]
