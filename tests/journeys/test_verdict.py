"""A real logger's file becomes a verdict: by gateway, broker, ingest and engine to its page, and back from its bundle.

Freeze-sensitive stock that travelled with the logger of a shipment, and the same stock put into a deep freezer.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from demo.broker import ROOT
from demo.people import Person
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.verdict import Finding
from sheetal.ledger import assets, holdings, judgements, stock
from sheetal.thermal import bundle as bundles
from tests.edge_agent.exports import REAL
from tests.journeys.evidence import until
from tests.journeys.test_replay import replay

if TYPE_CHECKING:
    from pathlib import Path

    from demo.district import District
    from sheetal.ledger.judgements import StoredVerdict

pytestmark = [pytest.mark.journey, pytest.mark.stack, pytest.mark.timeout(240)]

NBSP = "\u00a0"
JUDGED_SECONDS_MAX = 60.0
PAGE_SECONDS_MAX = 5.0


class Shipment(NamedTuple):
    """A file of the shared data, and what stood beside its logger."""

    file: str
    column: str
    interval_ms: int
    product: str
    finding: Finding
    disposition: Disposition
    said: tuple[str, ...]


SHIPMENTS = (
    Shipment(
        "transport-logger-5min.csv",
        "time_utc_approximate",
        5 * MINUTE_MS,
        "pentavalent",
        Finding.EXCURSION_NOTED,
        Disposition.AVAILABLE,
        ("> +8.0 °C", "295 min confirmed", "305 min possible", "305 min < 600 min → excursion noted, no hold", "VVM14"),
    ),
    Shipment(
        "freezer-1min.csv",
        "iso_utc",
        MINUTE_MS,
        "covishield",
        Finding.HOLD,
        Disposition.QUARANTINED,
        ("Frozen: at or below −0.5 °C for ", "→ hold at once", "programme-freeze", "WHO PQS device rule"),
    ),
)


def samples(shipment: Shipment) -> list[tuple[int, int]]:
    with (REAL / shipment.file).open(newline="") as file:
        return sorted((utc_ms(line[shipment.column]), celsius(line["celsius"])) for line in csv.DictReader(file))


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000)


def celsius(text: str) -> int:
    return round(float(text) * 100)


def cold_box(name: str, facility: str) -> assets.Appliance:
    return assets.Appliance(
        id=name,
        facility_id=facility,
        name="Shipment box",
        kind="cold_box",
        model="of the shared data",
        centi_celsius_min=200,
        centi_celsius_max=800,
        freeze_alarm_centi_celsius=-50,
        freeze_alarm_minutes=60,
        heat_alarm_centi_celsius=800,
        heat_alarm_minutes=600,
        alarm_source="WHO PQS device rule",
    )


def pack(live: District, shipment: Shipment, rows: list[tuple[int, int]]) -> str:
    """Stock that has stood beside the logger since its first reading."""
    stem = shipment.file.partition(".")[0]
    holding, box = f"H-{stem}", f"A-{stem}"
    now_ms = live.now_ms()
    with live.ledger.write() as conn:
        facility = assets.gateway_by_id(conn, "gw-replay").facility_id
        for name in (box, f"{box}-next"):
            assets.add_appliance(conn, cold_box(name, facility), now_ms)
        sensor = assets.Sensor(
            id=f"gw-replay.{stem}",
            gateway_id="gw-replay",
            serial=stem,
            model="logger",
            interval_ms=shipment.interval_ms,
        )
        assets.register_sensor(conn, sensor, now_ms)
        assets.assign_sensor(conn, sensor.id, box, "beside the vials", rows[0][0] - HOUR_MS, now_ms)
        lot = stock.Lot(
            id=f"{shipment.product}/{stem}",
            product_id=shipment.product,
            batch=stem,
            expires_at_ms=now_ms + 200 * DAY_MS,
        )
        stock.add_lot(conn, lot, now_ms)
        stock.receive_holding(
            conn, holding, lot.id, facility, 960, box, EvidenceKind.LOGGER_FILE, rows[0][0], now_ms, "journey"
        )
    return holding


def unpack(live: District, holding: str, at_ms: int) -> None:
    """Take the stock from beside its logger when that is read out; the stay that ends is judged whole."""
    with live.ledger.write() as conn:
        box = f"A-{holding[2:]}-next"
        holdings.move_holding(conn, holding, box, EvidenceKind.LOGGER_FILE, at_ms, live.now_ms(), "journey")


def judged(live: District, holding: str, readings: int) -> StoredVerdict:
    """The verdict on the ended stay that rests on every reading of the file."""
    found: list[StoredVerdict] = []

    def rests_on_all() -> bool:
        with live.ledger.read() as conn:
            newest = judgements.latest_verdict(conn, holding)
        if newest is None or [stay.readings for stay in newest.verdict.stays] != [readings, 0]:
            return False
        found.append(newest)
        return True

    until(rests_on_all, JUDGED_SECONDS_MAX)
    return found[0]


@pytest.mark.parametrize("shipment", SHIPMENTS, ids=lambda one: one.file)
def test_a_real_file_becomes_a_verdict_that_shows_its_work(live: District, shipment: Shipment, tmp_path: Path) -> None:
    rows = samples(shipment)
    holding = pack(live, shipment, rows)
    done = replay(live, str(REAL / shipment.file))
    assert done.code == 0, done.told
    unpack(live, holding, rows[-1][0] + shipment.interval_ms)
    stored = judged(live, holding, len(rows))
    assert stored.verdict.finding is shipment.finding
    assert live.holding(holding).disposition is shipment.disposition
    stay, _next = stored.verdict.stays
    assert (stay.centi_celsius_min, stay.centi_celsius_max) == (
        min(value for _, value in rows),
        max(value for _, value in rows),
    )

    with Person(live.portal_url, "officer", live.password) as officer:
        began = time.monotonic()
        page = unescape(officer.page(f"/cc/verdicts/{stored.id}")).replace(NBSP, " ")
        assert time.monotonic() - began < PAGE_SECONDS_MAX
        hindi = officer.page(f"/hi/cc/verdicts/{stored.id}")
        evidence = officer.ask(f"/api/v1/verdicts/{stored.id}/bundle")
    for text in (*shipment.said, f"{len(rows):,} readings", "the same result", "Same result", "logger file"):
        assert text in page, text
    assert "हिसाब दिखाएँ" in hindi
    (line, *_) = re.findall(r'<polyline class="line" points="([^"]+)"', page)
    assert len(line.split()) > 50

    path = tmp_path / f"verdict-{stored.id}.bundle.json"
    path.write_bytes(msgspec.json.encode(evidence))
    bundle = bundles.decode(path.read_bytes())
    assert [tuple(sample) for sample in bundle.stays[0].samples[f"gw-replay.{holding[2:]}"]] == rows
    command = [sys.executable, "-m", "alerts", "recompute", str(path)]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith("same\n")
    assert stored.digest in again.stdout
