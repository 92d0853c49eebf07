"""What passes between the certificate service and its callers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.certificate.advisory import Level
    from portal.certificate.keys import SigningKeys
    from sheetal.contracts.dose_record import DoseRecord


@dataclass(frozen=True, slots=True)
class Prepared:
    """A certificate that is signed but not yet kept; holds personal data and the link's secret."""

    record: DoseRecord = field(repr=False)
    hcert: str = field(repr=False)
    secret: bytes = field(repr=False)
    status_index: int
    keys: SigningKeys = field(repr=False)
    issued_at_ms: int


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that is kept; `link` opens it and is for its owner alone."""

    certificate: str
    dose: str
    status_index: int
    link: str = field(repr=False)
    link_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What may be said of a certificate without opening it."""

    id: str
    dose: str
    facility: str
    level: Level
    level_at_ms: int | None
    issued_at_ms: int
    superseded_at_ms: int | None
    exported_at_ms: int | None


@dataclass(frozen=True, slots=True)
class SealedCertificate:
    """A row with its sealed fields, as the store hands it to the service."""

    id: str
    record_sealed: bytes = field(repr=False)
    hcert_sealed: bytes = field(repr=False)
    secret_sealed: bytes = field(repr=False)
    issued_at_ms: int


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A bundle ready to be written: where, and what."""

    certificate: str
    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Slip:
    """What the person at the session takes along."""

    certificate: Certificate
    record: DoseRecord = field(repr=False)
    link: str = field(repr=False)
    link_qr_svg: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExportBacklog:
    """What waits to become a file: how many, how many of them failed before, and when the oldest was issued."""

    waiting: int
    failing: int
    oldest_ms: int | None
