"""Logger files through outbox, broker, ingest and store of a running district, and what its portal answers."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from demo.broker import ROOT
from demo.people import Person
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import telemetry
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.judgement_tables import verdict
from sheetal.readings.connect import open_readings
from tests.edge_agent.exports import REAL, Day, export
from tests.journeys.evidence import FAR_MS

if TYPE_CHECKING:
    from pathlib import Path

    from demo.district import District

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

KOLKATA = ZoneInfo("Asia/Kolkata")
SERIAL = "990000000001"
REPLAY_SECONDS_MAX = 120.0


class Replayed(NamedTuple):
    code: int
    told: str


def replay(live: District, *arguments: str) -> Replayed:
    """The command, as a person at a gateway types it."""
    command = [sys.executable, "-m", "edge_agent", "replay", *arguments]
    ended = subprocess.run(
        [*command, "--config", str(live.plan.gateways / "gw-replay.toml")],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=REPLAY_SECONDS_MAX,
        check=False,
    )
    assert ended.stderr == "", ended.stderr
    return Replayed(ended.returncode, ended.stdout)


def stored(live: District, sensor: str) -> list[tuple[int, int | None]]:
    with closing(open_readings(live.readings.url)) as store:
        return [(one.measured_at_ms, one.centi_celsius) for one in store.read(sensor, 0, FAR_MS)]


def exposure(live: District, sensor: str, from_ms: int, until_ms: int) -> Any:  # noqa: ANN401 - JSON
    """What an officer's program is answered."""
    with Person(live.portal_url, "officer", live.password) as officer:
        return officer.ask(f"/api/v1/sensors/{sensor}/exposure", from_ms=from_ms, until_ms=until_ms)


def days(live: District, sensor: str) -> list[Any]:
    with closing(open_telemetry(live.plan.telemetry)) as store, store.read() as connection:
        return telemetry.day_summaries(connection, sensor, 0, FAR_MS)


def verdicts_that_name(live: District, sensor: str) -> int:
    with live.ledger.read() as connection:
        query = select(func.count()).select_from(verdict).where(verdict.c.evidence.contains(sensor))
        return int(connection.execute(query).scalar_one())


def local_ms(text: str, zone: ZoneInfo = KOLKATA) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1_000)


def celsius(text: str) -> int:
    return round(float(text) * 100)


def by_product(report: dict[str, Any]) -> dict[str, str]:
    return {line["product"]: line["finding"] for line in report["what_if"]}


def clock_of(minute: int) -> str:
    return f"2026-03-01 {10 + minute // 60:02d}:{minute % 60:02d}"


def test_a_loggers_readings_come_back_as_runs_and_what_if_verdicts(live: District, tmp_path: Path) -> None:
    serial = "990000000101"
    values = {minute: "-1.5" if 20 <= minute <= 100 else "+4.0" for minute in range(0, 125, 5)}
    lines = "".join(f"\t{clock_of(minute)}\t{value.lstrip('+')}\n" for minute, value in values.items())
    path = tmp_path / "frozen.txt"
    path.write_text(export(Day("2026-03-01", low="-1.5"), rows=lines).replace(SERIAL, serial))
    done = replay(live, str(path))
    assert done.code == 0, done.told

    sensor = f"gw-replay.{serial}"
    assert stored(live, sensor) == [(local_ms(clock_of(minute)), celsius(value)) for minute, value in values.items()]
    report = exposure(live, sensor, local_ms(clock_of(0)), local_ms(clock_of(120)) + 1)
    assert (report["readings"], report["gaps_total"], report["centi_celsius_min"]) == (25, 0, -150)
    (run,) = [run for run in report["runs"] if run["limit_centi_celsius"] == -50]
    assert (run["minutes_confirmed"], run["minutes_possible"]) == (80, 90)
    assert (run["first_ms"], run["last_ms"]) == (local_ms(clock_of(20)), local_ms(clock_of(100)))
    assert report["mkt"]["celsius"] is not None
    findings = by_product(report)
    assert findings["covishield"] == "hold"
    assert {line["what_if"] for line in report["what_if"]} == {True}
    assert len(findings) >= 8

    assert "rows 25, day summaries 1" in done.told
    assert "all 26 are stored and acknowledged by ingest" in done.told
    assert "confirmed 80 min, possible 90 min" in done.told
    assert "what-if, written nowhere" in done.told
    assert verdicts_that_name(live, serial) == 0


def test_a_file_of_day_summaries_alone_is_judged_by_its_days(live: District, tmp_path: Path) -> None:
    serial = "990000000102"
    frozen = Day("2026-03-01", low="-3.0", below="t Acc: 200, TS A: 03:30, C A: 0")
    path = tmp_path / "summary.txt"
    path.write_text(export(Day(), frozen).replace(SERIAL, serial))
    done = replay(live, str(path))
    assert done.code == 0, done.told

    sensor = f"gw-replay.{serial}"
    assert stored(live, sensor) == []
    kept = {day.starts_at_ms: day for day in days(live, sensor)}
    assert set(kept) == {local_ms("2026-03-01 00:00"), local_ms("2026-03-02 00:00")}
    first = kept[local_ms("2026-03-01 00:00")]
    assert (first.centi_celsius_min, first.minutes_below) == (-300, 200)
    assert first.low_alarm_at_ms == local_ms("2026-03-01 03:30")
    report = exposure(live, sensor, first.starts_at_ms, first.ends_at_ms)
    assert report["readings"] == 0
    assert len(report["day_summaries"]) == 1
    assert by_product(report)["covishield"] == "hold"
    assert "rows 0, day summaries 2" in done.told
    assert "200 min below" in done.told
    assert "low alarm 03:30" in done.told


def test_a_damaged_file_is_named_by_its_line_and_loses_nothing_good(live: District, tmp_path: Path) -> None:
    path = tmp_path / "damaged-log.csv"
    path.write_text("time,celsius\n2026-03-01 10:00,4.5\n2026-03-01 10:05,warm\n2026-03-01 10:10,4.7\nnever,4.8\n")
    done = replay(live, str(path))
    assert done.code == 1
    assert re.findall(r"problem: .*line (\d+)", done.told) == ["3", "5"]
    expected = [(local_ms("2026-03-01 10:00"), 450), (local_ms("2026-03-01 10:10"), 470)]
    assert stored(live, "gw-replay.damaged-log") == expected
    assert "all 2 are stored and acknowledged" in done.told


def test_the_same_file_again_changes_nothing(live: District, tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("time,celsius\n" + "".join(f"{clock_of(minute)},5.{minute % 10}\n" for minute in range(50)))
    first = replay(live, str(path))
    kept = stored(live, "gw-replay.twice")
    second = replay(live, str(path))
    assert (first.code, second.code) == (0, 0)
    assert len(kept) == 50
    assert stored(live, "gw-replay.twice") == kept
    assert first.told.partition("\n\n")[2] == second.told.partition("\n\n")[2]


@pytest.mark.stack
def test_a_real_loggers_stored_readings(live: District) -> None:
    path = REAL / "fridge-tag-2L-excerpt.txt"
    done = replay(live, str(path))
    assert done.code == 0, done.told
    lines = re.findall(r"^\t(20\d\d-\d\d-\d\d \d\d:\d\d)\t(-?\d+\.\d)", path.read_text(), re.MULTILINE)
    assert stored(live, "gw-replay.130500109088") == [(local_ms(at), celsius(value)) for at, value in lines]
    assert len(lines) == 24
    report = exposure(live, "gw-replay.130500109088", local_ms(lines[0][0]), local_ms(lines[-1][0]) + 1)
    assert report["readings"] == 24
    assert report["centi_celsius_max"] == max(celsius(value) for _, value in lines)


@pytest.mark.stack
def test_a_real_export_of_summaries_alone(live: District) -> None:
    path = REAL / "fridge-tag-2-160400343949_202503171012.txt"
    done = replay(live, str(path))
    assert done.code == 0, done.told
    text = path.read_text()
    dates = re.findall(r"^  Date: (\S+)", text, re.MULTILINE)
    lowest = [celsius(value) for value in re.findall(r"^  Min T: ([+-]?[\d.]+)", text, re.MULTILINE)]
    kept = days(live, "gw-replay.160400343949")
    (activated,) = re.findall(r"TS Actv: (\S+ \S+)", text)
    begins = {max(local_ms(f"{date} 00:00"), local_ms(activated)) for date in dates}
    assert {day.starts_at_ms for day in kept} == begins, "the first day begins when the logger was switched on"
    assert sorted(day.centi_celsius_min for day in kept) == sorted(lowest)
    assert stored(live, "gw-replay.160400343949") == []
    report = exposure(live, "gw-replay.160400343949", kept[0].starts_at_ms, kept[-1].ends_at_ms)
    assert len(report["day_summaries"]) == len(dates)
    assert f"day summaries {len(dates)}" in done.told


@pytest.mark.stack
@pytest.mark.parametrize(
    ("name", "column"),
    [("transport-logger-5min.csv", "time_utc_approximate"), ("freezer-1min.csv", "iso_utc")],
)
def test_a_real_csv_arrives_row_by_row(live: District, name: str, column: str) -> None:
    done = replay(live, str(REAL / name))
    assert done.code == 0, done.told
    with (REAL / name).open(newline="") as file:
        expected = [(utc_ms(line[column]), celsius(line["celsius"])) for line in csv.DictReader(file)]
    sensor = f"gw-replay.{name.removesuffix('.csv')}"
    assert stored(live, sensor) == sorted(expected)
    report = exposure(live, sensor, expected[0][0], expected[-1][0] + 1)
    assert report["readings"] == len(expected)
    assert report["centi_celsius_min"] == min(value for _, value in expected)
    assert report["until_ms"] - report["from_ms"] > DAY_MS


@pytest.mark.stack
@pytest.mark.parametrize(
    ("name", "line"), [("fixture-invalid__malformed_temp.txt", 10), ("fixture-invalid__empty.txt", None)]
)
def test_a_broken_real_export_says_what_is_wrong(live: District, name: str, line: int | None) -> None:
    done = replay(live, str(REAL / name))
    assert done.code == 1
    assert "problem: " in done.told
    assert line is None or f"line {line}" in done.told


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000)
