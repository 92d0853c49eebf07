"""The words of the gateway's own screen, English and Hindi."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One language; the `_ago` sentences take one number."""

    language: str
    other_language: str
    other_name: str
    title: str
    states: dict[str, str]
    freeze_alarm: str
    heat_alarm: str
    waiting: str
    last_ack: str
    broker: str
    connected: str
    away: str
    devices: str
    refused_dropped: str
    never: str
    seconds_ago: str
    minutes_ago: str
    hours_ago: str
    no_probes: str


WORDS = {
    "en": Words(
        language="en",
        other_language="hi",
        other_name="हिन्दी",
        title="Gateway",
        states={
            "in_range": "In range",
            "warm": "Warm",
            "cold": "Cold",
            "freezing": "Freezing",
            "no_data": "No data",
        },
        freeze_alarm="freeze alarm",
        heat_alarm="heat alarm",
        waiting="Waiting to be sent",
        last_ack="Last confirmed",
        broker="Connection",
        connected="connected",
        away="away, readings are kept",
        devices="Devices answering",
        refused_dropped="Refused / dropped",
        never="never",
        seconds_ago="{} s ago",
        minutes_ago="{} min ago",
        hours_ago="{} h ago",
        no_probes="No probe is set up.",
    ),
    "hi": Words(
        language="hi",
        other_language="en",
        other_name="English",
        title="गेटवे",
        states={
            "in_range": "सीमा में",
            "warm": "गर्म",
            "cold": "ठंडा",
            "freezing": "जम रहा है",
            "no_data": "डेटा नहीं",
        },
        freeze_alarm="जमने का अलार्म",
        heat_alarm="गर्मी का अलार्म",
        waiting="भेजना बाकी",
        last_ack="पिछली पुष्टि",
        broker="संपर्क",
        connected="जुड़ा है",
        away="नहीं जुड़ा, रीडिंग सुरक्षित हैं",
        devices="चालू उपकरण",
        refused_dropped="अस्वीकृत / हटाए गए",
        never="कभी नहीं",
        seconds_ago="{} से. पहले",
        minutes_ago="{} मि. पहले",
        hours_ago="{} घं. पहले",
        no_probes="कोई प्रोब नहीं जोड़ा गया है।",
    ),
}
