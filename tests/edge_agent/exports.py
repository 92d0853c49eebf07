"""Made-up Fridge-tag exports, and where the real ones are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
KOLKATA = ZoneInfo("Asia/Kolkata")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


class Day(NamedTuple):
    date: str = "2026-03-02"
    low: str = "+2.4"
    high: str = "+6.1"
    below: str = "t Acc: 0"
    above: str = "t Acc: 0"
    timeout: str = "0"
    events: str = "0"
    checked: str = ""


def block(number: int, day: Day) -> str:
    return (
        f" {number}:\n"
        f"  Date: {day.date}\n"
        f"  Min T: {day.low}, TS Min T: 06:15\n"
        f"  Max T: {day.high}, TS Max T: 14:40\n"
        "  Avrg T: +4.1\n"
        "  Alarm:\n"
        "   0:\n"
        f"    {day.below}\n"
        "   1:\n"
        f"    {day.above}\n"
        "  Int Sensor timeout:\n"
        f"   t AccST: {day.timeout}\n"
        f"  Events: {day.events}\n"
        f"{day.checked}"
    )


HEAD = """Device: Q-tag Fridge-tag 2 L
Vers: 0.5
Fw Vers: 4.0p0o
Sensor: 1
Conf:
 Serial: 990000000001
 Lot: made up
 Temp unit: C
 Alarm:
  0:
   T AL: -0.5, t AL: 60
  1:
   T AL: +8.0, t AL: 600
 Int Sensor:
  Timeout: 1, Offset: +0.0
 Logging Interval: 5
 Test Res: 1, Test TS: 2026-01-02 08:00
Hist:
 TS Actv: 2026-02-20 09:30
 TS Report Creation: 2026-03-02 17:00
"""

TAIL = """Cert:
 Vers: 1.0
 Issuer: Nobody, Nowhere & Co.
Sig: 00ff
"""


def export(*days: Day, rows: str = "", tail: str = TAIL) -> str:
    history = "".join(block(number, day) for number, day in enumerate(days, start=1))
    data = f"Data:\n\tyyyy-MM-dd hh:mm\tT\tOut of limits\n{rows}" if rows else ""
    return HEAD + history + data + tail


def line_of(text: str, part: str) -> int:
    """The 1-based number of the first line that holds a part."""
    return next(number for number, line in enumerate(text.split("\n"), start=1) if part in line)
