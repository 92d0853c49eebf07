"""The static site's numbers, health and readiness, for its address inside the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal import counted
from sheetal.metrics import Kind, Metric, MetricsPage, disks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sheetal.contracts.clock import Clock
    from sheetal.counted import RequestCounts
    from sheetal.metrics import Sample

FILE_AGE = Metric(
    "sheetal_standby_file_age_seconds",
    "Since a file of the mirror was written: the status list each minute, the newest bundle's folder when one came.",
    Kind.GAUGE,
    ("file",),
)
METRICS = (*counted.METRICS, FILE_AGE)
FILES = {"status_list": "status/doses.json", "key_list": "keys/trust.json", "newest_bundle": "b"}


class Watched:
    """What the numbers are read from: the mirror's folder and the requests."""

    def __init__(self, mirror: Path, requests: RequestCounts, clock: Clock) -> None:
        self._mirror = mirror
        self._requests = requests
        self._clock = clock

    def page(self) -> MetricsPage:
        """The site's page."""
        sources = {"process": self._requests.samples, "mirror": self.of_mirror, "disk": disks({"mirror": self._mirror})}
        return MetricsPage("portal.standby", sources)

    def of_mirror(self) -> Iterator[Sample]:
        """How old its files are; one that is not there has no age."""
        for name, place in FILES.items():
            newest_ms = _newest_ms(self._mirror / place)
            if newest_ms is not None:
                yield FILE_AGE.of(max(0.0, (self._clock() - newest_ms) / 1000), name)

    def health(self) -> dict[str, object]:
        """Well while the mirror's folder is there."""
        return {"ok": self._mirror.is_dir()}

    def readiness(self) -> dict[str, object]:
        """May take work: there is something to serve."""
        return {"ok": (self._mirror / FILES["key_list"]).is_file()}


def _newest_ms(place: Path) -> int | None:
    """When a file was written, or anything put into one of a folder's folders (256 at most)."""
    try:
        places = list(place.iterdir()) if place.is_dir() else [place]
        return max((int(one.stat().st_mtime_ns // 1_000_000) for one in places), default=None)
    except OSError:
        return None
