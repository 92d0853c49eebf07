"""What a service tells Prometheus, read at the moment of asking: the only module that knows prometheus_client.

A service declares `Metric`s and gives one `Source` or more: callables that look at its plain counters and stores and
yield samples. Nothing is counted through the library, so no hot path waits for it. A source that fails leaves its
samples out and says so; the others are told all the same.

Labels may take few values only: a reason, a route, a store. Never a person, a sensor, or a secret.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from sheetal import logs
from sheetal.contracts.version import VERSION
from sheetal.tally import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric as Family

    Source = Callable[[], Iterable["Sample"]]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
STORE_SECONDS = 5.0
"""A store is asked no more often than this, however many ask us."""
FILE = "sqlite:///"
_NAME = re.compile(r"sheetal(_[a-z][a-z0-9]*)+")
_LABEL = re.compile(r"[a-z]+(_[a-z]+)*")


class Kind(StrEnum):
    """How a metric behaves: only grows, goes up and down, or counts values by their size."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is told: a name by Prometheus's conventions, a sentence, and the names of its labels."""

    name: str
    help: str
    kind: Kind
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a name that breaks the conventions."""
        if not _NAME.fullmatch(self.name) or self.name.endswith("_total") != (self.kind is Kind.COUNTER):
            raise ValueError(f"{self.name} is no name for a {self.kind}")
        if not all(_LABEL.fullmatch(label) for label in self.labels):
            raise ValueError(f"{self.name} has a label that is no word")

    def of(self, value: float | Buckets, *labels: str) -> Sample:
        """A sample; `labels` are the values of the metric's labels, in their order."""
        return Sample(self, value, labels)


class Sample(NamedTuple):
    """What a metric is now."""

    metric: Metric
    value: float | Buckets
    labels: tuple[str, ...] = ()


BUILD = Metric(
    "sheetal_build_info", "Which service this is and its version; always 1.", Kind.GAUGE, ("service", "version")
)
SOURCE_FAILED = Metric(
    "sheetal_metrics_source_failed",
    "1 while a part of this page could not be read, most often because its store is away.",
    Kind.GAUGE,
    ("source",),
)
LOG_LINES = Metric("sheetal_log_lines_total", "Lines logged, by level.", Kind.COUNTER, ("level",))
DISK_FREE = Metric(
    "sheetal_disk_free_bytes", "Room left for this service on the disk of a place it writes to.", Kind.GAUGE, ("place",)
)
DISK_SIZE = Metric("sheetal_disk_size_bytes", "Size of the disk of a place it writes to.", Kind.GAUGE, ("place",))
COMMON = (BUILD, SOURCE_FAILED, LOG_LINES, DISK_FREE, DISK_SIZE)
"""Told by every service, besides the process's own memory, processor time and open files (`process_…`)."""


class MetricsPage:
    """One service's page; `sources` have a word each, under which their failure is told."""

    def __init__(self, service: str, sources: Mapping[str, Source]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(_Reader(service, sources))

    def render(self) -> tuple[str, bytes]:
        """The content type and the page."""
        return CONTENT_TYPE, generate_latest(self._registry)


def remembered(
    source: Source, seconds: float = STORE_SECONDS, *, monotonic: Callable[[], float] = time.monotonic
) -> Source:
    """The source, asked at most once in so many seconds: for what costs a query. A failure is not remembered."""
    lock = Lock()
    last: list[tuple[float, list[Sample]]] = []

    def look() -> list[Sample]:
        with lock:
            if not last or monotonic() - last[0][0] >= seconds:
                found = list(source())
                last[:] = [(monotonic(), found)]
            return last[0][1]

    return look


def disks(folders: Mapping[str, Path | None]) -> Source:
    """The room on the disks of these places; one that is no folder of this machine has none. Raises OSError."""
    places = {place: folder for place, folder in folders.items() if folder is not None}

    def look() -> Iterator[Sample]:
        for place, folder in places.items():
            found = os.statvfs(folder)
            yield DISK_FREE.of(found.f_bavail * found.f_frsize, place)
            yield DISK_SIZE.of(found.f_blocks * found.f_frsize, place)

    return look


def folder_of(address: str) -> Path | None:
    """The folder of a store that is a file; None for a server's address."""
    return Path(address.removeprefix(FILE)).parent if address.startswith(FILE) else None


class _Reader(Collector):
    def __init__(self, service: str, sources: Mapping[str, Source]) -> None:
        self._service = service
        self._sources = sources

    def collect(self) -> Iterator[Family]:
        """Reads every source now."""
        found: dict[Metric, list[Sample]] = {}
        for sample in self._samples():
            found.setdefault(sample.metric, []).append(sample)
        for metric, samples in found.items():
            yield _family(metric, samples)

    def _samples(self) -> Iterator[Sample]:
        yield BUILD.of(1, self._service, VERSION)
        for level, lines in logs.lines_by_level():
            yield LOG_LINES.of(lines, level)
        for word, source in self._sources.items():
            try:
                samples = list(source())
            except Exception:  # noqa: BLE001  # whatever one part meets, the rest of the page is told
                yield SOURCE_FAILED.of(1, word)
            else:
                yield SOURCE_FAILED.of(0, word)
                yield from samples


def _family(metric: Metric, samples: Iterable[Sample]) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        return _histogram(metric, samples)
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for sample in samples:
        if isinstance(sample.value, Buckets):
            raise TypeError(f"{metric.name} is no histogram")
        family.add_metric(list(sample.labels), sample.value)
    return family


def _histogram(metric: Metric, samples: Iterable[Sample]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for sample in samples:
        if not isinstance(sample.value, Buckets):
            raise TypeError(f"{metric.name} is a histogram")
        buckets = [
            ("+Inf" if bound == float("inf") else str(bound), count) for bound, count in sample.value.cumulative()
        ]
        family.add_metric(list(sample.labels), buckets, sample.value.sum)
    return family


def _bounds(value: Buckets) -> list[tuple[str, float]]:
    return [("+Inf" if bound == float("inf") else str(bound), count) for bound, count in value.cumulative()]
