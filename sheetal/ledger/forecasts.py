"""What each appliance heads for: written by alerts each minute, read by pages and by whoever tells people.

A row stands only while an appliance heads for a limit of the stock inside it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, select

from sheetal.contracts.disposition import USABLE
from sheetal.contracts.limits import Side
from sheetal.ledger.asset_tables import assignment
from sheetal.ledger.stock_tables import holding, lot, stay
from sheetal.ledger.upsert import replacing, upsert
from sheetal.ledger.watch_tables import forecast

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

IDS_AT_ONCE = 500
CURRENT_MS_MAX = 600_000
"""A forecast is made each minute; of an older one nobody knows whether it still holds, and it is not shown."""


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """What a forecast rests on: the sensor, its curve, the rule, and when its limit will be crossed.

    `limit_minutes` (0 while the limit is passed already) leads to the limit, the forecast's own minutes to the rule.
    `is_warning` is set once the appliance has left its usual cycle: only then are people told.
    """

    sensor: str
    rule: str
    rule_minutes: int
    limit_minutes: int
    limit_minutes_low: int
    limit_minutes_high: int | None
    is_warning: bool
    tau_minutes: int | None = None
    asymptote_centi_celsius: int | None = None
    error_centi_celsius: int | None = None
    samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Minutes from `made_at_ms` until a hold rule of the stock inside is reached, if it goes on like this.

    Low and high leave out a tenth each; high is None where the appliance may never get there.
    """

    appliance_id: str
    made_at_ms: int
    side: Side
    limit_centi_celsius: int
    minutes: int
    minutes_low: int
    minutes_high: int | None
    doses_at_risk: int
    fit: Fit

    def is_current(self, now_ms: int) -> bool:
        """Whether it was made in the last ten minutes."""
        return 0 <= now_ms - self.made_at_ms <= CURRENT_MS_MAX


@dataclass(frozen=True, slots=True)
class Kept:
    """Usable stock of one product inside an appliance, and the acts that began another stage, where there were any."""

    product_id: str
    doses: int
    thawed_at_ms: int | None
    opened_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Watched:
    """An appliance with usable stock inside: its sensors now, and what it keeps."""

    appliance_id: str
    sensors: tuple[str, ...]
    kept: tuple[Kept, ...]


def forecasts(conn: Connection, appliance_id: str | None = None) -> dict[str, Forecast]:
    """Every forecast that stands, or one appliance's, by appliance."""
    query = select(forecast)
    if appliance_id is not None:
        query = query.where(forecast.c.appliance_id == appliance_id)
    return {
        row["appliance_id"]: Forecast(
            **{
                **row,
                "side": Side(row["side"]),
                "fit": msgspec.json.decode(row["fit"], type=Fit),
            }
        )
        for row in conn.execute(query).mappings()
    }


def put_forecasts(conn: Connection, made: Sequence[Forecast]) -> None:
    """Put these in the place of their appliances' earlier ones. By alerts alone."""
    rows = [
        {
            "appliance_id": one.appliance_id,
            "made_at_ms": one.made_at_ms,
            "side": one.side.value,
            "limit_centi_celsius": one.limit_centi_celsius,
            "minutes": one.minutes,
            "minutes_low": one.minutes_low,
            "minutes_high": one.minutes_high,
            "doses_at_risk": one.doses_at_risk,
            "fit": msgspec.json.encode(one.fit, order="deterministic").decode(),
        }
        for one in made
    ]
    names = [column.name for column in forecast.columns if not column.primary_key]
    upsert(conn, forecast, rows, changes=replacing(*names))


def drop_forecasts(conn: Connection, appliance_ids: Collection[str]) -> None:
    """Take the forecasts of appliances away that head for no limit any more. By alerts alone."""
    gone = sorted(appliance_ids)
    for first in range(0, len(gone), IDS_AT_ONCE):
        conn.execute(delete(forecast).where(forecast.c.appliance_id.in_(gone[first : first + IDS_AT_ONCE])))


def watched(conn: Connection) -> list[Watched]:
    """Every appliance that has usable stock and a sensor now, in order of id."""
    sensors: dict[str, list[str]] = defaultdict(list)
    hung = select(assignment.c.appliance_id, assignment.c.sensor_id).where(assignment.c.until_ms.is_(None))
    for row in conn.execute(hung.order_by(assignment.c.appliance_id, assignment.c.sensor_id)):
        sensors[row.appliance_id].append(row.sensor_id)
    kept = _kept(conn)
    return [Watched(place, tuple(sensors[place]), tuple(kept[place])) for place in sorted(kept) if place in sensors]


def _kept(conn: Connection) -> dict[str, list[Kept]]:
    query = (
        select(
            stay.c.appliance_id,
            lot.c.product_id,
            holding.c.doses_left,
            holding.c.thawed_at_ms,
            holding.c.opened_at_ms,
        )
        .join_from(stay, holding, stay.c.holding_id == holding.c.id)
        .join(lot, holding.c.lot_id == lot.c.id)
        .where(stay.c.until_ms.is_(None), holding.c.doses_left > 0)
        .where(holding.c.disposition.in_([word.value for word in USABLE]))
        .order_by(stay.c.appliance_id, holding.c.id)
    )
    kept: dict[str, list[Kept]] = defaultdict(list)
    for row in conn.execute(query):
        kept[row.appliance_id].append(Kept(row.product_id, row.doses_left, row.thawed_at_ms, row.opened_at_ms))
    return kept
