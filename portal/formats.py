"""Facts as words: temperatures, numbers, durations, ages and times, in English and Hindi (pure).

Latin digits in both languages; minus is U+2212; a no-break space stands between a number and its unit.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"
NONE = "\u2014"
INDIA = ZoneInfo("Asia/Kolkata")
SECOND_MS = 1_000
MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400
CENTI = 100
TENTH = 10

_UNITS = {
    "en": {"s": ("s", "s"), "min": ("min", "min"), "h": ("h", "h"), "d": ("d", "d")},
    "hi": {"s": ("सेकंड", "सेकंड"), "min": ("मिनट", "मिनट"), "h": ("घंटा", "घंटे"), "d": ("दिन", "दिन")},
}
_AGO = {"en": "{} ago", "hi": "{} पहले"}
_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "hi": ("जन॰", "फ़र॰", "मार्च", "अप्रैल", "मई", "जून", "जुल॰", "अग॰", "सित॰", "अक्टू॰", "नव॰", "दिस॰"),
}


def temperature(centi_celsius: int | None, *, signed: bool = False) -> str:
    """`−0.9 °C` from centi-degrees, rounded half away from zero to one decimal; an em dash for no value.

    A value that is not zero never shows as a signed zero: −0.04 °C is `0.0 °C`.
    """
    return NONE if centi_celsius is None else degrees(centi_celsius, signed=signed) + NO_BREAK_SPACE + "°C"


def degrees(centi_celsius: int, *, signed: bool = False) -> str:
    """The number of `temperature` alone, for tables whose head names the unit."""
    tenths = (abs(centi_celsius) + TENTH // 2) // TENTH
    digits = f"{tenths // TENTH}.{tenths % TENTH}"
    if tenths == 0:
        return digits
    sign = MINUS if centi_celsius < 0 else "+" if signed else ""
    return sign + digits


def limit(centi_celsius: int, *, inclusive: bool, cold: bool) -> str:
    """A hold rule's comparison as an officer reads it: `≤ −0.5 °C`, `> +8.0 °C`."""
    sign = ("≤" if inclusive else "<") if cold else ("≥" if inclusive else ">")
    return sign + NO_BREAK_SPACE + temperature(centi_celsius, signed=True)


def number(value: int | None) -> str:
    """`2,180`; an em dash for no value."""
    return NONE if value is None else f"{value:,}".replace("-", MINUS)


def percent(part: int, whole: int) -> str:
    """`89.9 %`; an em dash where the whole is zero."""
    return NONE if whole == 0 else f"{100 * part / whole:.1f}{NO_BREAK_SPACE}%"


def duration(span_ms: int, language: str = "en") -> str:
    """`42 s`, `19 min`, `1 h 44 min`, `3 d 4 h`: the two largest units, rounded down."""
    seconds = max(0, span_ms) // SECOND_MS
    if seconds < MINUTE_S:
        return _amount(seconds, "s", language)
    if seconds < HOUR_S:
        return _amount(seconds // MINUTE_S, "min", language)
    if seconds < DAY_S:
        return _two(seconds // HOUR_S, "h", seconds % HOUR_S // MINUTE_S, "min", language)
    return _two(seconds // DAY_S, "d", seconds % DAY_S // HOUR_S, "h", language)


def minutes(count: int, language: str = "en") -> str:
    """A rule's minutes, the way limits are written: up to an hour in minutes (`60 min`), above as `duration`."""
    return _amount(count, "min", language) if count <= MINUTE_S else duration(count * MINUTE_S * SECOND_MS, language)


def age(at_ms: int | None, now_ms: int, language: str = "en") -> str:
    """`42 s ago`; an em dash for never."""
    return NONE if at_ms is None else _AGO[language].format(duration(now_ms - at_ms, language))


def clock(at_ms: int | None) -> str:
    """`14:20` in Indian time."""
    return NONE if at_ms is None else _local(at_ms).strftime("%H:%M")


def clock_seconds(at_ms: int) -> str:
    """`14:20:31` in Indian time."""
    return _local(at_ms).strftime("%H:%M:%S")


def date(at_ms: int | None, language: str = "en") -> str:
    """`23 Nov 2026`, `23 नव॰ 2026`, in Indian time."""
    if at_ms is None:
        return NONE
    local = _local(at_ms)
    return f"{local.day}{NO_BREAK_SPACE}{_MONTHS[language][local.month - 1]} {local.year}"


def day(at_ms: int | None, language: str = "en", now_ms: int | None = None) -> str:
    """`23 Nov`; `23 Nov 2025` where that is not the year of `now_ms`."""
    if at_ms is None:
        return NONE
    local = _local(at_ms)
    if now_ms is not None and local.year != _local(now_ms).year:
        return date(at_ms, language)
    return f"{local.day}{NO_BREAK_SPACE}{_MONTHS[language][local.month - 1]}"


def moment(at_ms: int | None, language: str = "en", now_ms: int | None = None) -> str:
    """`23 Nov 14:20`; `23 Nov 2025 14:20` where that is not the year of `now_ms`."""
    return NONE if at_ms is None else f"{day(at_ms, language, now_ms)} {clock(at_ms)}"


def machine_time(at_ms: int) -> str:
    """The value of a `datetime` attribute: ISO 8601 in UTC."""
    return datetime.fromtimestamp(at_ms / SECOND_MS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // SECOND_MS, INDIA)


def _amount(count: int, unit: str, language: str) -> str:
    one, many = _UNITS[language][unit]
    return f"{count}{NO_BREAK_SPACE}{one if count == 1 else many}"


def _two(first: int, first_unit: str, second: int, second_unit: str, language: str) -> str:
    head = _amount(first, first_unit, language)
    return head if second == 0 else f"{head} {_amount(second, second_unit, language)}"
