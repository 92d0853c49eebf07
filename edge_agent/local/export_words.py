"""The words of saving to a stick, English and Hindi."""

from __future__ import annotations

from typing import NamedTuple


class ExportWords(NamedTuple):
    """One language; sentences with `{}` take numbers or names."""

    title: str
    hint: str
    none: str
    stick: str
    save: str
    download: str
    running: str
    done: str
    problems: dict[str, str]


EXPORT_WORDS = {
    "en": ExportWords(
        title="Take the readings with you",
        hint="60 days and the record, as CSV files with their SHA-256 sums.",
        none="No USB stick is plugged in. Plug one in, then look again.",
        stick="{}, {} MB free",
        save="Save to {}",
        download="Download as CSV",
        running="Saving: {} of {} days. Do not pull the stick out.",
        done="Saved as {}. You can pull the stick out.",
        problems={
            "full": "The stick is full. Nothing was left on it. Make room or take another one.",
            "read_only": "The stick cannot be written to. Slide its lock or take another one.",
            "gone": "The stick was pulled out. Plug it in and save again.",
            "failed": "The stick does not work. Take another one.",
            "busy": "Another save is going on. Wait for it.",
            "memory": "The readings cannot be read now. Nothing was left on the stick. Try again.",
        },
    ),
    "hi": ExportWords(
        title="डेटा साथ ले जाएँ",
        hint="60 दिन का डेटा और रिकॉर्ड, CSV फ़ाइलों में, SHA-256 जोड़ के साथ।",
        none="कोई USB नहीं लगी है। USB लगाएँ, फिर दोबारा देखें।",
        stick="{}, {} MB ख़ाली",
        save="{} में सहेजें",
        download="CSV डाउनलोड करें",
        running="सहेजा जा रहा है: {} / {} दिन। USB न निकालें।",
        done="{} नाम से सहेजा गया। अब USB निकाल सकते हैं।",
        problems={
            "full": "USB भर गई है। उस पर कुछ नहीं छोड़ा गया। जगह बनाएँ या दूसरी लगाएँ।",
            "read_only": "इस USB पर लिखा नहीं जा सकता। उसका लॉक खोलें या दूसरी लगाएँ।",
            "gone": "USB निकाल ली गई। फिर से लगाएँ और सहेजें।",
            "failed": "USB काम नहीं कर रही। दूसरी लगाएँ।",
            "busy": "पहले से सहेजा जा रहा है। रुकें।",
            "memory": "डेटा अभी पढ़ा नहीं जा सका। USB पर कुछ नहीं छोड़ा गया। फिर कोशिश करें।",
        },
    ),
}
