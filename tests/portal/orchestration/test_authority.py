from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portal.orchestration.authority import main
from portal.orchestration.gateway_ca import Authority
from portal.orchestration.revocations import read_list
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem
from sheetal.ledger import enrolment

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

ROOT = Path(__file__).parents[3]


def test_the_command_makes_an_authority_that_loads(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "portal.orchestration.authority", "make", str(tmp_path / "ca")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ca.key" in done.stdout
    assert not Authority.load(tmp_path / "ca", demo_allowed=False, now_ms=now_ms()).is_demo
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)


def test_a_demo_authority_says_so(tmp_path: Path) -> None:
    assert main(["make", str(tmp_path), "--demo"]) == 0
    with pytest.raises(SettingProblem):
        Authority.load(tmp_path, demo_allowed=False, now_ms=now_ms())


def test_the_brokers_certificate_is_made_beside_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["make", str(tmp_path / "ca")])
    assert main(["server", str(tmp_path / "ca"), str(tmp_path / "out"), "broker.example"]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"server.crt", "server.key"}
    assert main(["server", str(tmp_path / "nothing"), str(tmp_path / "out"), "x"]) == 2
    assert "ca.pem cannot be read" in capsys.readouterr().err


def test_the_list_is_written_by_hand(
    seeded: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["make", str(tmp_path / "ca")])
    monkeypatch.setenv("SHEETAL_LEDGER_URL", seeded.settings.ledger_url)
    given = enrolment.GatewayCertificate(
        serial="c3", gateway_id="gw-01", issued_at_ms=1, expires_at_ms=now_ms() + 10**9
    )
    with seeded.ledger.write() as conn:
        enrolment.record_certificate(conn, given)
        enrolment.revoke_gateway(conn, "gw-01", "s-1", now_ms())
    assert main(["crl", str(tmp_path / "ca")]) == 0
    assert main(["crl", str(tmp_path / "ca"), str(tmp_path / "elsewhere.crl")]) == 0
    for path in (tmp_path / "ca" / "gateways.crl", tmp_path / "elsewhere.crl"):
        found = read_list(path)
        assert found is not None
        assert [entry.serial_number for entry in found] == [0xC3]
    assert "names 1 certificates" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["", "sqlite:////nowhere/at/all.db"])
def test_without_a_ledger_it_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    main(["make", str(tmp_path)])
    capsys.readouterr()
    for name in [name for name in os.environ if name.startswith("SHEETAL_")]:
        monkeypatch.delenv(name)
    if place:
        monkeypatch.setenv("SHEETAL_LEDGER_URL", place)
    assert main(["crl", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "SHEETAL_LEDGER_URL" in said
    assert len(said.splitlines()) == 1


def test_a_place_that_cannot_be_written_is_named(
    seeded: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["make", str(tmp_path / "ca")])
    monkeypatch.setenv("SHEETAL_LEDGER_URL", seeded.settings.ledger_url)
    assert main(["crl", str(tmp_path / "ca"), str(tmp_path / "no" / "such.crl")]) == 2
    assert "such.crl" in capsys.readouterr().err
