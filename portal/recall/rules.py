"""Which doses a compromise reaches, and how far their owners have been told (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sheetal.contracts.disposition import Disposition

RELEASED = frozenset({Disposition.RELEASED, Disposition.RELEASED_USE_FIRST})
DECIDED = RELEASED | {Disposition.CONDEMNED, Disposition.DESTROYED}


@dataclass(frozen=True, slots=True)
class TrailDose:
    """A dose on the way from a certificate to a probe: the how-manieth of those looked at, and its certificate."""

    number: int
    administered_at_ms: int
    dose_number: int
    certificate: str | None
    level: int


@dataclass(frozen=True, slots=True)
class Trail:
    """Doses given from a holding: from its own label in all, since it was compromised, and one of them.

    `dose` is one of `counted`: of those since the compromise where there is one, else of all.
    """

    given: int
    since: int | None
    counted: int
    dose: TrailDose | None


class ContactState(StrEnum):
    """How far a dose's owner has been told."""

    TO_CONTACT = "to_contact"
    CONTACTED = "contacted"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Reach:
    """A compromise on one holding: doses from `from_ms` on, up to a person's later decision to release it."""

    holding: str
    from_ms: int
    until_ms: int | None

    def covers(self, administered_at_ms: int) -> bool:
        """Whether a dose given at this instant is to be recalled."""
        return self.from_ms <= administered_at_ms and (self.until_ms is None or administered_at_ms < self.until_ms)


def reach_of(holding: str, disposition: Disposition, disposition_at_ms: int, from_ms: int) -> Reach:
    """What a compromise reaches on a holding as it stands; for doses after a release its signer answers."""
    until_ms = disposition_at_ms if disposition in RELEASED and disposition_at_ms > from_ms else None
    return Reach(holding, from_ms, until_ms)


def is_decided(disposition: Disposition) -> bool:
    """Whether a person has decided on the holding, so that its case can gain no more doses."""
    return disposition in DECIDED


def window(total: int, at_ms: int, size: int, every_ms: int) -> int:
    """Where to look next among `total` rows, `size` at a time, so that all are looked at in turn as time goes on."""
    windows = max(1, -(-total // size))
    return at_ms // every_ms % windows * size
