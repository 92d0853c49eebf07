"""Whether this person may get this dose today, and which holding a vial's lot means (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from portal.language import marked
from sheetal.contracts.problem import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.product import Schedule

SCAN_CHARACTERS_MAX = 96
KEY_CHARACTERS_MIN = 8
KEY_CHARACTERS_MAX = 80


@dataclass(frozen=True, slots=True)
class EarlierDose:
    """A dose this person had of the same vaccine, on which day."""

    dose_number: int
    given_on: date


@dataclass(frozen=True, slots=True)
class SiteHolding:
    """A holding of a scanned lot at this site; `is_empty` says that no vial can be from it any more."""

    holding: str
    lot: str
    may_be_used: bool
    is_empty: bool
    in_session: bool


def check_schedule(
    schedule: Schedule, dose_number: int, age_years: int, earlier: Sequence[EarlierDose], today: date
) -> None:
    """Raises Refused (`too_young`, `wrong_dose_number`, `too_early`) by the schedule in force today.

    Intervals count calendar days, as the programme states them.
    """
    if age_years < schedule.age_years_min:
        raise Refused(
            marked("This person is younger than this vaccine's lowest age."),
            next_step=marked("Ask for the session of a vaccine for this age."),
            reason="too_young",
        )
    if dose_number > schedule.doses_total or dose_number != len(earlier) + 1:
        raise Refused(
            marked("This is not the dose that is due."),
            next_step=marked("Look at the person's earlier doses."),
            reason="wrong_dose_number",
        )
    if not earlier:
        return
    due_on = max(dose.given_on for dose in earlier) + timedelta(days=schedule.interval_days_min or 0)
    if today < due_on:
        raise Refused(
            marked("It is too early for this dose."),
            next_step=marked("Book a later day."),
            reason="too_early",
            due_on=due_on.isoformat(),
        )


def holding_of_lot(of_lot: Sequence[SiteHolding]) -> str:
    """The holding that a vial's lot means: the one issued to this session (DESIGN section 8).

    Raises Refused (`scan_label`) when that does not tell where the vial is from: none of the lot is issued, several
    are, or the site has another holding of the lot that may not be used.
    """
    issued = [one for one in of_lot if one.in_session]
    if not issued:
        raise _scan_label(marked("No holding of this lot is issued to this session."))
    filled = [one for one in issued if not one.is_empty] or issued[:1]
    meant = filled[0]
    unfit = [one for one in of_lot if one != meant and one.lot == meant.lot and not (one.is_empty or one.may_be_used)]
    if len(filled) > 1 or unfit:
        raise _scan_label(marked("More than one holding of this lot is here. The lot alone does not tell them apart."))
    return meant.holding


def _scan_label(why: str) -> Refused:
    return Refused(why, next_step=marked("Scan the label on the holding's box, not the vial."), reason="scan_label")
