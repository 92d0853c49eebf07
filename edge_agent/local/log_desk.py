"""Answers the pages that look back; no log-in is needed to read."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.local.days import Rule, Story, bounds, local_day, tell
from edge_agent.local.log_view import LogSpeech, Readings, Sheet, day_page, log_page, missing_page
from edge_agent.local.log_words import LOG_WORDS
from edge_agent.local.record import ROWS_MAX, read
from edge_agent.local.request import Request, Response
from edge_agent.local.words import WORDS
from sheetal.contracts.limits import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from edge_agent.keeper.keeper import ProbeView
    from edge_agent.local.memory import Memory
    from edge_agent.local.record import Record
    from edge_agent.settings.file import ProbeSetting

DAYS = 60
READINGS_A_PAGE = 100
SLOTS_OF_A_DAY = 96
CAP_INTERVALS = 3
TODAY_FRESH_MS = 10_000
YOUNG_FRESH_MS = MINUTE_MS
OLD_FRESH_MS = 6 * 60 * MINUTE_MS
"""A day before yesterday is read again after so long, since late readings are rare."""
STORIES_MAX = 2_000


class LogDeskParts(NamedTuple):
    """What the desk stands on; `clock` is the gateway's own."""

    memory: Memory
    record: Record
    probes: Callable[[], Sequence[ProbeView]]
    clock: Callable[[], int]
    zone: tzinfo
    hours: tuple[int, int]


class LogDesk:
    """Tells days from the outbox and remembers what it told; called from several threads."""

    def __init__(self, parts: LogDeskParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._told: dict[tuple[str, date], tuple[int, Story]] = {}
        self._today: dict[str, tuple[int, tuple[int, int] | None]] = {}

    def answer(self, asked: Request) -> Response:
        """`/gw/log` and `/gw/log/day`."""
        language = asked.language
        speech = LogSpeech(WORDS[language], LOG_WORDS[language], self._parts.zone)
        probes = self._parts.probes()
        wanted = asked.query.get("probe", probes[0].sensor if probes else "")
        probe = next((one for one in probes if one.sensor == wanted), None)
        if probe is None:
            return Response(404, missing_page(speech).encode())
        sheet = Sheet(probe, probes, rule_of(probe.setting))
        if asked.path == "/gw/log":
            return Response(200, self._log(speech, sheet).encode())
        if asked.path == "/gw/log/day":
            return self._day(speech, sheet, asked)
        return Response(404, missing_page(speech).encode())

    def today(self, sensor: str) -> tuple[int, int] | None:
        """The lowest and highest since the local midnight, read again every ten seconds."""
        at_ms = self._parts.clock()
        with self._lock:
            read_at_ms, found = self._today.get(sensor, (None, None))
        if read_at_ms is not None and 0 <= at_ms - read_at_ms < TODAY_FRESH_MS:
            return found
        from_ms, until_ms = bounds(local_day(at_ms, self._parts.zone), self._parts.zone)
        found = self._parts.memory.extremes(sensor, from_ms, until_ms)
        with self._lock:
            self._today[sensor] = at_ms, found
        return found

    def _log(self, speech: LogSpeech, sheet: Sheet) -> str:
        at_ms = self._parts.clock()
        today = local_day(at_ms, self._parts.zone)
        days = [today - timedelta(days=number) for number in reversed(range(DAYS))]
        told = [(day, self._story(sheet, day, at_ms)) for day in days]
        while len(told) > 1 and not told[0][1].rows:
            told.pop(0)
        return log_page(speech, sheet, told, self._parts.record.entries(sheet.probe.sensor), self._parts.hours)

    def _story(self, sheet: Sheet, day: date, at_ms: int) -> Story:
        key = sheet.probe.sensor, day
        is_young = day >= local_day(at_ms, self._parts.zone) - timedelta(days=1)
        with self._lock:
            told_at_ms, story = self._told.get(key, (None, None))
        fresh_ms = YOUNG_FRESH_MS if is_young else OLD_FRESH_MS
        if story is not None and told_at_ms is not None and 0 <= at_ms - told_at_ms < fresh_ms:
            return story
        from_ms, until_ms = bounds(day, self._parts.zone)
        story = read(
            self._parts.memory, sheet.probe.sensor, from_ms, max(from_ms + 1, min(until_ms, at_ms)), sheet.rule
        )
        with self._lock:
            if len(self._told) >= STORIES_MAX:
                self._told.clear()
            self._told[key] = at_ms, story
        return story

    def _day(self, speech: LogSpeech, sheet: Sheet, asked: Request) -> Response:
        at_ms, zone = self._parts.clock(), self._parts.zone
        today = local_day(at_ms, zone)
        try:
            day = date.fromisoformat(asked.query.get("day", ""))
            number = int(asked.query.get("page", "1"))
        except ValueError:
            return Response(404, missing_page(speech).encode())
        if not today - timedelta(days=DAYS) <= day <= today:
            return Response(404, missing_page(speech).encode())
        from_ms, until_ms = bounds(day, zone)
        cap_ms = sheet.rule.cap_ms
        rows = self._parts.memory.history(sheet.probe.sensor, from_ms - cap_ms, until_ms + cap_ms, ROWS_MAX)
        story = tell(rows, from_ms, max(from_ms + 1, min(until_ms, at_ms)), sheet.rule, SLOTS_OF_A_DAY)
        inside = [row for row in rows if from_ms <= row.measured_at_ms < until_ms]
        pages = max(1, -(-len(inside) // READINGS_A_PAGE))
        number = min(max(number, 1), pages)
        shown = inside[(number - 1) * READINGS_A_PAGE : number * READINGS_A_PAGE]
        return Response(200, day_page(speech, sheet, day, story, Readings(shown, number, pages)).encode())


def rule_of(setting: ProbeSetting) -> Rule:
    """What is in range for a probe, and when two of its values are too far apart."""
    return Rule(setting.range_min_centi_celsius, setting.range_max_centi_celsius, CAP_INTERVALS * setting.interval_ms)
