"""What the vaccinator's pages and API ask and are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from portal.vaccinator.rules import SCAN_CHARACTERS_MAX

if TYPE_CHECKING:
    from sheetal.contracts.problem import Refused
    from sheetal.contracts.verdict import Verdict


class CheckRequest(BaseModel):
    """Ask about a vial or holding."""

    model_config = ConfigDict(extra="forbid")

    session: str = Field(max_length=48)
    scan: str = Field(min_length=1, max_length=SCAN_CHARACTERS_MAX)


class GiveRequest(CheckRequest):
    """Record a dose for an appointment, with the 4 digits of the citizen's slip."""

    appointment: str = Field(max_length=48)
    citizen_code: str = Field(pattern=r"^[0-9]{4}$")


@dataclass(frozen=True, slots=True)
class Instead:
    """A holding of this session that may be used."""

    holding: str
    lot: str
    batch: str
    doses_left: int
    appliance_name: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """USE when `refused` is None; otherwise why not, by which verdict, and what to take instead."""

    holding: str
    lot: str | None
    batch: str | None
    doses_left: int | None
    appliance_name: str | None
    expires_at_ms: int | None
    refused: Refused | None
    verdict: Verdict | None
    take_instead: Instead | None


@dataclass(frozen=True, slots=True)
class Given:
    """A recorded dose; `certificate_url` carries the link's secret and is for the citizen alone."""

    dose: str
    certificate: str
    certificate_url: str = field(repr=False)
    is_new: bool = True
