"""Whether a facility's audit trail is whole, and up to which minute that can be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from portal.language import marked
from sheetal.contracts.problem import NotFound
from sheetal.contracts.seal import UNREADABLE
from sheetal.ledger import assets, audit, seals
from sheetal.ledger.seals import Coverage, Outside, Seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

PAGE_SIZE = 50
SEAL_BYTES_MAX = 8 * 1024 * 1024
ASIDE_MAX = 100


@dataclass(frozen=True)
class ChainLine:
    """One facility's chain: its entries, and how many of them the newest seal covers."""

    facility_id: str
    name: str
    name_hindi: str
    entries: int
    sealed: int


@dataclass(frozen=True)
class ChainPage:
    """One page of all chains."""

    lines: list[ChainLine]
    page: int
    pages: int
    sealed_at_ms: int | None


@dataclass(frozen=True)
class Checked:
    """What one verification found, and of which facility."""

    facility_id: str
    name: str
    name_hindi: str
    coverage: Coverage
    checked_at_ms: int

    @property
    def tail(self) -> int:
        """How many entries no seal covers yet."""
        return max(0, self.coverage.entries - self.coverage.sealed_number)


def chains(ledger: Ledger, page: int = 1) -> ChainPage:
    """The chains of all facilities in order of their id, 50 a page; raises NotFound beyond the last page."""
    with ledger.read() as conn:
        heads = {head.facility_id: head for head in audit.heads(conn)}
        newest = seals.latest_seal(conn)
        places = assets.facilities(conn)
    sealed = newest.sealed_heads() if newest else {}
    pages = max(1, -(-len(places) // PAGE_SIZE))
    if not 1 <= page <= pages:
        raise NotFound(marked("The list has no such page."))
    lines = [
        ChainLine(
            place.id,
            place.name,
            place.name_hindi,
            heads[place.id].number if place.id in heads else 0,
            sealed[place.id].number if place.id in sealed else 0,
        )
        for place in places[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    ]
    return ChainPage(lines, page, pages, newest.sealed_at_ms if newest else None)


def check(ledger: Ledger, cipher: FieldCipher, mirror: Path | None, facility_id: str, now_ms: int) -> Checked:
    """Verify one facility's chain against its seals and the copy in the mirror; raises NotFound."""
    outside = None if mirror is None else outside_seal(mirror, genuine(cipher))
    with ledger.read() as conn:
        place = assets.facility_by_id(conn, facility_id)
        found = seals.coverage(conn, facility_id, genuine(cipher), outside)
    return Checked(facility_id, place.name, place.name_hindi, found, now_ms)


def genuine(cipher: FieldCipher) -> Callable[[Seal], bool]:
    """Whether a seal was signed under our key, as alerts signs it."""
    return lambda one: cipher.blind_index(one.hash, purpose=seals.PURPOSE) == one.signature


def outside_seal(mirror: Path, fits: Callable[[Seal], bool]) -> Seal | None:
    """The newest seal of ours that the ledger has lost, as it lies aside for those who look into it; else the mirror's.

    None where there is none that can be read.
    """
    aside = [read_seal(path) for path in sorted((mirror / seals.ASIDE_FOLDER).glob("*.json"))[:ASIDE_MAX]]
    lost = [one for one in aside if one is not None and fits(one)]
    return max(lost, key=lambda one: one.number, default=None) or read_seal(mirror / seals.MIRROR_FILE)


def read_seal(path: Path) -> Seal | None:
    """The seal kept outside the database; None where there is none that can be read."""
    try:
        with path.open("rb") as stream:
            return msgspec.json.decode(stream.read(SEAL_BYTES_MAX), type=Seal)
    except (OSError, *UNREADABLE):
        return None


OUTSIDE_WORDS = {
    Outside.AGREES: marked("The copy of the seal outside the database agrees."),
    Outside.CONTRADICTS: marked("The copy of the seal outside the database is of another history."),
    Outside.NONE: marked("No copy of the seal outside the database can be read here."),
}
