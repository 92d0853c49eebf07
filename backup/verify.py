"""Looks through a backup: that it is whole, that its databases open, and that its audit chains hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup import chains, manifest, postgres, readings, sqlite_copy
from backup.manifest import Kind, Manifest, Part, PartKind
from sheetal.contracts.problem import Refused
from sheetal.ledger.schema import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sheetal.ledger.seals import Seal

    Say = Callable[[str], None]


def verify(folder: Path, say: Say, outside: Seal | None = None) -> Manifest:
    """Everything that can be known of a backup without restoring it; raises Refused that names what is wrong.

    `outside` is the newest seal kept outside the database: the acts it proves and the backup lacks are told.
    """
    found = manifest.read(folder)
    manifest.check_parts(folder, found)
    say(f"{len(found.parts)} files as they were written at {found.began_at} by {found.program}")
    if found.kind is Kind.KEYS:
        return found
    for part in found.parts:
        rows = _looked_through(folder, part)
        if rows != part.rows:
            raise Refused(
                f"{part.name} holds other rows than it was made of", next_step="use another backup", reason="damaged"
            )
        say(f"{part.name}: {sum(rows.values()):,} rows of {len(rows)} tables")
    ledger = found.part(LEDGER)
    known = chains.verify(folder, ledger)
    sealed = f"sealed at {manifest.instant(known.seal.sealed_at_ms)}" if known.seal else "not yet sealed"
    say(f"{known.facilities} audit chains hold, {known.entries:,} entries, {sealed}")
    if outside is not None:
        lines = chains.missing_span(folder, ledger, outside)
        for line in lines or ["every act that the outside seal proves is in this backup"]:
            say(line)
    return found


def _looked_through(folder: Path, part: Part) -> dict[str, int]:
    file = folder / part.name
    if part.kind is PartKind.READINGS:
        return {"readings": readings.check(file)}
    if part.kind is PartKind.POSTGRESQL:
        return postgres.counts(file)
    sqlite_copy.check(file)
    return sqlite_copy.counts(file)
