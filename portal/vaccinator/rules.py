"""Whether this person may get this dose today, and which holding a scan means (pure)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.language import marked
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.product import Schedule

SCAN_CHARACTERS_MAX = 96
KEY_CHARACTERS_MAX = 80


@dataclass(frozen=True, slots=True)
class EarlierDose:
    """A dose this person had of the same vaccine."""

    dose_number: int
    administered_at_ms: int


@dataclass(frozen=True, slots=True)
class SiteHolding:
    """A holding at this site, as far as a lot scan needs it."""

    holding: str
    lot: str
    batch: str
    is_usable: bool
    in_session: bool


def check_schedule(
    schedule: Schedule, dose_number: int, age_years: int, earlier: Sequence[EarlierDose], now_ms: int
) -> None:
    """Raises Refused (`too_young`, `wrong_dose_number`, `too_early`) by the schedule in force today."""
    if age_years < schedule.age_years_min:
        raise Refused(marked("This person is younger than this vaccine's lowest age."), reason="too_young")
    if dose_number > schedule.doses_total or dose_number != len(earlier) + 1:
        raise Refused(
            marked("This is not the dose that is due."),
            next_step=marked("Look at the person's earlier doses."),
            reason="wrong_dose_number",
        )
    wait_days = schedule.interval_days_min or 0
    latest_ms = max((dose.administered_at_ms for dose in earlier), default=None)
    if latest_ms is not None and now_ms < latest_ms + wait_days * DAY_MS:
        raise Refused(
            marked("It is too early for this dose."),
            next_step=marked("Book a later day."),
            reason="too_early",
            due_at_ms=latest_ms + wait_days * DAY_MS,
        )


def holding_of_scan(scan: str, site: Sequence[SiteHolding]) -> str:
    """The holding a scan means: a holding's own label, or a lot that is unambiguous here (DESIGN section 8).

    Raises Refused (`scan_label`) when the site holds another holding of the lot that is not usable, or several are
    issued to the session; an unknown scan is given back as it is, for the gate to refuse.
    """
    if any(one.holding == scan for one in site):
        return scan
    of_lot = [one for one in site if scan in {one.lot, one.batch}]
    issued = [one for one in of_lot if one.in_session]
    if not issued:
        return scan
    if len(issued) > 1 or not all(one.is_usable for one in of_lot):
        raise Refused(
            marked("More than one holding of this lot is here, and not all of it may be used."),
            next_step=marked("Scan the holding's own label."),
            reason="scan_label",
            lot=of_lot[0].lot,
        )
    return issued[0].holding


def request_hash(*words: str) -> str:
    """What one idempotency key stands for; the same key with another request is refused."""
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()
