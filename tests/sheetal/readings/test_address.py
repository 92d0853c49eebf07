from __future__ import annotations

import re
from pathlib import Path

from sheetal.readings.address import v1_address, v2_address, v3_address

ROOT = Path(__file__).resolve().parents[3]


def test_only_a_v1_server_takes_passwords_and_new_databases_and_v3_deletes_nothing() -> None:
    addresses = [v1_address("http://h", "cc"), v2_address("http://h", "o", "cc"), v3_address("http://h", "cc")]
    assert [address.version for address in addresses] == [1, 2, 3]
    assert [address.takes_passwords for address in addresses] == [True, False, False]
    assert [address.supports_delete for address in addresses] == [True, True, False]
    assert [address.database_to_create for address in addresses] == ["cc", None, None]


def test_every_version_is_written_in_milliseconds_and_read_by_influxql() -> None:
    for address in (v1_address("http://h", "cc"), v2_address("http://h", "o", "cc"), v3_address("http://h", "cc")):
        assert address.write_query["precision"] == "ms"
        assert address.read_query == {"db": "cc", "epoch": "ms"}
        assert address.place == "cc"
        assert "cc" in address.next_step_when_missing


def test_a_bucket_of_two_parts_is_read_as_database_and_policy() -> None:
    address = v2_address("http://h", "o", "cold/chain")
    assert address.read_query == {"db": "cold", "rp": "chain", "epoch": "ms"}
    assert address.write_query == {"org": "o", "bucket": "cold/chain", "precision": "ms"}
    assert "map it to the database cold" in address.next_step_when_missing


def test_the_compose_file_creates_what_its_address_reads() -> None:
    """The mapping that the server makes for itself at its first start is the one that the services ask for."""
    compose = (ROOT / "docker-compose.yml").read_text()
    found = re.search(r"SHEETAL_READINGS_URL: influxdb2\+(http://[^/]+)/([^/\s]+)/(\S+)", compose)
    assert found is not None
    address = v2_address(*found.groups())
    script = (ROOT / "deploy" / "influxdb" / "10-dbrp.sh").read_text()
    assert (
        f'influx v1 dbrp create --bucket-id "$DOCKER_INFLUXDB_INIT_BUCKET_ID" --db {address.read_query["db"]}' in script
    )
    assert "--rp autogen --default" in script
    assert f"DOCKER_INFLUXDB_INIT_BUCKET: {address.place}" in compose
    assert f"DOCKER_INFLUXDB_INIT_ORG: {address.write_query['org']}" in compose
    assert "DOCKER_INFLUXDB_INIT_RETENTION" not in compose  # for ever, as it is by default


def test_the_page_on_the_store_names_the_command_of_every_next_step() -> None:
    page = (ROOT / "docs" / "readings.md").read_text()
    assert "influx v1 dbrp create --org sheetal --bucket-id ID --db cc --rp autogen --default" in page
    assert "influxdb3 create database" in page
    for address in (v2_address("http://h", "o", "cc"), v3_address("http://h", "cc")):
        (command,) = re.findall(r"\((influx[^)]*)\)", address.next_step_when_missing)
        assert command in page


def test_a_v3_write_needs_no_organisation() -> None:
    address = v3_address("https://h:8181", "cc")
    assert (address.write_path, address.write_query) == ("/api/v2/write", {"bucket": "cc", "precision": "ms"})
