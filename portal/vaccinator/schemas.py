"""What the vaccinator's pages and API ask and are told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from portal.vaccinator.rules import KEY_CHARACTERS_MAX, KEY_CHARACTERS_MIN, SCAN_CHARACTERS_MAX

if TYPE_CHECKING:
    from portal.orchestration.service import Session
    from portal.registration.service import Appointment
    from sheetal.contracts.problem import Refused
    from sheetal.contracts.verdict import Verdict

CODE_PATTERN = re.compile(r"[0-9]{4}")


class CheckRequest(BaseModel):
    """Ask about a vial or holding."""

    model_config = ConfigDict(extra="forbid")

    session: str = Field(max_length=48)
    scan: str = Field(min_length=1, max_length=SCAN_CHARACTERS_MAX)


class GiveRequest(CheckRequest):
    """Record a dose for an appointment, with the 4 digits of the citizen's slip."""

    appointment: str = Field(max_length=48)
    citizen_code: str = Field(pattern=r"^[0-9]{4}$", repr=False)


class GiveForm(BaseModel):
    """The same as a page's form; the code is looked at later, so that the page can say what is wrong with it."""

    session: str = Field(max_length=48)
    appointment: str = Field(max_length=48)
    scan: str = Field(min_length=1, max_length=SCAN_CHARACTERS_MAX)
    key: str = Field(min_length=KEY_CHARACTERS_MIN, max_length=KEY_CHARACTERS_MAX)
    citizen_code: str = Field(default="", max_length=12, repr=False)


@dataclass(frozen=True, slots=True)
class Instead:
    """A holding of this session that may be used."""

    holding: str
    lot: str
    batch: str
    doses_left: int
    appliance_name: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """USE when `refused` is None; otherwise why not, by which verdict, and what to take instead.

    What is not this site's is refused without its facts.
    """

    holding: str
    lot: str | None = None
    batch: str | None = None
    doses_left: int | None = None
    appliance_name: str | None = None
    expires_at_ms: int | None = None
    refused: Refused | None = None
    verdict: Verdict | None = None
    take_instead: Instead | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A recorded dose; `certificate_url` carries the link's secret and is for the citizen alone."""

    dose: str
    certificate: str
    certificate_url: str = field(repr=False)
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class GivenDose:
    """A recorded dose as its page shows it, without the person."""

    dose: str
    dose_number: int
    session: str
    certificate: str
    administered_at_ms: int


@dataclass(frozen=True, slots=True)
class Site:
    """The head of a vaccinator's page: where and what."""

    facility_name: str
    facility_name_hindi: str
    product_name: str
    product_name_hindi: str
    doses_total: int


@dataclass(frozen=True, slots=True)
class Today:
    """One session of the site as its page shows it, without names; `others` are the site's other sessions by now."""

    session: Session
    is_open: bool
    site: Site
    holdings: list[Answer]
    appointments: list[Appointment]
    others: list[Session]
