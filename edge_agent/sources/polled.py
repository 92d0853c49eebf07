"""A device that answers when it is asked: every probe and aux value on its own grid of time, stamped by the gateway.

The grid is monotonic and does not drift; what a slow answer made late is left out, never caught up. Such a device keeps
nothing, so readings wait in a bounded memory while the disk fails.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from edge_agent.sample import AuxSample, Observation, Sample
from edge_agent.settings.source import AuxSetting, ProbeSetting
from edge_agent.sources.aux_news import AuxNews
from edge_agent.sources.ds01_values import number
from edge_agent.sources.handing import Outgoing
from edge_agent.sources.temperature import of_celsius
from edge_agent.sources.worker import Worker
from sheetal.contracts.reading import Quality
from sheetal.contracts.topics import sensor_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from edge_agent.sample import Sink
    from sheetal.contracts.clock import Clock

_log = logging.getLogger(__name__)

WAIT_MS_MAX = 1_000
"""How long the thread sleeps at most, so that what waits for the disk is tried again."""

PointT = TypeVar("PointT", bound=ProbeSetting | AuxSetting)
PointT_contra = TypeVar("PointT_contra", bound=ProbeSetting | AuxSetting, contravariant=True)


class Answer(NamedTuple):
    """What a device said: a number in the point's own unit, or a fault; `why` tells a person more."""

    value: float | None = None
    quality: Quality = Quality.OK
    why: str = ""


class Instrument(Protocol[PointT_contra]):
    """A device or line of devices that can be asked for one point at a time; it opens itself when it is asked."""

    def begin(self) -> None:
        """A new round begins: what did not answer in the last one may be asked again."""

    def read(self, point: PointT_contra) -> Answer:
        """Asks for one point; takes two seconds at most."""

    def close(self) -> None:
        """Lets go of the line."""


class PolledSource(Generic[PointT]):
    """Asks one instrument for all its points in a thread of its own."""

    def __init__(self, gateway: str, points: Sequence[PointT], instrument: Instrument[PointT], clock: Clock) -> None:
        self._gateway = gateway
        self._points = points
        self._instrument = instrument
        self._clock = clock
        self._worker = Worker(f"poll {type(instrument).__name__}", self._run)
        self._outgoing: Outgoing | None = None
        self._news = AuxNews()
        self._faults: dict[str, tuple[Quality, str]] = {}
        self._stamped: dict[str, int] = {}
        self._connected = False

    def start(self, sink: Sink) -> None:
        """Begins to ask; returns at once."""
        self._outgoing = Outgoing(sink)
        self._worker.start()

    def stop(self) -> None:
        """Ends the thread; it is no longer than one question."""
        self._worker.stop()

    def is_connected(self) -> bool:
        """Whether anything answered in the last round."""
        return self._connected

    def _run(self, stopping: threading.Event) -> None:
        outgoing = self._outgoing
        if outgoing is None:
            return
        due = [_ticks_ms()] * len(self._points)
        try:
            while not stopping.is_set():
                now = _ticks_ms()
                ripe = [number for number, at in enumerate(due) if at <= now]
                if ripe:
                    outgoing.put(self._round([self._points[number] for number in ripe], stopping))
                now = _ticks_ms()
                for number in ripe:
                    due[number] = next_due(due[number], self._points[number].interval_ms, now)
                outgoing.flush()
                stopping.wait(max(0, min(min(due) - _ticks_ms(), WAIT_MS_MAX)) / 1_000)
        finally:
            outgoing.flush()
            self._connected = False
            self._instrument.close()

    def _round(self, points: Sequence[PointT], stopping: threading.Event) -> list[Observation]:
        self._instrument.begin()
        samples: list[Sample] = []
        aux: list[AuxSample] = []
        answered = False
        for point in points:
            if stopping.is_set():
                break
            answer = self._ask(point)
            answered = answered or answer.quality is not Quality.DISCONNECTED
            if isinstance(point, ProbeSetting):
                samples.append(self._sample(point, answer))
            elif isinstance(point, AuxSetting):
                aux += self._aux(point, answer)
        self._connected = answered
        return [Observation(samples=tuple(samples), aux=tuple(aux), local=True)] if samples or aux else []

    def _ask(self, point: PointT) -> Answer:
        try:
            return self._instrument.read(point)
        except Exception as error:  # noqa: BLE001 - drivers raise what they do not document; it is the device's fault
            return Answer(quality=Quality.DISCONNECTED, why=f"{type(error).__name__}: {error}")

    def _sample(self, probe: ProbeSetting, answer: Answer) -> Sample:
        sensor = sensor_of(self._gateway, probe.probe)
        centi_celsius, quality = worth(probe, answer)
        self._tell(sensor, quality, answer.why)
        return Sample(sensor, self._stamp(sensor), centi_celsius, quality)

    def _aux(self, aux: AuxSetting, answer: Answer) -> list[AuxSample]:
        source = sensor_of(self._gateway, aux.appliance)
        self._tell(f"{source} {aux.field}", answer.quality, answer.why)
        found = self._news.of(source, aux.field, number(answer.value), self._stamp(f"{source} {aux.field}"))
        return [] if found is None else [found]

    def _stamp(self, name: str) -> int:
        """Now, and later than the last one: a clock that stands still must not make two readings of one key."""
        self._stamped[name] = max(self._clock(), self._stamped.get(name, -1) + 1)
        return self._stamped[name]

    def _tell(self, name: str, quality: Quality, why: str) -> None:
        """One line in the log when a point breaks, breaks in another way, or is well again."""
        before, _ = self._faults.get(name, (Quality.OK, ""))
        if quality is before:
            return
        self._faults[name] = (quality, why)
        if quality is Quality.OK:
            _log.info("%s is well again", name)
        else:
            _log.warning("%s: %s%s", name, quality.name, f" ({why})" if why else "")


def worth(probe: ProbeSetting, answer: Answer) -> tuple[int | None, Quality]:
    """The temperature and OK, or no value and the fault's name."""
    if answer.quality is not Quality.OK or answer.value is None:
        return None, answer.quality if answer.quality is not Quality.OK else Quality.NO_VALUE
    return of_celsius(answer.value, probe.field)


def next_due(due_ms: int, interval_ms: int, now_ms: int) -> int:
    """The first instant of the grid after now."""
    missed = max(0, (now_ms - due_ms) // interval_ms)
    return due_ms + (missed + 1) * interval_ms


def _ticks_ms() -> int:
    return int(time.monotonic() * 1_000)
