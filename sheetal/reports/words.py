"""The papers' words in English and Hindi, and how they write figures (pure)."""

from __future__ import annotations

from datetime import date

MONTHS = (
    ("January", "जनवरी"),
    ("February", "फ़रवरी"),
    ("March", "मार्च"),
    ("April", "अप्रैल"),
    ("May", "मई"),
    ("June", "जून"),
    ("July", "जुलाई"),
    ("August", "अगस्त"),
    ("September", "सितंबर"),
    ("October", "अक्टूबर"),
    ("November", "नवंबर"),
    ("December", "दिसंबर"),
)
WORDS = {
    "title": ("Cold chain report", "शीत शृंखला रिपोर्ट"),
    "facility": ("Facility", "केंद्र"),
    "month": ("Month", "माह"),
    "in_range": ("Known time in range", "सीमा में ज्ञात समय"),
    "alarms": ("Alarms", "अलार्म"),
    "holds": ("Holdings held", "रोकी गई होल्डिंग"),
    "appliance": ("Appliance, sensor", "उपकरण, सेंसर"),
    "range": ("Range", "सीमा"),
    "share": ("In range", "सीमा में"),
    "cold": ("Below, min", "नीचे, मिनट"),
    "hot": ("Above, min", "ऊपर, मिनट"),
    "unknown": ("Unknown, min", "अज्ञात, मिनट"),
    "extremes": ("Lowest to highest", "न्यूनतम से अधिकतम"),
    "checks": ("Checks", "जाँचें"),
    "none": ("No sensor measured here in this month.", "इस माह यहाँ किसी सेंसर ने माप नहीं की।"),
    "not_over": ("The month was not over when this was made.", "यह बनने तक माह पूरा नहीं हुआ था।"),
    "note": (
        (
            "Below and above are confirmed minutes outside the appliance's own range; unknown is time without readings "
            "and counts as neither. Shares are rounded down."
        ),
        (
            "नीचे और ऊपर: उपकरण की अपनी सीमा से बाहर के पक्के मिनट; अज्ञात: बिना माप का समय, जो किसी में नहीं गिना जाता। "
            "हिस्से नीचे की ओर पूर्णांकित हैं।"
        ),
    ),
    "signed": ("Seen by, date", "देखा, दिनांक"),
}
NONE = "\u2014"
MINUS = "\u2212"
TENTH = 10


def month_name(period: str) -> tuple[str, str]:
    """`November 2026`, in both languages."""
    first = date.fromisoformat(f"{period}-01")
    english, hindi = MONTHS[first.month - 1]
    return f"{english} {first.year}", f"{hindi} {first.year}"


def degrees(centi_celsius: int | None) -> str:
    """`−0.9 °C`, rounded half away from zero to one decimal; a dash for no value."""
    if centi_celsius is None:
        return NONE
    tenths = (abs(centi_celsius) + TENTH // 2) // TENTH
    sign = MINUS if centi_celsius < 0 and tenths else ""
    return f"{sign}{tenths // TENTH}.{tenths % TENTH}\u00a0°C"


def share(permille: int | None) -> str:
    """`99.4 %`; a dash where nothing is known."""
    return NONE if permille is None else f"{permille // TENTH}.{permille % TENTH}\u00a0%"
