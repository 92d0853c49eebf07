"""Keys backed up apart from the data: what one thief takes is then of no use without the other."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from backup import manifest
from backup.folder import growing, sync
from backup.manifest import PRIVATE, Kind, Manifest, Part, PartKind
from sheetal.contracts.problem import Refused, SettingProblem
from sheetal.contracts.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sheetal.contracts.clock import Clock

FILES_MAX = 1_000
PRIVATE_FOLDER = 0o700


def make(folder: Path, places: Mapping[str, Path], clock: Clock) -> Manifest:
    """Copy every key file into a new folder that only its owner reads; raises SettingProblem and Refused."""
    began_at_ms = clock()
    with growing(folder, Kind.KEYS) as growth:
        parts = []
        for name, source in _files(places):
            target = growth / name
            target.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            _copy_private(source, target)
            size, sha256 = manifest.digest_of(target)
            parts.append(Part(name=name, kind=PartKind.KEY, stores=[], bytes=size, sha256=sha256))
        made = Manifest(
            kind=Kind.KEYS,
            program=VERSION,
            revision="",
            began_at_ms=began_at_ms,
            ended_at_ms=clock(),
            began_at=manifest.instant(began_at_ms),
            parts=parts,
        )
        manifest.write(growth, made)
    return made


def restore(folder: Path, places: Mapping[str, Path], *, replaces: bool = False) -> Manifest:
    """Put every key file back where the settings say; raises SettingProblem, and Refused over what stands there."""
    found = manifest.read(folder)
    if found.kind is not Kind.KEYS:
        raise Refused(f"{folder} holds data", next_step="use restore", reason="kind")
    manifest.check_parts(folder, found)
    targets = {part.name: _target(part.name, places) for part in found.parts}
    standing = [str(target) for target in targets.values() if target.exists()]
    if standing and not replaces:
        raise Refused(f"{standing[0]} is there", next_step="add --replace to lose it", reason="not_empty")
    for name, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        new = target.with_name(target.name + ".restoring")
        new.unlink(missing_ok=True)
        _copy_private(folder / name, new)
        new.replace(target)
        sync(target.parent)
    return found


def _files(places: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Each key file with its name in the backup, `set/path`."""
    count = 0
    for name, place in sorted(places.items()):
        if not place.exists():
            raise SettingProblem(f"{place} is not there", next_step="set where the keys are", variable=name)
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        for file in files:
            count += 1
            if count > FILES_MAX:
                raise Refused(f"{place} holds too many files for keys", next_step="check the settings", reason="folder")
            inside = file.name if place.is_file() else file.relative_to(place).as_posix()
            yield f"{name}/{inside}", file


def _target(name: str, places: Mapping[str, Path]) -> Path:
    """Where a file of the backup belongs; raises SettingProblem for a set that no setting places."""
    path = PurePosixPath(name)
    key_set = path.parts[0]
    if path.is_absolute() or ".." in path.parts or len(path.parts) == 1:
        raise Refused(f"{name} is no name of a key", next_step="use another backup", reason="damaged")
    if key_set not in places:
        raise SettingProblem(
            f"the backup holds {key_set} keys, and no setting says where they belong",
            next_step="set SHEETAL_FIELD_KEY_FILE, SHEETAL_CERTIFICATE_KEY_FOLDER and SHEETAL_GATEWAY_CA_FOLDER",
            variable=key_set,
        )
    return places[key_set] if key_set == "field" else places[key_set].joinpath(*path.parts[1:])


def _copy_private(source: Path, target: Path) -> None:
    number = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with source.open("rb") as read, os.fdopen(number, "wb") as written:
        shutil.copyfileobj(read, written)
        written.flush()
        os.fsync(written.fileno())
