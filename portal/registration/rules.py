"""What a person's record must look like (pure)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

MEMBERS_PER_MOBILE_MAX = 4
NAME_CHARACTERS_MAX = 120
WRONG_CODES_MAX = 5
REFERENCE_DIGITS = 14
_MOBILE = re.compile(r"[6-9][0-9]{9}")
_CODE = re.compile(r"[0-9]{4}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Zero-width joiners: Indian scripts write some conjuncts with them, so a name may hold them.
_JOINERS = re.compile("[\u200c\u200d]")


def is_mobile(text: str) -> bool:
    """Ten digits beginning with 6 to 9, as CoWIN asks."""
    return _MOBILE.fullmatch(text) is not None


def is_code(text: str) -> bool:
    """The four digits on the citizen's slip."""
    return _CODE.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """A printable name that is not blank and not too long for any document."""
    visible = _JOINERS.sub("", text)
    return bool(visible.strip()) and len(text) <= NAME_CHARACTERS_MAX and visible.isprintable()


def normal_name(text: str) -> str:
    """The name as it is kept: composed (NFC), single blanks, none around it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_birth_date(text: str, today: date) -> bool:
    """A day YYYY-MM-DD of the last 120 years."""
    if _DAY.fullmatch(text) is None:
        return False
    try:
        born = date.fromisoformat(text)
    except ValueError:
        return False
    return date(today.year - 120, 1, 1) <= born <= today


def age_years(birth_date: str, today: date) -> int:
    """Full years of age on a day."""
    born = date.fromisoformat(birth_date)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
