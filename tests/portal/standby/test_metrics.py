from __future__ import annotations

import os
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from portal.standby.metrics import FILES, METRICS, Watched
from portal.standby.serve import open_health
from portal.standby.settings import StandbySettings
from sheetal.contracts.problem import SettingProblem
from sheetal.counted import RequestCounts
from sheetal.health import ask

if TYPE_CHECKING:
    from pathlib import Path

NOW_MS = 1_795_000_000_000


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    for name, seconds in (("status/doses.json", 20), ("keys/trust.json", 40), ("b/ab/x.enc", 60)):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"{}")
        os.utime(file, (NOW_MS / 1000 - seconds,) * 2)
    os.utime(tmp_path / "b" / "ab", (NOW_MS / 1000 - 60,) * 2)
    return tmp_path


def told(watched: Watched) -> dict[str, float]:
    _, body = watched.page().render()
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def watched_of(mirror: Path) -> Watched:
    requests = RequestCounts()
    requests.note("/c/{name}", "GET", 200, 0.01)
    return Watched(mirror, requests, lambda: NOW_MS)


def test_every_metric_that_is_declared_is_told_and_no_other(mirror: Path) -> None:
    names = {name.partition(" ")[0] for name in told(watched_of(mirror))}
    base = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names}
    own = {name for name in base if name.startswith(("sheetal_standby", "sheetal_http"))}
    assert own == {metric.name for metric in METRICS}


def test_the_files_of_the_mirror_have_an_age(mirror: Path) -> None:
    found = told(watched_of(mirror))
    ages = {name: found[f"sheetal_standby_file_age_seconds {name}"] for name in FILES}
    assert ages == {"status_list": 20, "key_list": 40, "newest_bundle": 60}


def test_a_file_that_is_not_there_has_no_age(mirror: Path) -> None:
    (mirror / "status" / "doses.json").unlink()
    found = told(watched_of(mirror))
    assert "sheetal_standby_file_age_seconds status_list" not in found
    assert found["sheetal_metrics_source_failed mirror"] == 0


def test_ready_means_that_there_is_something_to_serve(mirror: Path) -> None:
    watched = watched_of(mirror)
    assert (watched.health(), watched.readiness()) == ({"ok": True}, {"ok": True})
    (mirror / "keys" / "trust.json").unlink()
    assert (watched.health(), watched.readiness()) == ({"ok": True}, {"ok": False})
    assert Watched(mirror / "gone", RequestCounts(), lambda: NOW_MS).health() == {"ok": False}


def settings(mirror: Path, port: int | None) -> StandbySettings:
    return StandbySettings(mirror_folder=mirror, health_port=port)


def test_the_inner_port_has_all_three_pages(mirror: Path) -> None:
    assert open_health(settings(mirror, None), RequestCounts()) is None
    health = open_health(settings(mirror, 0), RequestCounts())
    assert health is not None
    try:
        assert ask(f"http://127.0.0.1:{health.port}/healthz")[0]
        assert ask(f"http://127.0.0.1:{health.port}/readyz")[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{health.port}/metrics", timeout=5) as answer:
            assert b'sheetal_build_info{service="portal.standby"' in answer.read()
        with pytest.raises(SettingProblem) as caught:
            open_health(settings(mirror, health.port), RequestCounts())
        assert caught.value.facts["variable"] == "SHEETAL_HEALTH_PORT"
    finally:
        health.close()
