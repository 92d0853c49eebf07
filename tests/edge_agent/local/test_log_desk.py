from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from edge_agent.local.days import instant
from edge_agent.local.log_desk import READINGS_A_PAGE, rule_of
from tests.edge_agent.kit import MINUTE_MS, T0_MS
from tests.edge_agent.local.kit import ILR, INDIA, Stage, probe, setting, stage, well_formed

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 9, 21)
NOON_MS = instant(TODAY, 12, INDIA)
SENSOR = "gw-t.ilr1-tvc"


@pytest.fixture
def here(tmp_path: Path) -> Stage:
    return stage(tmp_path, [probe(460), probe(500, setting("b", "ILR-2"))])


def fill(here: Stage, count: int = 250, value: int = 450) -> None:
    for minute in range(count):
        here.memory.put(SENSOR, NOON_MS + minute * MINUTE_MS, value)


def shown(here: Stage, target: str) -> str:
    told = here.get(target)
    assert told.status == 200, target
    well_formed(told.body.decode())
    return told.body.decode()


def test_sixty_days_of_one_probe(here: Stage) -> None:
    fill(here)
    here.memory.put(SENSOR, NOON_MS - 10 * 86_400_000, 990)
    told = shown(here, f"/gw/log?probe={SENSOR}")
    for fact in (
        "60 days: ILR-1",
        "2026-09-21",
        "2026-09-11",
        "9.9",
        "4.5",
        "<svg",
        "Hatched: unknown",
        "Asia/Kolkata",
    ):
        assert fact in told
    assert "2026-09-10" not in told
    assert "aria-current=page" in told


def test_a_day_with_its_readings_in_pages(here: Stage) -> None:
    fill(here, 250)
    here.memory.put(SENSOR, NOON_MS + 30_000, None, 2)
    first = shown(here, f"/gw/log/day?probe={SENSOR}&day={TODAY}")
    assert "Page 1 of 3" in first
    assert "12:00:00" in first
    assert "Open circuit" in first
    assert first.count("4.50 °C") == READINGS_A_PAGE - 1
    last = shown(here, f"/gw/log/day?probe={SENSOR}&day={TODAY}&page=99")
    assert "Page 3 of 3" in last
    assert "Unknown time" in last
    assert "00:00–12:01, 12 h 1 min" in last


def test_without_readings_it_says_so(here: Stage) -> None:
    assert "Nothing was kept here yet." in shown(here, "/gw/log")
    assert "Page 1 of 1" in shown(here, f"/gw/log/day?day={TODAY}")


def test_hindi(here: Stage) -> None:
    fill(here)
    told = shown(here, f"/gw/log?probe={SENSOR}&lang=hi")
    assert '<html lang="hi">' in told
    assert "सीमा से बाहर" in told
    assert "धारीदार" in shown(here, f"/gw/log/day?probe={SENSOR}&day={TODAY}&lang=hi")


@pytest.mark.parametrize(
    "query",
    [
        "day=2026-09-22",
        "day=2026-07-01",
        "day=x",
        "day=",
        "",
        "day=2026-09-21&page=x",
        "day=2026-09-21&page=99999999999999999999999",
        "day=20260921T000000",
        "day=-0001-01-01",
        "probe=gw-t.none&day=2026-09-21",
    ],
)
def test_no_day_or_probe_that_is_not_here(here: Stage, query: str) -> None:
    told = here.get(f"/gw/log/day?{query}")
    assert told.status == (200 if "99999" in query else 404)
    well_formed(told.body.decode())


def test_a_gateway_without_probes_has_no_log(tmp_path: Path) -> None:
    assert stage(tmp_path).get("/gw/log").status == 404


def test_days_are_read_once_and_today_again(here: Stage) -> None:
    fill(here)
    shown(here, "/gw/log")
    asked = here.memory.asked
    shown(here, "/gw/log")
    assert here.memory.asked == asked
    here.moment.pass_seconds(120)
    shown(here, "/gw/log")
    assert here.memory.asked - asked <= 4
    here.moment.pass_seconds(7 * 3_600)
    shown(here, "/gw/log")
    assert here.memory.asked - asked > 100


def test_late_readings_of_an_old_day_are_seen_within_hours(here: Stage) -> None:
    fill(here)
    shown(here, "/gw/log")
    here.memory.put(SENSOR, NOON_MS - 5 * 86_400_000, -370)
    here.moment.pass_seconds(6 * 3_600)
    assert "\u22123.7" in shown(here, "/gw/log")


def test_today_is_since_midnight_and_asked_every_ten_seconds(here: Stage) -> None:
    here.memory.put(SENSOR, instant(TODAY, 0, INDIA) - 1, 100)
    here.memory.put(SENSOR, instant(TODAY, 0, INDIA), 380)
    here.memory.put(SENSOR, T0_MS - 1, 590)
    assert here.log.today(SENSOR) == (380, 590)
    here.memory.put(SENSOR, T0_MS - 2, 900)
    assert here.log.today(SENSOR) == (380, 590)
    here.moment.pass_seconds(10)
    assert here.log.today(SENSOR) == (380, 900)
    assert here.log.today("gw-t.none") is None


def test_what_is_in_range_is_the_probes_own() -> None:
    assert rule_of(ILR) == (200, 800, 3 * MINUTE_MS)


@pytest.mark.parametrize("at_ms", [0, 5_000, -1, 946_684_800_000])
def test_a_gateway_without_a_clock_still_shows_its_pages(here: Stage, at_ms: int) -> None:
    here.moment.at_ms = at_ms
    for target in ("/gw", "/gw/log", f"/gw/log?probe={SENSOR}", "/gw/log/day?day=1970-01-01"):
        assert here.get(target).status in {200, 404}, target
