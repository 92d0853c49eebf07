"""The words of the pages that look back, English and Hindi."""

from __future__ import annotations

from typing import NamedTuple


class LogWords(NamedTuple):
    """One language; sentences with `{}` take numbers or names."""

    title: str
    zone: str
    band: str
    band_alt: str
    legend: str
    record: str
    record_hint: str
    period: str
    low_high: str
    recorded: str
    revised: str
    days: str
    day: str
    low: str
    high: str
    mean: str
    outside: str
    unknown: str
    gaps: str
    nothing: str
    readings: str
    time: str
    value: str
    quality: str
    good: str
    earlier: str
    later: str
    gap_list: str
    more_gaps: str
    no_day: str
    page: str
    export_hint: str


LOG_WORDS = {
    "en": LogWords(
        title="60 days",
        zone="Times are of {}.",
        band="Lowest and highest",
        band_alt="Lowest {} °C, highest {} °C, unknown {}",
        legend="The band reaches from the lowest to the highest reading. Hatched: unknown.",
        record="Record at {} and {} o’clock",
        record_hint="Lowest and highest since the last entry. An entry stays as it was made.",
        period="Until",
        low_high="Low / high",
        recorded="recorded {}",
        revised="changed {} by late readings, first {}",
        days="Days",
        day="Day",
        low="Low",
        high="High",
        mean="Mean",
        outside="Outside limits",
        unknown="Unknown",
        gaps="Gaps",
        nothing="Nothing was kept here yet.",
        readings="Readings",
        time="Time",
        value="Value",
        quality="Signal",
        good="Good",
        earlier="Earlier",
        later="Later",
        gap_list="Unknown time",
        more_gaps="and {} shorter ones",
        no_day="No such day is kept here.",
        page="Page {} of {}",
        export_hint="To save or download it, open Set-up with the device code.",
    ),
    "hi": LogWords(
        title="60 दिन",
        zone="समय {} का है।",
        band="न्यूनतम और अधिकतम",
        band_alt="न्यूनतम {} °C, अधिकतम {} °C, डेटा नहीं {}",
        legend="पट्टी सबसे कम से सबसे ज़्यादा मान तक जाती है। धारीदार: डेटा नहीं।",
        record="{} और {} बजे का रिकॉर्ड",
        record_hint="पिछली बार से अब तक का न्यूनतम और अधिकतम। लिखा हुआ बदला नहीं जाता।",
        period="कब तक",
        low_high="न्यूनतम / अधिकतम",
        recorded="{} को लिखा गया",
        revised="देर से आए मानों से {} को बदला, पहले {}",
        days="दिन",
        day="दिन",
        low="न्यूनतम",
        high="अधिकतम",
        mean="औसत",
        outside="सीमा से बाहर",
        unknown="डेटा नहीं",
        gaps="ख़ाली समय",
        nothing="यहाँ अभी कुछ नहीं रखा गया है।",
        readings="मान",
        time="समय",
        value="तापमान",
        quality="सिग्नल",
        good="ठीक",
        earlier="पहले के",
        later="बाद के",
        gap_list="डेटा नहीं",
        more_gaps="और {} छोटे",
        no_day="यह दिन यहाँ नहीं रखा गया है।",
        page="पेज {} / {}",
        export_hint="सहेजने या डाउनलोड करने के लिए उपकरण के कोड से सेटअप खोलें।",
    ),
}
