from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.readings.connect import open_readings
from sheetal.readings.influxdb import InfluxdbReadings
from sheetal.readings.memory import MemoryReadings
from sheetal.readings.sqlite import SqliteReadings
from tests.stack.servers import free_port


def test_memory_and_sqlite(tmp_path: Path) -> None:
    assert isinstance(open_readings("memory:"), MemoryReadings)
    store = open_readings(f"sqlite:///{tmp_path}/readings.db")
    assert isinstance(store, SqliteReadings)
    assert not (tmp_path / "readings.db").exists()
    store.read("s", 0, 9)
    assert (tmp_path / "readings.db").exists()
    store.close()


@pytest.mark.parametrize(
    ("url", "write_path", "write_query", "read_query"),
    [
        (
            "influxdb1+http://127.0.0.1:8086/cc",
            "/write",
            {"db": "cc", "precision": "ms"},
            {"db": "cc", "epoch": "ms"},
        ),
        (
            "influxdb2+https://influx.example/health/cold%2Fchain",
            "/api/v2/write",
            {"org": "health", "bucket": "cold/chain", "precision": "ms"},
            {"db": "cold", "rp": "chain", "epoch": "ms"},
        ),
        (
            "influxdb3+http://127.0.0.1:8181/cc",
            "/api/v2/write",
            {"bucket": "cc", "precision": "ms"},
            {"db": "cc", "epoch": "ms"},
        ),
        (
            "influxdb2+http://[::1]:8086/Health%20Ministry/cc/",
            "/api/v2/write",
            {"org": "Health Ministry", "bucket": "cc", "precision": "ms"},
            {"db": "cc", "epoch": "ms"},
        ),
    ],
)
def test_influxdb_addresses(url: str, write_path: str, write_query: dict[str, str], read_query: dict[str, str]) -> None:
    store = open_readings(url, "user:secret")
    assert isinstance(store, InfluxdbReadings)
    address = store._address
    assert (address.write_path, address.write_query, address.read_query) == (write_path, write_query, read_query)
    assert url.partition("+")[2].startswith(address.origin + "/")
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "sqlite:///",
        "sqlite:////no/such/folder/readings.db",
        "sqlite:////tmp",
        "postgresql://127.0.0.1/cc",
        "http://127.0.0.1:8086/cc",
        "influxdb1://127.0.0.1/cc",
        "influxdb1+ftp://127.0.0.1/cc",
        "influxdb1+http:///cc",
        "influxdb1+http://127.0.0.1:8086",
        "influxdb1+http://127.0.0.1:8086/",
        "influxdb1+http://127.0.0.1:8086/a/b",
        'influxdb1+http://127.0.0.1:8086/a"b',
        "influxdb1+http://user:secret@127.0.0.1:8086/cc",
        "influxdb1+http://127.0.0.1:port/cc",
        "influxdb1+http://[::1/cc",
        "influxdb2+http://127.0.0.1:8086/cc",
        "influxdb3+http://127.0.0.1:8181/org/cc",
        "influxdb4+http://127.0.0.1:8181/cc",
    ],
)
def test_a_wrong_address_names_the_variable_on_one_line(url: str) -> None:
    with pytest.raises(SettingProblem) as caught:
        open_readings(url)
    assert caught.value.message.startswith("SHEETAL_READINGS_URL")
    assert "\n" not in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.next_step
    assert caught.value.facts["variable"] == "SHEETAL_READINGS_URL"


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("influxdb1+http://127.0.0.1:8086/cc", "user:line\nbreak"),
        ("influxdb1+http://127.0.0.1:8086/cc", "break-without-user"),
        ("influxdb2+http://127.0.0.1:8086/health/cc", "break\r"),
        ("influxdb2+http://127.0.0.1:8086/health/cc", "é-break"),
    ],
)
def test_a_secret_that_cannot_stand_in_a_header_is_a_wrong_setting(url: str, token: str) -> None:
    with pytest.raises(SettingProblem) as caught:
        open_readings(url, token)
    assert caught.value.facts["variable"] == "SHEETAL_READINGS_TOKEN"
    assert "break" not in caught.value.message


def test_opening_never_connects() -> None:
    store = open_readings(f"influxdb1+http://127.0.0.1:{free_port()}/cc")
    assert not store.health().ok
    with pytest.raises(Unavailable) as caught:
        store.count("s", 0, 9)
    assert caught.value.retry_after_seconds > 0
    store.close()


@pytest.mark.parametrize("url", ["memory:", "sqlite:///readings.db"])
def test_embedded_users_do_not_pay_for_the_client(url: str, tmp_path: Path) -> None:
    script = (
        "import sys; from sheetal.readings.connect import open_readings\n"
        f"open_readings({url!r})\n"
        "assert not {name.partition('.')[0] for name in sys.modules} & {'influxdb_client', 'reactivex', 'urllib3'}"
    )
    root = Path(__file__).resolve().parents[3]
    environment = {"PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, env=environment)
