from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import msgspec
import pytest

from backup import keys, manifest
from backup.manifest import Kind
from backup.verify import verify
from sheetal.contracts.problem import Refused, SettingProblem
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.backup.conftest import Said


def clock() -> int:
    return NOW_MS


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """A field key and a folder of certificate keys with a retired one, all readable by anyone, as people leave them."""
    (tmp_path / "field.key").write_text("k1:abc")
    (tmp_path / "certs" / "earlier").mkdir(parents=True)
    (tmp_path / "certs" / "dsc.key").write_text("a signing key")
    (tmp_path / "certs" / "earlier" / "dsc.pem").write_text("an old certificate")
    for path in tmp_path.rglob("*"):
        path.chmod(0o755)
    return {"field": tmp_path / "field.key", "certificate": tmp_path / "certs"}


@pytest.fixture
def kept(places: dict[str, Path], tmp_path: Path) -> Path:
    keys.make(tmp_path / "kept", places, clock)
    return tmp_path / "kept"


def test_every_key_is_kept_for_its_owner_alone(kept: Path) -> None:
    found = manifest.read(kept)
    assert found.kind is Kind.KEYS
    assert [part.name for part in found.parts] == [
        "certificate/dsc.key",
        "certificate/earlier/dsc.pem",
        "field/field.key",
    ]
    modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in kept.rglob("*")}
    assert modes == {True: 0o700, False: 0o600}


def test_keys_come_back_where_the_settings_say(kept: Path, tmp_path: Path) -> None:
    target = {"field": tmp_path / "new" / "k", "certificate": tmp_path / "new" / "c"}
    assert len(keys.restore(kept, target).parts) == 3
    assert target["field"].read_text() == "k1:abc"
    assert (target["certificate"] / "earlier" / "dsc.pem").read_text() == "an old certificate"
    assert stat.S_IMODE(target["field"].stat().st_mode) == 0o600


def test_a_key_that_stands_there_is_lost_only_by_a_word(kept: Path, places: dict[str, Path]) -> None:
    places["field"].write_text("k2:newer")
    with pytest.raises(Refused, match="is there"):
        keys.restore(kept, places)
    assert places["field"].read_text() == "k2:newer"
    keys.restore(kept, places, replaces=True)
    assert places["field"].read_text() == "k1:abc"


def test_a_set_without_a_place_is_told_before_anything_is_written(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingProblem, match="certificate keys"):
        keys.restore(kept, {"field": tmp_path / "other"})
    assert not (tmp_path / "other").exists()


def test_a_damaged_key_is_not_put_back(kept: Path, tmp_path: Path, said: Said) -> None:
    verify(kept, said)
    (kept / "field" / "field.key").write_text("k1:abx")
    with pytest.raises(Refused, match="damaged field"):
        keys.restore(kept, {"field": tmp_path / "o", "certificate": tmp_path / "p"})
    with pytest.raises(Refused, match="damaged field"):
        verify(kept, said)


def test_missing_and_too_many_keys_are_refused(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingProblem, match="is not there"):
        keys.make(tmp_path / "k", {"field": tmp_path / "nowhere"}, clock)
    monkeypatch.setattr(keys, "FILES_MAX", 1)
    with pytest.raises(Refused, match="too many"):
        keys.make(tmp_path / "k", places, clock)
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize("name", ["/etc/passwd", "field/../../x", "field"])
def test_a_name_cannot_lead_outside(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no name of a key"):
        keys._target(name, {"field": tmp_path})


def test_data_are_not_restored_as_keys(kept: Path, tmp_path: Path) -> None:
    found = manifest.read(kept)
    manifest.write(kept, msgspec.structs.replace(found, kind=Kind.DATA))
    with pytest.raises(Refused, match="holds data"):
        keys.restore(kept, {"field": tmp_path})
