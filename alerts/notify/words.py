"""What a notice says, in one sentence of English or Hindi (pure).

Facts carry no personal data, so neither does the sentence. A kind may say something else for one `kind` of alarm:
`device_alarm/no_data` goes before `device_alarm`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.notify.local_time import local
from sheetal.ledger.base import EPOCH_MS_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "hi")
ZONE = "Asia/Kolkata"
SAID: dict[str, tuple[str, str]] = {
    "holding_held": (
        (
            "Holding {holding} of lot {lot} is held: {reason}. Possibly unfit from {compromised_from_ms}. "
            "Do not use; keep it cold and apart, and ask the manufacturer."
        ),
        (
            "लॉट {lot} की होल्डिंग {holding} रोकी गई है: {reason}। {compromised_from_ms} से शायद अनुपयोगी। "
            "उपयोग न करें; ठंडा और अलग रखें, और निर्माता से पूछें।"
        ),
    ),
    "holding_gap": (
        "Nobody knows how holding {holding} was kept since {from_ms}. Read out the logger or look at the gateway.",
        "{from_ms} से होल्डिंग {holding} कैसे रखी गई, पता नहीं। लॉगर पढ़ें या गेटवे देखें।",
    ),
    "lot_held": (
        "Lot {lot} is held everywhere on {reference}. Do not use any of it.",
        "लॉट {lot} {reference} पर हर जगह रोका गया है। इसका कुछ भी उपयोग न करें।",
    ),
    "device_alarm": (
        (
            "The gateway reports {kind} at {sensor} since {began_at_ms}, {extreme_centi_celsius} at worst. "
            "Check the door, the plug and the thermostat now."
        ),
        "गेटवे: {sensor} पर {began_at_ms} से {kind}, सबसे अधिक {extreme_centi_celsius}। दरवाज़ा, प्लग और थर्मोस्टैट अभी देखें।",
    ),
    "device_alarm/no_data": (
        (
            "The gateway has had no valid value of {sensor} since {began_at_ms}. "
            "Check the probe, its cable and the device it hangs on now."
        ),
        "{began_at_ms} से गेटवे को {sensor} का कोई सही मान नहीं मिला। प्रोब, उसका तार और उसका यंत्र अभी देखें।",
    ),
    "device_alarm_cleared": (
        "The {kind} alarm of {sensor} has ended at {cleared_at_ms}.",
        "{sensor} का {kind} अलार्म {cleared_at_ms} पर समाप्त हुआ।",
    ),
    "server_alarm/no_data": (
        "{where} has sent no data since {began_at_ms}. Look at the gateway and the probe; read the thermometer by eye.",
        "{began_at_ms} से {where} का कोई डेटा नहीं। गेटवे और प्रोब देखें; थर्मामीटर आँख से पढ़ें।",
    ),
    "server_alarm/heat": (
        (
            "{where} has been too warm since {began_at_ms}, {extreme_centi_celsius} at worst. "
            "Check the door, the plug and the thermostat now."
        ),
        "{where} {began_at_ms} से बहुत गर्म है, सबसे अधिक {extreme_centi_celsius}। दरवाज़ा, प्लग और थर्मोस्टैट अभी देखें।",
    ),
    "server_alarm/freeze": (
        (
            "{where} has been freezing since {began_at_ms}, {extreme_centi_celsius} at worst. "
            "Move freeze-sensitive vaccine now and check the thermostat."
        ),
        "{where} {began_at_ms} से जम रहा है, सबसे कम {extreme_centi_celsius}। जमने से बिगड़ने वाले टीके अभी हटाएँ और थर्मोस्टैट देखें।",
    ),
    "server_alarm/missed_check": (
        "The check of {where} that was due at {began_at_ms} is missing. Read the thermometer and write it down.",
        "{where} की {began_at_ms} की जाँच नहीं हुई। थर्मामीटर पढ़ें और दर्ज करें।",
    ),
    "server_alarm/needs_attention": (
        (
            "{where} needs attention: over the last weeks it was warm too long or gave too many alarms. "
            "Have a technician look at it."
        ),
        "{where} पर ध्यान दें: पिछले हफ़्तों में यह बहुत देर गर्म रहा या इसके बहुत अलार्म आए। तकनीशियन से दिखाएँ।",
    ),
    "server_alarm/spoilage_warning": (
        (
            "{where} is heading out of its limits since {began_at_ms}; its stock will spoil unless something is done. "
            "Check it now, and make ready to move the stock."
        ),
        (
            "{where} {began_at_ms} से सीमा से बाहर जा रहा है; कुछ न किया तो अंदर का स्टॉक ख़राब होगा। "
            "अभी देखें, और स्टॉक हटाने की तैयारी करें।"
        ),
    ),
    "server_alarm_cleared": (
        "The {kind} alarm of {where} has ended at {cleared_at_ms}.",
        "{where} का {kind} अलार्म {cleared_at_ms} पर समाप्त हुआ।",
    ),
    "alarm_reminder": (
        "The {kind} alarm of {where} still goes on after {minutes} minutes; it began at {began_at_ms}.",
        "{where} का {kind} अलार्म {minutes} मिनट बाद भी जारी है; यह {began_at_ms} से है।",
    ),
    "alarm_unacknowledged": (
        (
            "Nobody has answered the {kind} alarm of {where} for {minutes} minutes; it fired at {fired_at_ms}. "
            "See to it, and acknowledge it in the portal."
        ),
        (
            "{where} के {kind} अलार्म का {minutes} मिनट से किसी ने उत्तर नहीं दिया; यह {fired_at_ms} पर आया। "
            "देखें और पोर्टल में दर्ज करें।"
        ),
    ),
    "daily_digest": (
        (
            "{day}: {alarms_open} alarms open, {alarms_unacknowledged} not acknowledged; {holdings_held} holdings "
            "held, {holdings_gap} with unknown time; {checks} checks recorded yesterday; {undelivered} messages not "
            "delivered."
        ),
        (
            "{day}: {alarms_open} अलार्म खुले, {alarms_unacknowledged} दर्ज नहीं; {holdings_held} होल्डिंग रोकी गईं, "
            "{holdings_gap} का कुछ समय अज्ञात; कल {checks} जाँचें दर्ज; {undelivered} संदेश नहीं पहुँचे।"
        ),
    ),
    "monthly_report": (
        (
            "The report of {period} is ready: {in_range_percent} % of the known time in range, {alarms} alarms, "
            "{holds} holdings held. The portal shows it under Reports, as PDF and CSV."
        ),
        (
            "{period} की रिपोर्ट तैयार है: ज्ञात समय का {in_range_percent} % सीमा में, {alarms} अलार्म, "
            "{holds} होल्डिंग रोकी गईं। पोर्टल में रिपोर्ट के नीचे PDF और CSV में है।"
        ),
    ),
    "test": (
        "This is a test of this contact's channels. Nothing is wrong.",
        "यह इस संपर्क के चैनलों की जाँच है। सब ठीक है।",
    ),
}
KINDS = {
    "freeze": ("freeze", "जमने का"),
    "heat": ("heat", "गर्मी का"),
    "no_data": ("no-data", "डेटा न मिलने का"),
    "missed_check": ("missed-check", "छूटी जाँच का"),
    "needs_attention": ("needs-attention", "ध्यान देने का"),
    "spoilage_warning": ("spoilage", "ख़राब होने की चेतावनी का"),
}
"""Kinds of alarms inside a sentence."""


def sentence(kind: str, facts: Mapping[str, object], language: str = LANGUAGES[0]) -> str:
    """The notice in words; an unknown kind is told by its name and its facts' names."""
    both = SAID.get(f"{kind}/{facts.get('kind')}", SAID.get(kind))
    if both is None:
        return f"{kind}: {', '.join(sorted(facts))}"
    return both[LANGUAGES.index(language)].format_map(_Told(facts, language))


class _Told(dict[str, str]):
    """The facts as text: instants in Indian time, temperatures in degrees, a question mark for what is missing."""

    def __init__(self, facts: Mapping[str, object], language: str) -> None:
        known = {name: value for name, value in facts.items() if value is not None}
        where = known.get("appliance_name") or known.get("appliance") or known.get("sensor")
        known |= {} if where is None else {"where": where}
        super().__init__({name: _text(name, value, language) for name, value in known.items()})

    def __missing__(self, name: str) -> str:
        return "?"


def _text(name: str, value: object, language: str) -> str:
    if isinstance(value, int) and name.endswith("_ms") and 0 <= value <= EPOCH_MS_MAX:
        return f"{local(value, ZONE):%Y-%m-%d %H:%M} IST"
    if isinstance(value, int) and name.endswith("centi_celsius"):
        return f"{value / 100:+.1f} °C"
    if name == "kind" and value in KINDS:
        return KINDS[str(value)][LANGUAGES.index(language)]
    return str(value)
