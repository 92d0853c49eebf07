"""The words of the gateway's own screen, English and Hindi."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One language; sentences with `{}` take numbers or names."""

    language: str
    other_language: str
    other_name: str
    limits: str
    today: str
    time_left: str
    minutes: str
    hours_minutes: str
    do_now: str
    move_to: str
    move_to_box: str
    check_thermostat: str
    check_probe: str
    check_device: str
    others: str
    more: str
    last_value: str
    states: dict[str, str]
    faults: dict[int, str]
    stale: str
    alarms: dict[str, str]
    waiting: str
    last_ack: str
    clock: str
    clock_sources: dict[str, str]
    no_clock: str
    seconds_off: str
    minutes_off: str
    portal: str
    away: str
    probes: str
    of: str
    never: str
    seconds_ago: str
    minutes_ago: str
    hours_ago: str
    days_ago: str
    no_probes: str
    log: str
    set_up: str
    back: str
    test: str
    identify: str
    hook_failed: str
    silenced: str
    no_answer: str


WORDS = {
    "en": Words(
        language="en",
        other_language="hi",
        other_name="हिन्दी",
        limits="Limits {} to {}",
        today="Today, low / high",
        time_left="Time left",
        minutes="{} min",
        hours_minutes="{} h {} min",
        do_now="Do now",
        move_to="Move vaccines to {}",
        move_to_box="Move vaccines to a cold box",
        check_thermostat="Turn the thermostat warmer",
        check_probe="Check the probe and its cable",
        check_device="Check the logger and its power",
        others="Others",
        more="and {} more",
        last_value="Last value {}",
        states={
            "in_range": "In range",
            "warm": "Warm",
            "cold": "Cold",
            "freezing": "Freezing",
            "no_data": "No data",
        },
        faults={
            1: "No value",
            2: "Open circuit",
            3: "Power-on value",
            4: "Disconnected",
            5: "Outside the probe’s range",
        },
        stale="Too old",
        alarms={"freeze": "Freeze alarm", "heat": "Heat alarm", "no_data": "No-data alarm"},
        waiting="Waiting to send",
        last_ack="Last received",
        clock="Clock",
        clock_sources={"ntp": "NTP", "ack": "portal", "rtc": "RTC"},
        no_clock="No clock",
        seconds_off="{} s",
        minutes_off="{} min",
        portal="Portal",
        away="No link",
        probes="Probes",
        of="{} of {}",
        never="never",
        seconds_ago="{} s ago",
        minutes_ago="{} min ago",
        hours_ago="{} h ago",
        days_ago="{} d ago",
        no_probes="No probe is set up.",
        log="60 days",
        set_up="Set-up",
        back="Screen",
        test="Test alarm. Nothing is wrong.",
        identify="This is the gateway you are looking for.",
        hook_failed="The buzzer did not work: {}",
        silenced="Buzzer silent for {} min",
        no_answer="The gateway does not answer. What you see is old.",
    ),
    "hi": Words(
        language="hi",
        other_language="en",
        other_name="English",
        limits="सीमा {} से {}",
        today="आज, कम / ज़्यादा",
        time_left="बाकी समय",
        minutes="{} मिनट",
        hours_minutes="{} घं॰ {} मि॰",
        do_now="अभी करें",
        move_to="टीके {} में रखें",
        move_to_box="टीके कोल्ड बॉक्स में रखें",
        check_thermostat="थर्मोस्टैट कम ठंडा करें",
        check_probe="प्रोब और उसका तार जाँचें",
        check_device="लॉगर और उसकी बिजली जाँचें",
        others="अन्य",
        more="और {}",
        last_value="पिछला मान {}",
        states={
            "in_range": "सीमा में",
            "warm": "गर्म",
            "cold": "ठंडा",
            "freezing": "जम रहा है",
            "no_data": "डेटा नहीं",
        },
        faults={
            1: "कोई मान नहीं",
            2: "तार टूटा है",
            3: "चालू होते समय का मान",
            4: "प्रोब जुड़ा नहीं",
            5: "प्रोब की सीमा से बाहर",
        },
        stale="बहुत पुराना",
        alarms={"freeze": "जमने का अलार्म", "heat": "गर्मी का अलार्म", "no_data": "डेटा न मिलने का अलार्म"},
        waiting="भेजना बाकी",
        last_ack="पिछली रसीद",
        clock="घड़ी",
        clock_sources={"ntp": "NTP", "ack": "पोर्टल", "rtc": "RTC"},
        no_clock="घड़ी नहीं",
        seconds_off="{} से॰",
        minutes_off="{} मिनट",
        portal="पोर्टल",
        away="संपर्क नहीं",
        probes="प्रोब",
        of="{} / {}",
        never="कभी नहीं",
        seconds_ago="{} से॰ पहले",
        minutes_ago="{} मि॰ पहले",
        hours_ago="{} घं॰ पहले",
        days_ago="{} दिन पहले",
        no_probes="कोई प्रोब नहीं जोड़ा गया है।",
        log="60 दिन",
        set_up="सेटअप",
        back="स्क्रीन",
        test="अलार्म की जाँच। कोई ख़राबी नहीं है।",
        identify="आप इसी गेटवे को ढूँढ रहे हैं।",
        hook_failed="बज़र नहीं बजा: {}",
        silenced="बज़र {} मिनट चुप",
        no_answer="गेटवे जवाब नहीं दे रहा। यह जानकारी पुरानी है।",
    ),
}
