"""One hub's DS01 lines to observations (pure): which probe, which instant, which aux values are news."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.sample import AuxSample, Observation, Recall, Sample
from edge_agent.sources import ds01_values
from edge_agent.sources.aux_news import AuxNews
from edge_agent.sources.ds01_timeline import LoggerTimeline, Moment, Placed, believable
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.topics import SENSOR_IDENTIFIER, sensor_of

if TYPE_CHECKING:
    from edge_agent.settings.source import Ds01SerialSetting, Ds01TcpSetting, ProbeSetting

_log = logging.getLogger(__name__)

UNPLACED_MAX = 5_000
"""Records that wait for an anchor, for each appliance; the logger still has those that are let go."""

APPLIANCES_MAX = 64


BUILT_MS = 1_577_836_800_000
"""2020 began; no logger has measured before it what is told now."""

PACE_SECONDS_MIN = 20.0
PACE_SECONDS_OFF_MAX = 5.0
"""A stream of stored records does not run so closely at the pace of the clock."""


class Heard(NamedTuple):
    """When a line was heard: by a monotonic clock, and by the gateway's own, None while that cannot be trusted.

    `is_live`: it came alone, so its record is of this moment.
    """

    now_ms: int | None = None
    is_live: bool = False
    at_seconds: float = 0.0


class _Waiting(NamedTuple):
    record: ds01_values.Record
    moment: Moment


class Ds01Reader:
    """Reads the lines of one hub in the order they come; `recall` gives back the marks of earlier observations."""

    def __init__(self, gateway: str, setting: Ds01TcpSetting | Ds01SerialSetting, recall: Recall) -> None:
        self._gateway = gateway
        self._setting = setting
        self._recall = recall
        self._timelines: dict[str, LoggerTimeline] = {}
        self._waiting: defaultdict[str, deque[_Waiting]] = defaultdict(lambda: deque(maxlen=UNPLACED_MAX))
        self._aux_news = AuxNews()
        self._heard: dict[str, tuple[Moment, float]] = {}
        self._strangers: set[str] = set()

    def begin(self) -> None:
        """A new connection: its stream is a story of its own, told in order."""
        self._heard.clear()

    def read(self, line: bytes, heard: Heard = Heard()) -> list[Observation]:  # noqa: B008 - immutable
        """What one line says; more than one observation when it anchors records that waited, none for a stranger's.

        Raises WireProblem (`bad_json`, `bad_body`).
        """
        record = ds01_values.parse_record(line)
        serial = ds01_values.text(record.get("ASER"))
        probes = [probe for probe in self._setting.probe if probe.appliance in {"", serial}]
        if not probes:
            self._greet_stranger(serial)
            return []
        timeline = self._timeline(serial)
        told = _moment(record)
        now_ms, is_live = heard.now_ms, heard.is_live or self._keeps_pace(serial, told, heard.at_seconds)
        if is_live and self._counts_anew(serial, told):
            timeline.begin_anew()
        self._heard[serial] = (told, heard.at_seconds)
        moment = believable(told, now_ms, is_live=is_live)
        if moment is None:
            raise WireProblem("a record of the future without relative time", reason="bad_body")
        waiting = self._waiting[serial]
        ready = [_Waiting(record, moment)]
        learnt = timeline.learn(moment, now_ms, is_live=is_live)
        if learnt.wrong_ms is not None:
            minutes = learnt.wrong_ms / MINUTE_MS
            _log.warning("the clock of %s's logger is %+.0f min off; this gateway's holds instead", serial, minutes)
        if learnt.is_anchor:
            ready = [*waiting, *ready]
            waiting.clear()
        observations = []
        for one in ready:
            placed = timeline.place(one.moment)
            if placed is None:
                waiting.append(one)
            else:
                observations.append(self._observe(serial, one.record, placed, probes))
        return observations

    def _keeps_pace(self, serial: str, moment: Moment, at_seconds: float) -> bool:
        """Whether as much time passed at the logger as here since its last record: then it speaks of this moment."""
        before, heard_seconds = self._heard.get(serial, (moment, at_seconds))
        if before.relative_ms is None or moment.relative_ms is None or before.restarted_ms != moment.restarted_ms:
            return False
        seconds = (moment.relative_ms - before.relative_ms) / 1_000
        return seconds >= PACE_SECONDS_MIN and abs(seconds - (at_seconds - heard_seconds)) <= PACE_SECONDS_OFF_MAX

    def _counts_anew(self, serial: str, moment: Moment) -> bool:
        """Whether its relative time went back within one story: the logger was started again."""
        before, _ = self._heard.get(serial, (moment, 0.0))
        if before.relative_ms is None or moment.relative_ms is None or before.logger != moment.logger:
            return False
        return (moment.restarted_ms, moment.relative_ms) < (before.restarted_ms, before.relative_ms)

    def _observe(
        self,
        serial: str,
        record: ds01_values.Record,
        placed: Placed,
        probes: list[ProbeSetting],
    ) -> Observation:
        samples = tuple(
            Sample(
                sensor_of(self._gateway, probe.probe),
                placed.at_ms,
                *ds01_values.temperature(probe.field, record.get(probe.field)),
            )
            for probe in probes
        )
        return Observation(
            samples=samples,
            aux=() if placed.repeated else self._aux(serial, record, placed.at_ms),
            repeated=placed.repeated,
            discontinuity=placed.discontinuity,
            marks={_mark(serial): self._timelines[serial].to_text()},
        )

    def _aux(self, serial: str, record: ds01_values.Record, at_ms: int) -> tuple[AuxSample, ...]:
        """The configured aux values that changed, or were last said an hour ago."""
        source = sensor_of(self._gateway, serial)
        if not SENSOR_IDENTIFIER.fullmatch(source):
            return ()
        values = ((field, ds01_values.number(record.get(field))) for field in self._setting.aux_fields)
        told = (self._aux_news.of(source, field, value, at_ms) for field, value in values)
        return tuple(one for one in told if one is not None)

    def _timeline(self, serial: str) -> LoggerTimeline:
        if serial not in self._timelines:
            if len(self._timelines) >= APPLIANCES_MAX:
                raise WireProblem("more appliances speak here than one hub can have", reason="bad_body")
            self._timelines[serial] = LoggerTimeline(self._recall(_mark(serial)))
        return self._timelines[serial]

    def _greet_stranger(self, serial: str) -> None:
        if serial not in self._strangers and len(self._strangers) < APPLIANCES_MAX:
            self._strangers.add(serial)
            _log.warning("appliance %r speaks but has no probe in the settings", serial)


def _moment(record: ds01_values.Record) -> Moment:
    relative_ms = ds01_values.duration_ms(record.get("RELT"))
    absolute_ms = ds01_values.instant_ms(record.get("ABST"))
    if relative_ms is None and absolute_ms is None:
        raise WireProblem("a record without any time", reason="bad_body")
    restarted_ms = ds01_values.duration_ms(record.get("RTCW")) or 0
    if absolute_ms is not None and absolute_ms < BUILT_MS and relative_ms is not None:
        # A clock that was never set says 1970 or 2000; it is no better than none.
        absolute_ms = None
    return Moment(ds01_values.text(record.get("LSER")), restarted_ms, relative_ms, absolute_ms)


def _mark(serial: str) -> str:
    return f"ds01/{serial}"
