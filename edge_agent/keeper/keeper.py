"""Judges what the sources say and commits it: readings, aux values and device alarms in one transaction."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import msgspec

from edge_agent.keeper import probe_time
from edge_agent.keeper.grouping import Group, is_calm
from edge_agent.keeper.handover import hand_over
from edge_agent.keeper.probe import Probe
from edge_agent.keeper.silence import Silence, SilenceState
from edge_agent.outbox.outbox import Intake
from edge_agent.sample import AuxSample, Sample
from edge_agent.settings.source import PolledSetting
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm, alarm_id
from sheetal.contracts.topics import sensor_of
from sheetal.thermal.device_alarm import AlarmFact

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from edge_agent.keeper.handover import Ended
    from edge_agent.keeper.silence import SilenceFact
    from edge_agent.outbox.outbox import Outbox
    from edge_agent.sample import DaySummaryDraft, Observation
    from edge_agent.settings.file import ProbeSetting, Settings
    from edge_agent.timekeeper import Stamp

_log = logging.getLogger(__name__)

HELD_MAX = 10_000
"""So many readings are held while the disk fails, some 3 MB: three hours of eight probes at 10 s."""

_silences = msgspec.json.Decoder(SilenceState)
Stamped = TypeVar("Stamped", Sample, AuxSample)


class ProbeView(NamedTuple):
    """What the local page shows of one probe."""

    sensor: str
    appliance: str
    setting: ProbeSetting
    newest: Sample | None
    alarms: list[AlarmKind]
    minutes_left: int | None


class Time(Protocol):
    """What of the timekeeper is needed here."""

    @property
    def steady(self) -> contextlib.AbstractContextManager[object]:
        """Held while something is stamped and committed."""

    def stamp(self, monotonic_ms: int) -> Stamp:
        """The instant of a moment of the monotonic clock."""


class Keeper:
    """The sink of every source; calls from several threads are taken one after another.

    `wake` is called after each commit, `on_full` when the disk had no room for one. With `time`, local samples come
    stamped with its monotonic clock and get their instants here.
    """

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        wake: Callable[[], None],
        on_full: Callable[[], None],
        time: Time | None = None,
    ) -> None:
        self._gateway = settings.gateway
        self._time = time
        self._outbox = outbox
        self._wake = wake
        self._on_full = on_full
        self._lock = threading.Lock()
        self._is_failing = False
        self._group = Group(settings.commit_rows, settings.commit_seconds)
        self._probes: dict[str, Probe] = {}
        self._local: set[str] = set()
        self._before: dict[str, probe_time.ProbeMemory] = {}
        for source in settings.sources:
            for setting in source.probe:
                sensor = sensor_of(settings.gateway, setting.probe)
                probe = Probe(sensor, setting.appliance, setting, outbox.mark(_mark(sensor)))
                silent = _decode_silence(outbox.mark(_silence_mark(sensor)))
                minutes = settings.local.no_data_alarm_minutes if setting.is_live else 0
                probe.silence = Silence(minutes, silent, probe.watch.last_ms)
                self._probes[sensor] = probe
                if isinstance(source, PolledSetting):
                    self._local.add(sensor)

    def keep(self, observations: Sequence[Observation]) -> None:
        """Commits them with the alarms they raise or clear; or raises sqlite3.Error and has kept and judged nothing.

        Calm readings of local sources are judged and shown at once but may be committed a little later, in a group. So
        are all of them while the disk fails, up to a bound: the alarm of a refrigerator must not wait for a disk. The
        first of each probe is sent at once, so that who has just started a gateway sees that it works.
        """
        with self._steady(), self._lock:
            before = self._memory()
            at_seconds = time.monotonic()
            intake = self._judge(observations)
            if self._may_wait(observations, intake) and not self._group.is_due(at_seconds, intake):
                self._group.hold(intake, at_seconds)
                return
            try:
                self._commit(intake)
            except sqlite3.Error:
                if _is_local(observations) and len(self._group) < HELD_MAX:
                    self._group.hold(intake, at_seconds)
                    return
                self._put_back(before)
                raise
        self._wake()

    def judge_silence(self, at_ms: int, monotonic_ms: int) -> None:
        """Raises or clears the alarms that no reading raises; to be asked every second. Raises sqlite3.Error."""
        told = False
        with self._steady(), self._lock:
            for probe in self._probes.values():
                before = probe.silence.state
                fact = probe.silence.judge(at_ms, monotonic_ms)
                if fact is None:
                    continue
                marks = {_silence_mark(probe.sensor): msgspec.json.encode(probe.silence.state).decode()}
                try:
                    self._commit(Intake(alarms=[self._no_data_alarm(probe, fact)], marks=marks))
                except sqlite3.Error:
                    probe.silence.state = before
                    raise
                told = True
        if told:
            self._wake()

    def commit(self) -> None:
        """Commits what is held back; raises sqlite3.Error, and it is still held back then."""
        with self._steady(), self._lock:
            if not self._group:
                return
            self._commit(Intake())
        self._wake()

    def commit_due(self) -> None:
        """Commits what was held back long enough; to be asked every few seconds. Raises sqlite3.Error."""
        if self._group.is_due(time.monotonic()):
            self.commit()

    def take_over(self, before: Keeper, at_ms: int) -> None:
        """Goes on where another keeper stopped; alarms that nothing watches any more end.

        Raises sqlite3.Error where that cannot be committed now; it is held back then, with what was held before.
        """
        with self._steady(), before._lock, self._lock:
            self._group.take_over(before._group)
            ended = hand_over(before._probes, self._probes, at_ms)
            marks = dict.fromkeys(map(_mark, before._probes), "[]")
            marks |= dict.fromkeys(map(_silence_mark, before._probes), "[null,null]")
            for sensor, probe in self._probes.items():
                marks[_mark(sensor)] = probe.remembered()
                marks[_silence_mark(sensor)] = msgspec.json.encode(probe.silence.state).decode()
            intake = Intake(alarms=[self._ended(one) for one in ended], marks=marks)
            try:
                self._commit(intake)
            except sqlite3.Error:
                self._group.hold(intake, time.monotonic())
                raise
        self._wake()

    def local_sensors(self) -> set[str]:
        """The sensors whose readings the gateway stamps itself."""
        return set(self._local)

    def begin(self, now_ms: int | None) -> None:
        """The operating system has booted: local runs go on only where a clock says how long that took."""
        with self._lock:
            for sensor in self._local:
                probe_time.begin(self._probes[sensor], now_ms)

    def shift(self, delta_ms: int, moved: Collection[str]) -> dict[str, str]:
        """Moves what local probes remember, and those of their standing alarms that are named; returns new marks."""
        marks: dict[str, str] = {}
        with self._lock:
            self._before = self._memory()
            for sensor in self._local:
                probe = self._probes[sensor]
                probe_time.shift(probe, delta_ms, moved)
                marks[_mark(sensor)] = probe.remembered()
                marks[_silence_mark(sensor)] = msgspec.json.encode(probe.silence.state).decode()
        return marks

    def restore(self) -> None:
        """Takes the last shift back, since it could not be committed."""
        with self._lock:
            self._put_back(self._before)

    def view(self) -> list[ProbeView]:
        """Every probe as it stands, in the order of the settings; without those whose files are carried here."""
        with self._lock:
            return [
                ProbeView(p.sensor, p.appliance, p.setting, p.newest, p.standing_alarms(), p.minutes_left())
                for p in self._probes.values()
                if p.setting.is_live
            ]

    def _commit(self, intake: Intake) -> None:
        """Commits this and what was held back before it; raises sqlite3.Error, and then only the latter still is."""
        try:
            self._outbox.add(self._group.with_more(intake, time.monotonic()))
        except sqlite3.Error as error:
            if not self._is_failing:
                _log.error("the outbox cannot be written: %s", error)
            self._is_failing = True
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                self._on_full()
            raise
        if self._is_failing:
            _log.warning("the outbox can be written again")
        self._is_failing = False
        self._group.clear()

    def _may_wait(self, observations: Sequence[Observation], intake: Intake) -> bool:
        """Whether nothing is lost that mattered if the power failed now: no run goes on, no alarm stands."""
        if not is_calm(intake) or not _is_local(observations):
            return False
        return all(self._probes[row.sensor].is_at_rest() for row in intake.rows)

    def _steady(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext() if self._time is None else self._time.steady

    def _memory(self) -> dict[str, probe_time.ProbeMemory]:
        return {sensor: probe_time.memory_of(probe) for sensor, probe in self._probes.items()}

    def _put_back(self, before: dict[str, probe_time.ProbeMemory]) -> None:
        for sensor, memory in before.items():
            probe_time.put_back(self._probes[sensor], memory)

    def _stamped(self, one: Stamped) -> Stamped:
        """A local sample's monotonic instant becomes its stamp, provisional or final."""
        if self._time is None:
            return one._replace(local=True)
        at_ms, monotonic_ms = self._time.stamp(one.measured_at_ms)
        return one._replace(measured_at_ms=at_ms, monotonic_ms=monotonic_ms, local=True)

    def _judge(self, observations: Sequence[Observation]) -> Intake:
        rows: list[Sample] = []
        aux: list[AuxSample] = []
        days: list[DaySummaryDraft] = []
        alarms: list[DeviceAlarm] = []
        marks: dict[str, str] = {}
        is_sign_of_life = False
        for told in observations:
            observation = told
            if told.local:
                samples, values = tuple(map(self._stamped, told.samples)), tuple(map(self._stamped, told.aux))
                observation = told._replace(samples=samples, aux=values)
            aux += observation.aux
            days += observation.days
            marks.update(observation.marks)
            for sample in observation.samples:
                probe = self._probes[sample.sensor]
                rows.append(sample._replace(notable=probe.is_notable(sample)))
                if not observation.repeated:
                    is_sign_of_life |= probe.newest is None
                    alarms += self._feed(probe, sample, discontinuity=observation.discontinuity)
                    marks[_mark(probe.sensor)] = probe.remembered()
        return Intake(rows=rows, aux=aux, days=days, alarms=alarms, marks=marks, at_once=is_sign_of_life)

    def _feed(self, probe: Probe, sample: Sample, *, discontinuity: bool) -> list[DeviceAlarm]:
        if discontinuity:
            probe.watch.cut()
        probe.newest = sample
        if sample.centi_celsius is not None:
            probe.silence.hear(sample.measured_at_ms)
        facts = probe.watch.feed(sample.measured_at_ms, sample.centi_celsius)
        return [self._alarm(probe.sensor, fact) for fact in facts]

    def _alarm(self, sensor: str, fact: AlarmFact) -> DeviceAlarm:
        return DeviceAlarm(
            alarm=alarm_id(sensor, fact.rule.kind, fact.began_at_ms),
            gateway=self._gateway,
            boot=self._outbox.boot,
            sensor=sensor,
            kind=fact.rule.kind,
            began_at_ms=fact.began_at_ms,
            fired_at_ms=fact.fired_at_ms,
            cleared_at_ms=fact.cleared_at_ms,
            extreme_centi_celsius=fact.extreme_centi_celsius,
            limit_centi_celsius=fact.rule.limit_centi_celsius,
            limit_minutes=fact.rule.minutes,
        )

    def _ended(self, ended: Ended) -> DeviceAlarm:
        if isinstance(ended.fact, AlarmFact):
            return self._alarm(ended.probe.sensor, ended.fact)
        return self._no_data_alarm(ended.probe, ended.fact)

    def _no_data_alarm(self, probe: Probe, fact: SilenceFact) -> DeviceAlarm:
        """No temperature made it, so it tells none: extreme and limit are 0."""
        return DeviceAlarm(
            alarm=alarm_id(probe.sensor, AlarmKind.NO_DATA, fact.began_at_ms),
            gateway=self._gateway,
            boot=self._outbox.boot,
            sensor=probe.sensor,
            kind=AlarmKind.NO_DATA,
            began_at_ms=fact.began_at_ms,
            fired_at_ms=fact.fired_at_ms,
            cleared_at_ms=fact.cleared_at_ms,
            extreme_centi_celsius=0,
            limit_centi_celsius=0,
            limit_minutes=probe.silence.minutes,
        )


def _is_local(observations: Sequence[Observation]) -> bool:
    return all(observation.local for observation in observations)


def _decode_silence(text: str | None) -> SilenceState:
    try:
        return _silences.decode(text or "[null,null]")
    except msgspec.DecodeError:
        return SilenceState()


def _silence_mark(sensor: str) -> str:
    return f"silence/{sensor}"


def _mark(sensor: str) -> str:
    return f"watch/{sensor}"
