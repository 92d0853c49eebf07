"""An exposure report and a logger's day summaries in words for a terminal (pure)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sheetal.contracts.limits import Side

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from edge_agent.sources.logged_file import LoggedDay
    from sheetal.contracts.limits import Source
    from sheetal.thermal.report import ExposureReport, ReportMkt, ReportRun, WhatIf

LINES_MAX = 10
"""Of gaps and of runs; the rest is counted."""
MINUTE_MS = 60_000
DAY_MS = 86_400_000
WHAT_IF = "what-if, written nowhere: had a holding stood there all the time"

_BEYOND = {
    (Side.COLD, True): "at or below",
    (Side.COLD, False): "below",
    (Side.HOT, True): "at or above",
    (Side.HOT, False): "above",
}


def report_lines(report: ExposureReport, zone: ZoneInfo) -> list[str]:
    """What the portal answered, readable."""
    lines = [_line("readings", _readings(report, zone))]
    if report.readings:
        lines += [
            _line("temperature", _temperatures(report)),
            _line("unknown time", f"{report.minutes_unknown:,} min; {_count(report.gaps_total, 'gap')} {_cap(report)}"),
            *(f"    gap  {_span(gap.from_ms, gap.until_ms, zone)}" for gap in report.gaps[:LINES_MAX]),
            *_more(report.gaps_total),
            _line("beyond a limit", _count(report.runs_total, "run") if report.runs_total else "never"),
            *(f"    {_run(run, zone)}" for run in report.runs[:LINES_MAX]),
            *_more(report.runs_total),
            _line("MKT", _mkt(report.mkt)),
        ]
    return [*lines, f"  {WHAT_IF}", *_verdicts(report.what_if)]


def day_lines(days: Sequence[LoggedDay], zone: ZoneInfo) -> list[str]:
    """A logger's own day summaries, oldest first; an alarm that goes on over midnight is told as one."""
    if not days:
        return []
    ordered = sorted(days, key=lambda day: day.starts_at_ms)
    lines = [_line("day summaries", f"{len(ordered)}, {ordered[0].date} to {ordered[-1].date}")]
    for before, day in zip([None, *ordered], ordered, strict=False):
        lines.append(
            f"    {day.date}  min {_celsius(day.centi_celsius_min)}, max {_celsius(day.centi_celsius_max)}; "
            f"{day.minutes_below} min below, {day.minutes_above} min above, {day.minutes_unknown} min unknown"
            f"{_alarms(before, day, zone)}"
        )
    return lines


def _alarms(before: LoggedDay | None, day: LoggedDay, zone: ZoneInfo) -> str:
    words = ""
    for side, fired_at_ms, fired_before in (
        ("low", day.low_alarm_at_ms, before and before.low_alarm_at_ms),
        ("high", day.high_alarm_at_ms, before and before.high_alarm_at_ms),
    ):
        if fired_at_ms is None:
            continue
        goes_on = fired_before is not None and fired_at_ms == day.starts_at_ms
        words += f"; {side} alarm {'goes on' if goes_on else _time(fired_at_ms, zone)[-5:]}"
    return words


def _line(name: str, text: str) -> str:
    return f"  {name:<15}{text}"


def _readings(report: ExposureReport, zone: ZoneInfo) -> str:
    if report.first_ms is None or report.last_ms is None:
        return "none"
    return f"{report.readings:,}, {_span(report.first_ms, report.last_ms, zone)}"


def _temperatures(report: ExposureReport) -> str:
    low, mean, high = report.centi_celsius_min, report.centi_celsius_mean, report.centi_celsius_max
    return f"min {_celsius(low)}, mean {_celsius(mean, 2)}, max {_celsius(high)}"


def _cap(report: ExposureReport) -> str:
    return f"(a step of more than {_minutes(report.cap_ms)} is a gap)"


def _run(run: ReportRun, zone: ZoneInfo) -> str:
    words = _BEYOND[run.side, run.inclusive]
    still = ", still so at the last reading" if run.open else ""
    return (
        f"{words} {_celsius(run.limit_centi_celsius)}  {_span(run.first_ms, run.last_ms, zone)}: "
        f"confirmed {run.minutes_confirmed:,} min, possible {run.minutes_possible:,} min, "
        f"extreme {_celsius(run.extreme_centi_celsius)}{still}"
    )


def _mkt(mkt: ReportMkt) -> str:
    """The value only where the data cover enough of the span."""
    facts = f"coverage {mkt.coverage_percent:.1f} %, ΔH {mkt.delta_h_kilojoules_per_mole:g} kJ/mol"
    if mkt.celsius is None:
        return f"insufficient data: {facts}"
    note = f"; {mkt.note}" if mkt.note else ""
    return f"{mkt.celsius:+.2f} °C over the whole span, {facts}{note}"


def _verdicts(products: Sequence[WhatIf]) -> list[str]:
    """One line per product, and each source once below them."""
    width = max((len(product.display_name) for product in products), default=0)
    sources = list(dict.fromkeys(_source(product.source) for product in products if product.source))
    lines = []
    for product in products:
        finding = product.finding.replace("_", " ")
        mark = f" [{sources.index(_source(product.source)) + 1}]" if product.source else ""
        shown = finding.upper() if product.rule else finding
        lines.append(f"    {product.display_name:<{width}}  {shown}: {product.reason}{mark}")
    lines += [f"    [{number}] {source}" for number, source in enumerate(sources, start=1)]
    return lines or ["    the catalogue has no product"]


def _source(source: Source) -> str:
    return f"{source.citation}; default of {source.default_of}" if source.default_of else source.citation


def _more(total: int) -> list[str]:
    return [f"    and {total - LINES_MAX:,} more"] if total > LINES_MAX else []


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _minutes(span_ms: int) -> str:
    minutes = span_ms / MINUTE_MS
    return f"{minutes:,.0f} min" if minutes == int(minutes) else f"{minutes:,.1f} min"


def _celsius(centi_celsius: int | None, digits: int = 1) -> str:
    return "no value" if centi_celsius is None else f"{centi_celsius / 100:+.{digits}f} °C"


def _span(from_ms: int, until_ms: int, zone: ZoneInfo) -> str:
    return f"{_time(from_ms, zone)} to {_time(until_ms, zone)} ({_length(until_ms - from_ms)})"


def _length(span_ms: int) -> str:
    """Minutes up to a day, days and hours beyond."""
    if span_ms < DAY_MS:
        return _minutes(span_ms)
    hours, minutes = divmod(span_ms // MINUTE_MS, 60)
    return f"{hours // 24} d {hours % 24} h {minutes} min"


def _time(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, zone).strftime("%Y-%m-%d %H:%M")
