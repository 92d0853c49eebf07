from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from backup import chains
from backup.make import make
from sheetal.contracts.problem import Refused
from sheetal.ledger.audit import AuditHead
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import FACILITY, NOW_MS

if TYPE_CHECKING:
    from pathlib import Path

    from backup.manifest import Manifest
    from sheetal.ledger.seals import Seal
    from tests.backup.conftest import Said
    from tests.backup.world import World


@pytest.fixture
def made(world: World, tmp_path: Path, said: Said) -> Manifest:
    return make(tmp_path / "b", world.settings, lambda: NOW_MS, said)


def with_heads(seal: Seal, *heads: AuditHead) -> Seal:
    return replace(seal, heads=msgspec.json.encode(heads).decode())


def test_chains_and_seals_of_a_backup_are_walked(made: Manifest, tmp_path: Path) -> None:
    found = chains.verify(tmp_path / "b", made.part("ledger"))
    assert (found.facilities, found.entries > 0) == (2, True)
    assert found.seal is not None
    assert found.seal.number == 1


def test_a_seal_that_reaches_further_tells_how_far(world: World, made: Manifest, tmp_path: Path) -> None:
    with closing(world.ledger()) as ledger:
        seeds.receive(ledger, "H-2")
        seeds.receive(ledger, "H-3")
    lines = chains.missing_span(tmp_path / "b", made.part("ledger"), world.seal(NOW_MS + 60_000))
    assert lines[0].startswith("2 acts from 2026-11-18T11:06:40+00:00 until 2026-11-18T11:07:40+00:00")
    assert [line.split(":")[0].strip() for line in lines[1:]] == [FACILITY]


def test_a_seal_of_another_entry_at_the_same_place_is_a_forgery(world: World, made: Manifest, tmp_path: Path) -> None:
    forged = with_heads(world.seal(NOW_MS + 1), AuditHead(FACILITY, 1, "0" * 64))
    with pytest.raises(Refused, match="not the sealed one"):
        chains.missing_span(tmp_path / "b", made.part("ledger"), forged)


def test_a_facility_that_the_backup_does_not_know_is_missing_from_its_first_act(
    world: World, made: Manifest, tmp_path: Path
) -> None:
    later = with_heads(world.seal(NOW_MS + 1), AuditHead("F-new", 3, "0" * 64))
    assert chains.missing_span(tmp_path / "b", made.part("ledger"), later)[1:] == ["  F-new: entries 1 to 3"]


def test_a_seal_is_read_as_topic_and_mirror_carry_it(world: World, tmp_path: Path) -> None:
    seal = world.seal(NOW_MS + 1)
    (tmp_path / chains.SEAL_FILE).write_bytes(msgspec.json.encode(seal))
    assert chains.read_seal(tmp_path / chains.SEAL_FILE) == seal
    (tmp_path / "other").write_bytes(b"{}")
    for name in ("other", "nowhere"):
        with pytest.raises(Refused, match="holds no seal"):
            chains.read_seal(tmp_path / name)
