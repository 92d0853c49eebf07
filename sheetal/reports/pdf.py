"""The month as a PDF of A4 pages, English and Hindi, set by typst: the only module that knows it.

The same figures always give the same bytes: the date inside is the month's end, never the moment of making. Where the
machine has no font for Devanagari the Hindi is left out, since boxes help nobody.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import typst

from sheetal.reports.words import NONE, WORDS, degrees, month_name, share

if TYPE_CHECKING:
    from sheetal.reports.month import MonthReport, SensorMonth

TEMPLATE = Path(__file__).with_name("month.typ")
DEVANAGARI = ("Noto Sans Devanagari", "Noto Serif Devanagari", "Lohit Devanagari", "Mangal", "Nirmala UI")
_one_at_a_time = Lock()


def to_pdf(report: MonthReport) -> bytes:
    """The file's bytes."""
    made_at = datetime.fromtimestamp(report.until_ms / 1_000, UTC)
    with _one_at_a_time:
        made = _compiler().compile(
            format="pdf",
            sys_inputs={"report": json.dumps(facts(report, with_hindi=bool(hindi_fonts())), ensure_ascii=False)},
            timestamp=round(made_at.timestamp()),
        )
    if not isinstance(made, bytes):
        raise TypeError("typst gave no single file")
    return made


def facts(report: MonthReport, *, with_hindi: bool) -> dict[str, object]:
    """All that the page says, as texts."""
    english_month, hindi_month = month_name(report.period)
    return {
        "hindi": with_hindi,
        "fonts": list(hindi_fonts()),
        "words": {name: list(both) for name, both in WORDS.items()},
        "facility": [f"{report.facility.name} ({report.facility.id})", report.facility.name_hindi],
        "district": report.facility.district_name,
        "month": [english_month, hindi_month],
        "is_over": report.is_over,
        "share": share(report.in_range_permille),
        "alarms": str(sum(report.alarms.values())),
        "holds": str(report.holds),
        "rows": [_row(one) for one in report.sensors],
    }


@cache
def hindi_fonts() -> tuple[str, ...]:
    """The fonts for Devanagari that this machine has."""
    there = {family.lower() for family in typst.Fonts(include_system_fonts=True).families()}
    return tuple(name for name in DEVANAGARI if name.lower() in there)


@cache
def _compiler() -> typst.Compiler:
    """Made once: it reads all fonts."""
    return typst.Compiler(str(TEMPLATE))


def _row(one: SensorMonth) -> list[str]:
    return [
        f"{one.appliance_name}\n{one.sensor_id}",
        f"{degrees(one.centi_celsius_low)} – {degrees(one.centi_celsius_high)}",
        share(one.in_range_permille),
        f"{one.minutes_cold:,}",
        f"{one.minutes_hot:,}",
        f"{one.minutes_unknown:,}",
        NONE
        if one.centi_celsius_min is None
        else f"{degrees(one.centi_celsius_min)} – {degrees(one.centi_celsius_max)}",
        str(one.alarms),
        str(one.checks),
    ]
