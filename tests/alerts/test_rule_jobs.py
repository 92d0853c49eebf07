from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.rule_jobs import rule_jobs
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import alarms
from sheetal.ledger.programme import load_programme
from tests.alerts.given import FRIDGE, at
from tests.alerts.test_watch_rules import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.alerts.given import World

PROGRAMME = load_programme()


class Clock:
    """Says what it is told."""

    def __init__(self) -> None:
        self.minute = 0.0

    def __call__(self) -> int:
        return at(self.minute)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def act(world: World, clock: Clock) -> Callable[[str, float], None]:
    jobs = {job.name: job for job in rule_jobs((world.ledger, world.telemetry), world.readings, PROGRAMME, clock)}

    def act_at(name: str, minute: float) -> None:
        clock.minute = minute
        jobs[name].act()

    return act_at


def kinds(world: World) -> list[str]:
    return [notice.kind for notice in reversed(world.notices())]


def test_silence_is_raised_told_and_goes_up_by_the_programmes_minutes(
    world: World, act: Callable[[str, float], None]
) -> None:
    say(world, 0, 450)
    act("rules", 31)
    act("escalate", 31 + PROGRAMME.escalate_minutes - 1)
    assert kinds(world) == ["server_alarm"]
    act("escalate", 31 + PROGRAMME.escalate_minutes)
    assert kinds(world) == ["server_alarm", "alarm_unacknowledged"]
    act("escalate", 31 + PROGRAMME.remind_minutes)
    assert kinds(world)[2:] == ["alarm_reminder"]


def test_a_hot_month_is_flagged_by_the_programmes_bounds(world: World, act: Callable[[str, float], None]) -> None:
    world.feed((0, 60, 900), (60, 100, 450))
    act("attention", 100)
    with world.ledger.read() as conn:
        (found,) = alarms.alarms(conn)
    assert (found.kind, found.appliance_id) == ("needs_attention", FRIDGE)
    assert found.facts == {"hot_percent": 60, "alarms": 0, "days": PROGRAMME.needs_attention_days}


def test_a_store_that_is_away_is_the_clockworks_to_know(world: World, clock: Clock) -> None:
    class Away:
        def downsample(self, *_: object) -> dict[str, list[object]]:
            raise Unavailable("away")

    jobs = rule_jobs((world.ledger, world.telemetry), Away(), PROGRAMME, clock)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        next(job for job in jobs if job.name == "attention").act()


def test_each_job_is_named_once_and_turns_within_a_minute(world: World, clock: Clock) -> None:
    jobs = rule_jobs((world.ledger, world.telemetry), world.readings, PROGRAMME, clock)
    assert sorted(job.name for job in jobs) == ["attention", "escalate", "rules"]
    assert all(0 < job.every_seconds <= 60 for job in jobs)
