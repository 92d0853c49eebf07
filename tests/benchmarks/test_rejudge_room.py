from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.rejudge_room import (
    DELIVERIES,
    EVERY_MS,
    LATE_FROM_MS,
    NOW_MS,
    PRODUCTS,
    ROOM,
    SENSORS,
    furnish,
    hours_of,
    late_hour,
)
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import assets, stock
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.schema import upgrade

if TYPE_CHECKING:
    from pathlib import Path


def test_the_room_holds_its_deliveries(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "telemetry")]
    upgrade(*urls)
    with closing(open_ledger(urls[0])) as ledger:
        furnish(ledger, 2)
        with ledger.read() as conn:
            found = stock.holdings_in(conn, ROOM, 0)
            begun = {stock.own_stays(conn, one.id)[0].from_ms for one in found}
            spans = assets.sensors_of(conn, ROOM, 0, NOW_MS)
    assert (len(found), len(begun)) == (2 * DELIVERIES, DELIVERIES)
    assert {one.product_id for one in found} == set(PRODUCTS)
    assert max(begun) < LATE_FROM_MS
    assert {span.sensor: span.position for span in spans} == SENSORS


def test_the_late_hours_are_missing_and_no_others() -> None:
    for rows in hours_of(2):
        instants = [row.measured_at_ms for row in rows]
        gaps = [earlier for earlier, later in pairwise(instants) if later - earlier > EVERY_MS]
        assert gaps == [LATE_FROM_MS - EVERY_MS, LATE_FROM_MS + DAY_MS - EVERY_MS]
        assert all(200 <= (row.centi_celsius or 0) <= 800 for row in rows)


def test_a_late_hour_was_warm_for_some_of_its_minutes() -> None:
    rows = late_hour(1)
    assert rows[0].measured_at_ms == LATE_FROM_MS + DAY_MS
    assert rows[-1].measured_at_ms == LATE_FROM_MS + DAY_MS + HOUR_MS - EVERY_MS
    assert sum((row.centi_celsius or 0) > 800 for row in rows) == 5
