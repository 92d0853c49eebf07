"""The month as CSV: one row a sensor, plain numbers with their units in the head (pure)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sheetal.reports.month import MonthReport

COLUMNS = (
    *("facility_id", "facility", "month", "month_is_over", "appliance_id", "appliance", "sensor_id"),
    *("range_low_celsius", "range_high_celsius", "readings", "known_minutes", "unknown_minutes"),
    *("below_range_minutes", "above_range_minutes", "in_range_percent", "lowest_celsius", "highest_celsius"),
    *("alarms", "checks", "facility_holdings_held"),
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv(report: MonthReport) -> str:
    """The file's text, its lines ended by CRLF (RFC 4180)."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in report.sensors:
        writer.writerow(
            [
                *(_text(report.facility.id), _text(report.facility.name), report.period, str(report.is_over).lower()),
                *(_text(one.appliance_id), _text(one.appliance_name), _text(one.sensor_id)),
                *(_decimal(one.centi_celsius_low), _decimal(one.centi_celsius_high), one.readings),
                *(one.minutes_known, one.minutes_unknown, one.minutes_cold, one.minutes_hot),
                "" if one.in_range_permille is None else f"{one.in_range_permille / 10:.1f}",
                *(_decimal(one.centi_celsius_min), _decimal(one.centi_celsius_max), one.alarms, one.checks),
                report.holds,
            ]
        )
    return out.getvalue()


def _decimal(centi_celsius: int | None) -> str:
    return "" if centi_celsius is None else f"{centi_celsius / 100:.2f}"


def _text(words: str) -> str:
    """A name as text for every spreadsheet: one that begins like a formula gets a quote before it."""
    return f"'{words}" if words.startswith(FORMULA_STARTS) else words
