from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sheetal.contracts.problem import Unavailable
from sheetal.contracts.version import VERSION
from sheetal.metrics import (
    COMMON,
    CONTENT_TYPE,
    Kind,
    Metric,
    MetricsPage,
    Sample,
    disks,
    folder_of,
    remembered,
)
from sheetal.tally import Buckets

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
EATEN = Metric("sheetal_test_eaten_total", "Apples eaten.", Kind.COUNTER, ("kind",))
LEFT = Metric("sheetal_test_left", "Apples left.", Kind.GAUGE)
TOOK = Metric("sheetal_test_bite_seconds", "How long a bite took.", Kind.HISTOGRAM)


def told(page: MetricsPage) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    content_type, body = page.render()
    assert content_type == CONTENT_TYPE
    families = text_string_to_metric_families(body.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_samples_are_read_anew_at_each_asking() -> None:
    eaten = {"red": 1}
    page = MetricsPage("test", {"all": lambda: [EATEN.of(count, kind) for kind, count in eaten.items()]})
    assert told(page)["sheetal_test_eaten_total", (("kind", "red"),)] == 1
    eaten |= {"red": 5, "green": 2}
    found = told(page)
    assert found["sheetal_test_eaten_total", (("kind", "red"),)] == 5
    assert found["sheetal_test_eaten_total", (("kind", "green"),)] == 2


def test_a_histogram_has_its_buckets_sum_and_count() -> None:
    bites = Buckets((0.1, 1.0))
    for seconds in (0.05, 0.5, 7.0):
        bites.observe(seconds)
    found = told(MetricsPage("test", {"all": lambda: [TOOK.of(bites)]}))
    assert found["sheetal_test_bite_seconds_bucket", (("le", "0.1"),)] == 1
    assert found["sheetal_test_bite_seconds_bucket", (("le", "1.0"),)] == 2
    assert found["sheetal_test_bite_seconds_bucket", (("le", "+Inf"),)] == 3
    assert found["sheetal_test_bite_seconds_sum", ()] == pytest.approx(7.55)
    assert found["sheetal_test_bite_seconds_count", ()] == 3


def test_every_page_tells_the_service_the_process_and_its_log() -> None:
    found = told(MetricsPage("ingest", {}))
    assert found["sheetal_build_info", (("service", "ingest"), ("version", VERSION))] == 1
    # What the kernel says in /proc, which only Linux has.
    if Path("/proc/self/stat").exists():
        assert found["process_resident_memory_bytes", ()] > 1_000_000
        assert found["process_open_fds", ()] > 0
        assert ("process_cpu_seconds_total", ()) in found


def test_a_part_that_cannot_be_read_leaves_the_others_alone() -> None:
    def away() -> Iterable[Sample]:
        yield LEFT.of(9)
        raise Unavailable("the ledger does not answer")

    found = told(MetricsPage("test", {"ledger": away, "own": lambda: [EATEN.of(1, "red")]}))
    assert found["sheetal_metrics_source_failed", (("source", "ledger"),)] == 1
    assert found["sheetal_metrics_source_failed", (("source", "own"),)] == 0
    assert ("sheetal_test_left", ()) not in found
    assert found["sheetal_test_eaten_total", (("kind", "red"),)] == 1


def test_a_store_is_asked_at_most_once_in_its_time_but_a_failure_is_tried_again() -> None:
    now, asked, is_away = [100.0], [0], [False]

    def ask() -> Iterable[Sample]:
        asked[0] += 1
        if is_away[0]:
            raise Unavailable("away")
        return [LEFT.of(asked[0])]

    source = remembered(ask, 5.0, monotonic=lambda: now[0])
    assert [sample.value for _ in range(3) for sample in source()] == [1, 1, 1]
    now[0] += 5.0
    is_away[0] = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            source()
    is_away[0] = False
    assert [sample.value for sample in source()] == [4]


@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        ("ingest_messages_total", Kind.COUNTER, ()),
        ("sheetal_messages", Kind.COUNTER, ()),
        ("sheetal_messages_total", Kind.GAUGE, ()),
        ("sheetal_Messages", Kind.GAUGE, ()),
        ("sheetal_messages", Kind.GAUGE, ("Sensor-id",)),
        ("sheetal__messages", Kind.GAUGE, ()),
    ],
)
def test_a_name_against_the_conventions_is_refused_at_import(name: str, kind: Kind, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=name):
        Metric(name, "What.", kind, labels)


@pytest.mark.parametrize("sample", [LEFT.of(Buckets()), TOOK.of(3)])
def test_a_value_of_the_wrong_kind_is_an_error_of_the_program(sample: Sample) -> None:
    with pytest.raises(TypeError):
        MetricsPage("test", {"own": lambda: [sample]}).render()


def test_what_every_service_tells_carries_only_few_valued_labels() -> None:
    assert {label for metric in COMMON for label in metric.labels} == {"service", "version", "source", "level", "place"}


def test_the_gateway_and_the_simulator_load_no_prometheus() -> None:
    asked = "import sys, edge_agent.app, firmware_sim.__main__; print([m for m in sys.modules if 'prometheus' in m])"
    command = [sys.executable, "-c", asked]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "[]\n"


def test_the_room_on_a_disk_is_told_by_place(tmp_path: Path) -> None:
    found = told(MetricsPage("test", {"disk": disks({"mirror": tmp_path, "ledger": None})}))
    free, size = (found[f"sheetal_disk_{part}_bytes", (("place", "mirror"),)] for part in ("free", "size"))
    assert 0 < free < size
    assert not any(("place", "ledger") in labels for _, labels in found)


def test_a_place_that_is_gone_is_a_part_that_cannot_be_read(tmp_path: Path) -> None:
    found = told(MetricsPage("test", {"disk": disks({"mirror": tmp_path / "gone"})}))
    assert found["sheetal_metrics_source_failed", (("source", "disk"),)] == 1


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("sqlite:////srv/data/ledger.db", Path("/srv/data")),
        ("postgresql+psycopg://sheetal:secret@postgres:5432/sheetal", None),
        ("influxdb2+http://influxdb:8086/org/cc", None),
        ("memory:", None),
    ],
)
def test_only_a_store_that_is_a_file_has_a_folder(address: str, folder: Path | None) -> None:
    assert folder_of(address) == folder
