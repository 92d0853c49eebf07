from __future__ import annotations

from sheetal.readings.address import v1_address, v2_address, v3_address


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


def test_a_v3_write_needs_no_organisation() -> None:
    address = v3_address("https://h:8181", "cc")
    assert (address.write_path, address.write_query) == ("/api/v2/write", {"bucket": "cc", "precision": "ms"})
