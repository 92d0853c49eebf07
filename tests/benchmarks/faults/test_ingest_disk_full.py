from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import ingest_disk_full, outage
from benchmarks.faults.ingest_disk_full import FULL, WAYS, WITHOUT_ROOT
from benchmarks.faults.line import EMBEDDED, SERVER

if TYPE_CHECKING:
    from collections.abc import Callable


def test_files_that_may_not_grow_lose_nothing() -> None:
    assert ingest_disk_full.run(0, 1, WITHOUT_ROOT, 5, EMBEDDED) == 0


@pytest.mark.stack
@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", [way for way in WAYS if way not in WITHOUT_ROOT])
def test_a_full_disk_loses_nothing(way: str) -> None:
    """The disks are mounted, so this tier runs as root."""
    assert ingest_disk_full.run(0, 1, [way], 10, SERVER) == 0


@pytest.mark.stack
def test_a_disk_that_did_not_get_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is never set, so ingest has nothing to say and goes on acknowledging."""
    monkeypatch.setattr(outage, "SAID_SECONDS_MAX", 1.0)
    monkeypatch.setattr("benchmarks.faults.ingest_disk_full.resource.prlimit", never_limited())
    assert ingest_disk_full.run(0, 1, WITHOUT_ROOT, 2, EMBEDDED) == 1


def never_limited() -> Callable[..., tuple[int, int]]:
    prlimit = resource.prlimit
    return lambda pid, kind, *_limits: prlimit(pid, kind)


def test_the_full_count_tries_each_way() -> None:
    assert len(WAYS) == FULL
    assert set(WITHOUT_ROOT) < set(WAYS)
