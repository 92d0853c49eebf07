from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import pytest

from portal.orchestration.revocations import CHECK_MS, RENEWED_MS, ListKeeper, read_list, write_list
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import enrolment
from tests.portal.given_gateways import authority

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.conftest import Stage


def listed(path: Path) -> set[str]:
    found = read_list(path)
    assert found is not None
    return {f"{entry.serial_number:x}" for entry in found}


def certify(stage: Stage, serial: str, gateway_id: str) -> None:
    given = enrolment.GatewayCertificate(
        serial=serial,
        gateway_id=gateway_id,
        issued_at_ms=stage.now_ms,
        expires_at_ms=stage.now_ms + 30 * DAY_MS,
    )
    with stage.ledger.write() as conn:
        enrolment.record_certificate(conn, given)


def revoke(stage: Stage, gateway_id: str) -> None:
    with stage.ledger.write() as conn:
        enrolment.revoke_gateway(conn, gateway_id, "s-1", stage.now_ms)


def keeper(stage: Stage, folder: Path) -> ListKeeper:
    return ListKeeper(authority(folder, stage.now_ms), folder)


def written(path: Path) -> int:
    return path.stat().st_mtime_ns


def test_a_revoked_gateway_is_listed_at_the_next_look(seeded: Stage, tmp_path: Path) -> None:
    for serial, gateway in (("a1", "gw-01"), ("b2", "gw-02")):
        certify(seeded, serial, gateway)
    keep, path = keeper(seeded, tmp_path / "ca"), tmp_path / "ca" / "gateways.crl"
    keep(seeded.ledger, seeded.now_ms)
    assert listed(path) == set()
    revoke(seeded, "gw-01")
    keep(seeded.ledger, seeded.now_ms + 1_000)
    assert listed(path) == set(), "it looks every five seconds, not every round"
    keep(seeded.ledger, seeded.now_ms + CHECK_MS + 1)
    assert listed(path) == {"a1"}
    revoke(seeded, "gw-02")
    keep(seeded.ledger, seeded.now_ms + 2 * CHECK_MS + 2)
    assert listed(path) == {"a1", "b2"}


def test_an_unchanged_list_is_renewed_once_a_day(seeded: Stage, tmp_path: Path) -> None:
    keep, path = keeper(seeded, tmp_path / "ca"), tmp_path / "ca" / "gateways.crl"
    keep(seeded.ledger, seeded.now_ms)
    first = written(path)
    keep(seeded.ledger, seeded.now_ms + RENEWED_MS - 1)
    assert written(path) == first
    keep(seeded.ledger, seeded.now_ms + RENEWED_MS + CHECK_MS)
    assert written(path) != first
    found = read_list(path)
    assert found is not None
    assert found.next_update_utc is not None
    ends_ms = found.next_update_utc.timestamp() * 1000
    assert ends_ms == pytest.approx(seeded.now_ms + RENEWED_MS + CHECK_MS + 7 * DAY_MS, abs=1_000)


def test_a_successor_goes_on_from_the_file(seeded: Stage, tmp_path: Path) -> None:
    path = tmp_path / "ca" / "gateways.crl"
    keeper(seeded, tmp_path / "ca")(seeded.ledger, seeded.now_ms)
    first = written(path)
    keeper(seeded, tmp_path / "ca")(seeded.ledger, seeded.now_ms + 1)
    assert written(path) == first
    keeper(seeded, tmp_path / "ca")(seeded.ledger, seeded.now_ms + RENEWED_MS + 1_000)
    assert written(path) != first


@pytest.mark.parametrize("harm", ["gone", "rubbish", "another authority's"])
def test_a_list_that_is_lost_is_written_anew(seeded: Stage, tmp_path: Path, harm: str) -> None:
    certify(seeded, "a1", "gw-01")
    revoke(seeded, "gw-01")
    keep, path = keeper(seeded, tmp_path / "ca"), tmp_path / "ca" / "gateways.crl"
    keep(seeded.ledger, seeded.now_ms)
    if harm == "gone":
        path.unlink()
    elif harm == "rubbish":
        path.write_text("rubbish")
        keep = keeper(seeded, tmp_path / "ca")
    else:
        write_list(authority(tmp_path / "other", seeded.now_ms), path, {"a1": seeded.now_ms}, seeded.now_ms)
        keep = keeper(seeded, tmp_path / "ca")
    keep(seeded.ledger, seeded.now_ms + CHECK_MS + 1)
    assert listed(path) == {"a1"}
    found = read_list(path)
    assert found is not None
    assert found.is_signature_valid(authority(tmp_path / "ca", seeded.now_ms).private_key.public_key())


def test_a_clock_set_back_does_not_stop_the_looking(seeded: Stage, tmp_path: Path) -> None:
    certify(seeded, "a1", "gw-01")
    keep, path = keeper(seeded, tmp_path / "ca"), tmp_path / "ca" / "gateways.crl"
    keep(seeded.ledger, seeded.now_ms)
    revoke(seeded, "gw-01")
    keep(seeded.ledger, seeded.now_ms - DAY_MS)
    assert listed(path) == {"a1"}


def test_a_reader_never_sees_half_a_list(stage: Stage, tmp_path: Path) -> None:
    one, path = authority(tmp_path, stage.now_ms), tmp_path / "gateways.crl"
    many = {f"{number:x}": stage.now_ms for number in range(1, 500)}
    stop, broken = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            if read_list(path) is None:
                broken.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        write_list(one, path, many, stage.now_ms + number)
    stop.set()
    reader.join()
    assert broken == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert sorted(found.name for found in tmp_path.glob("*crl*")) == ["gateways.crl"]


def test_each_list_is_dated_after_the_one_it_replaces(stage: Stage, tmp_path: Path) -> None:
    one, path = authority(tmp_path, stage.now_ms), tmp_path / "gateways.crl"
    seen = []
    for _ in range(3):
        write_list(one, path, {}, stage.now_ms)
        found = read_list(path)
        assert found is not None
        seen.append(found.last_update_utc)
    assert seen == sorted(set(seen))


def test_a_folder_of_its_own_gets_all_that_a_broker_may_know(seeded: Stage, tmp_path: Path) -> None:
    one = authority(tmp_path / "ca", seeded.now_ms)
    (tmp_path / "broker").mkdir()
    ListKeeper(one, tmp_path / "broker")(seeded.ledger, seeded.now_ms)
    assert sorted(path.name for path in (tmp_path / "broker").iterdir()) == ["ca.pem", "gateways.crl"]
    assert (tmp_path / "broker" / "ca.pem").read_text() == one.pem
