from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from backup.app import main
from backup.chains import SEAL_FILE
from tests.backup.world import in_files
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from tests.backup.conftest import Said
    from tests.backup.world import World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = in_files(tmp_path / "w")
    made.begin()
    name(monkeypatch, made)
    monkeypatch.setenv("SHEETAL_FIELD_KEY_FILE", str(tmp_path / "field.key"))
    (tmp_path / "field.key").write_text("k1:abc")
    return made


def name(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    for store in ("ledger", "telemetry", "readings"):
        monkeypatch.setenv(f"SHEETAL_{store.upper()}_URL", getattr(world, f"{store}_url"))


def run(said: Said, *arguments: object) -> int:
    return main([str(word) for word in arguments], lambda: NOW_MS, said, said)


def test_the_whole_way(world: World, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(said, "make", tmp_path / "b") == 0
    assert run(said, "make-keys", tmp_path / "k") == 0
    assert run(said, "verify", tmp_path / "b") == 0
    assert run(said, "verify", tmp_path / "k") == 0
    target = in_files(tmp_path / "t")
    name(monkeypatch, target)
    assert run(said, "restore", tmp_path / "b", "--gateways-a-minute", 60) == 0
    assert target.stored() == world.stored()
    (tmp_path / "field.key").unlink()
    assert run(said, "restore-keys", tmp_path / "k") == 0
    assert (tmp_path / "field.key").read_text() == "k1:abc"
    assert "start ingest and alerts" in str(said)


def test_refusals_end_with_one_and_say_what_to_do(world: World, tmp_path: Path, said: Said) -> None:
    assert run(said, "verify", tmp_path / "nowhere") == 1
    assert said.lines[-1].endswith("use another backup")
    run(said, "make", tmp_path / "b")
    assert run(said, "make", tmp_path / "b") == 1
    assert run(said, "restore", tmp_path / "b") == 1
    assert "add --replace" in said.lines[-1]
    assert run(said, "make-keys", tmp_path / "b" / "keys") == 1
    assert "inside another backup" in said.lines[-1]
    assert run(said, "restore", tmp_path / "b", "--replace") == 0
    assert world.stored()


@pytest.mark.parametrize("command", ["make", "make-keys"])
def test_a_disk_that_says_no_is_told_in_one_line(world: World, tmp_path: Path, said: Said, command: str) -> None:
    assert world.ledger_url
    (tmp_path / "a-file").touch()
    assert run(said, command, tmp_path / "a-file" / "b") == 1
    assert "Not a directory" in said.lines[-1]
    assert "look at the disk" in said.lines[-1]


def test_a_wrong_setting_ends_with_two(
    world: World, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.readings_url
    monkeypatch.delenv("SHEETAL_LEDGER_URL")
    assert run(said, "make", tmp_path / "b") == 2
    assert "SHEETAL_LEDGER_URL" in said.lines[-1]


def test_the_mirrors_seal_is_compared_without_being_named(
    world: World, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(said, "make", tmp_path / "b")
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("SHEETAL_MIRROR_FOLDER", str(tmp_path / "mirror"))
    (tmp_path / "mirror" / SEAL_FILE).write_bytes(msgspec.json.encode(world.seal(NOW_MS + 1)))
    assert run(said, "restore", tmp_path / "b", "--replace") == 0
    assert "every act that the outside seal proves is in this backup" in str(said)


@pytest.mark.parametrize("arguments", [[], ["burn", "x"], ["restore", "x", "--gateways-a-minute", "0"]])
def test_what_cannot_be_understood_is_answered_with_the_usage(
    arguments: list[str], said: Said, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(said, *arguments)
    assert "usage: python -m backup" in capsys.readouterr().err


def test_as_a_program(world: World, tmp_path: Path) -> None:
    assert world.ledger_url
    command = [sys.executable, "-m", "backup", "make", str(tmp_path / "b")]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "is whole" in done.stdout
