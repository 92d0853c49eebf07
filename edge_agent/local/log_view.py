"""The pages that look back over sixty days, as HTML (pure)."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from edge_agent.local.band import band
from edge_agent.local.set_up_view import sheet
from edge_agent.local.view import minutes, name_of, number
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, tzinfo

    from edge_agent.keeper.keeper import ProbeView
    from edge_agent.local.days import Rule, Story
    from edge_agent.local.log_words import LogWords
    from edge_agent.local.record import Entry
    from edge_agent.local.words import Words
    from edge_agent.outbox.history import Told

PROBES_LISTED_MAX = 64
HOUR_LABELS = 4


class LogSpeech(NamedTuple):
    """Both sets of words of one language, and the time they speak in."""

    words: Words
    more: LogWords
    zone: tzinfo


class Sheet(NamedTuple):
    """One probe among all, and what is in range for it."""

    probe: ProbeView
    all: Sequence[ProbeView]
    rule: Rule


class Readings(NamedTuple):
    """One page of a day's readings; pages are counted from 1."""

    rows: Sequence[Told]
    page: int
    pages: int


def log_page(
    speech: LogSpeech,
    shown: Sheet,
    days: Sequence[tuple[date, Story]],
    entries: Sequence[Entry],
    hours: tuple[int, int],
) -> str:
    """Sixty days of one probe; `days` from the oldest on."""
    words, more, zone = speech
    body = _tabs(speech, shown) + f'<p class="second">{more.zone.format(zone)} {more.export_hint}</p>'
    if not any(story.rows for _, story in days):
        return sheet(words, more.title, body + f"<p>{more.nothing}</p>")
    stories = [story for _, story in days]
    labels = [str(days[place][0]) for place in sorted({0, len(days) // 2, len(days) - 1})]
    body += (
        f"<h2>{more.band}</h2>{_picture(speech, shown, stories, labels)}"
        f'<p class="second">{more.legend}</p>{_days(speech, shown, days)}{_record(speech, entries, hours)}'
    )
    return sheet(words, f"{more.title}: {name_of(shown.probe)}", body, here=_query(shown))


def day_page(speech: LogSpeech, shown: Sheet, day: date, story: Story, readings: Readings) -> str:
    """One day with its readings."""
    words, more, zone = speech
    body = (
        f'<p><a href="{_log(words, shown.probe)}">{more.title}</a></p>'
        f"{_picture(speech, shown, [story], _hours(story, zone))}"
        f'<p class="second">{more.legend} {more.zone.format(zone)}</p>{_gaps(speech, story)}'
        f"<h2>{more.readings}</h2>{_pages(speech, shown, day, readings)}{_rows(speech, readings.rows)}"
    )
    return sheet(words, f"{name_of(shown.probe)}, {day}", body, here=f"{_query(shown)}day={day}&amp;")


def _hours(story: Story, zone: tzinfo) -> list[str]:
    step_ms = (story.until_ms - story.from_ms) / HOUR_LABELS
    return [_at(round(story.from_ms + step_ms * place), zone)[-5:] for place in range(HOUR_LABELS + 1)]


def missing_page(speech: LogSpeech) -> str:
    """For a day or a probe that is not here."""
    return sheet(speech.words, speech.more.title, f"<p>{speech.more.no_day}</p>")


def _log(words: Words, probe: ProbeView) -> str:
    return f"/gw/log?lang={words.language}&amp;probe={quote(probe.sensor)}"


def _query(shown: Sheet) -> str:
    return f"probe={quote(shown.probe.sensor)}&amp;"


def _tabs(speech: LogSpeech, shown: Sheet) -> str:
    links = "".join(
        f'<li><a href="{_log(speech.words, one)}"{" aria-current=page" if one is shown.probe else ""}>'
        f"{escape(name_of(one))}</a></li>"
        for one in shown.all[:PROBES_LISTED_MAX]
    )
    return f'<ul class="tabs">{links}</ul>'


def _picture(speech: LogSpeech, shown: Sheet, stories: Sequence[Story], labels: Sequence[str]) -> str:
    drawn = band(stories, shown.rule, labels, _alt(speech, stories))
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{speech.more.band}">{drawn}</div>'


def _alt(speech: LogSpeech, stories: Sequence[Story]) -> str:
    lows = [story.low for story in stories if story.low is not None]
    highs = [story.high for story in stories if story.high is not None]
    unknown = minutes(sum(story.unknown_ms for story in stories) // MINUTE_MS, speech.words)
    return speech.more.band_alt.format(
        number(min(lows)) if lows else "—", number(max(highs)) if highs else "—", unknown
    )


def _days(speech: LogSpeech, shown: Sheet, days: Sequence[tuple[date, Story]]) -> str:
    more = speech.more
    names = (more.day, more.low, more.high, more.mean, more.outside, more.unknown, more.gaps)
    heads = "".join(f'<th class="{"num" if place else ""}">{name}</th>' for place, name in enumerate(names))
    rows = "".join(_day(speech, shown, day, story) for day, story in reversed(days) if story.rows or story.gaps_total)
    return f"<h2>{more.days}</h2>{_table(more.days, heads, rows)}"


def _table(label: str, heads: str, rows: str) -> str:
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _day(speech: LogSpeech, shown: Sheet, day: date, story: Story) -> str:
    words = speech.words
    link = f"/gw/log/day?lang={words.language}&amp;probe={quote(shown.probe.sensor)}&amp;day={day}"
    outside = minutes(story.outside_ms // MINUTE_MS, words) if story.outside_ms else "0"
    unknown = minutes(-(-story.unknown_ms // MINUTE_MS), words) if story.unknown_ms else "0"
    cells = (_degrees(story.low), _degrees(story.high), _degrees(story.mean), outside, unknown, str(story.gaps_total))
    told = "".join(f'<td class="num">{cell}</td>' for cell in cells)
    return f'<tr><td class="day"><a href="{link}">{day}</a></td>{told}</tr>'


def _degrees(centi_celsius: int | None) -> str:
    return "—" if centi_celsius is None else number(centi_celsius)


def _record(speech: LogSpeech, entries: Sequence[Entry], hours: tuple[int, int]) -> str:
    more, words = speech.more, speech.words
    heads = f'<th>{more.period}</th><th class="num">{more.low_high}</th><th class="num">{more.unknown}</th><th></th>'
    rows = "".join(
        f'<tr><td class="day">{_at(entry.until_ms, speech.zone)}</td>'
        f'<td class="num">{_degrees(entry.low)} / {_degrees(entry.high)}</td>'
        f'<td class="num">{minutes(-(-entry.unknown_ms // MINUTE_MS), words)}</td><td>{_made(speech, entry)}</td></tr>'
        for entry in reversed(entries)
    )
    told = _table(more.period, heads, rows) if rows else f"<p>{more.nothing}</p>"
    return f'<h2>{more.record.format(*hours)}</h2><p class="second">{more.record_hint}</p>{told}'


def _made(speech: LogSpeech, entry: Entry) -> str:
    if entry.revised_at_ms is None:
        return f'<span class="second">{speech.more.recorded.format(_at(entry.closed_at_ms, speech.zone))}</span>'
    first = f"{_degrees(entry.first_low)} / {_degrees(entry.first_high)}"
    return f"<b>{speech.more.revised.format(_at(entry.revised_at_ms, speech.zone), first)}</b>"


def _at(at_ms: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, zone).strftime("%Y-%m-%d %H:%M")


def _gaps(speech: LogSpeech, story: Story) -> str:
    if not story.gaps:
        return ""
    lines = "".join(
        f"<li>{_at(start, speech.zone)[-5:]}–{_at(end, speech.zone)[-5:]}, "
        f"{minutes(-(-(end - start) // MINUTE_MS), speech.words)}</li>"
        for start, end in story.gaps
    )
    left = story.gaps_total - len(story.gaps)
    rest = f"<li>{speech.more.more_gaps.format(left)}</li>" if left else ""
    return f"<h2>{speech.more.gap_list}</h2><ul>{lines}{rest}</ul>"


def _pages(speech: LogSpeech, shown: Sheet, day: date, readings: Readings) -> str:
    words, more = speech.words, speech.more
    link = f"/gw/log/day?lang={words.language}&amp;probe={quote(shown.probe.sensor)}&amp;day={day}&amp;page="
    before = f'<a href="{link}{readings.page - 1}">{more.earlier}</a> ' if readings.page > 1 else ""
    after = f' <a href="{link}{readings.page + 1}">{more.later}</a>' if readings.page < readings.pages else ""
    return f'<p class="pages">{before}<span>{more.page.format(readings.page, readings.pages)}</span>{after}</p>'


def _rows(speech: LogSpeech, rows: Sequence[Told]) -> str:
    words, more = speech.words, speech.more
    heads = f'<th>{more.time}</th><th class="num">{more.value}</th><th>{more.quality}</th>'
    lines = "".join(
        f"<tr><td>{datetime.fromtimestamp(row.measured_at_ms / 1_000, speech.zone):%H:%M:%S}</td>"
        f'<td class="num">{"—" if row.centi_celsius is None else f"{row.centi_celsius / 100:.2f} °C"}</td>'
        f"<td>{more.good if row.quality == Quality.OK else words.faults.get(row.quality, str(row.quality))}</td></tr>"
        for row in rows
    )
    return _table(more.readings, heads, lines)
