from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portal.orchestration.record_catalogue import main, record
from sheetal.contracts.problem import Refused
from sheetal.ledger import catalogue
from sheetal.ledger.programme import SHIPPED_FOLDER

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

ROOT = Path(__file__).parents[3]


@pytest.fixture
def address(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SHEETAL_LEDGER_URL", stage.settings.ledger_url)
    return stage.settings.ledger_url


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED_FOLDER, tmp_path / "catalogue")
    return tmp_path / "catalogue"


def change(folder: Path, before: str, after: str) -> None:
    path = folder / "products" / "covaxin.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_the_command_records_the_shipped_catalogue_once(stage: Stage, address: str) -> None:
    command = [sys.executable, "-m", "portal.orchestration.record_catalogue"]
    environment = os.environ | {"SHEETAL_LEDGER_URL": address}
    for said in ("29 with a new version: bcg, bopv", "0 with a new version: none."):
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert said in done.stdout
    with stage.ledger.read() as conn:
        assert len(catalogue.products(conn, stage.now_ms)) == 29


def test_a_changed_file_needs_a_new_version_and_nothing_is_recorded_by_half(
    stage: Stage, address: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert address
    record(copy, stage.now_ms)
    shutil.copy(copy / "products" / "covishield.toml", copy / "products" / "another.toml")
    (copy / "products" / "another.toml").write_text(
        (copy / "products" / "another.toml").read_text().replace('product = "covishield"', 'product = "another"')
    )
    change(copy, "shelf_life_months = 6", "shelf_life_months = 12")
    with pytest.raises(Refused):
        record(copy, stage.now_ms)
    assert main([str(copy)]) == 2
    assert capsys.readouterr().err.startswith("covaxin: a recorded version of a product never changes; give the new")
    with stage.ledger.read() as conn:
        assert catalogue.versions(conn, "another") == []
    change(copy, "version = 2", "version = 3")
    assert record(copy, stage.now_ms).endswith("2 with a new version: another, covaxin.")


def test_a_flaw_is_one_line_with_file_and_key(address: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert address
    change(copy, 'confidence = "high"', 'confidence = "sure"')
    assert main([str(copy)]) == 2
    said = capsys.readouterr().err
    assert said == "covaxin.toml: handling.source.confidence: is not high, medium or low; correct the file\n"


def test_an_empty_ledger_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHEETAL_LEDGER_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    assert main([]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    monkeypatch.delenv("SHEETAL_LEDGER_URL")
    assert main([]) == 2
    assert "SHEETAL_LEDGER_URL" in capsys.readouterr().err
