"""The words of the set-up page, English and Hindi."""

from __future__ import annotations

from typing import NamedTuple


class SetUpWords(NamedTuple):
    """One language; sentences with `{}` take numbers or names."""

    title: str
    code: str
    code_hint: str
    log_in: str
    log_out: str
    no_code: str
    tries_left: str
    locked: str
    wrong: str
    old_form: str
    session_left: str
    probes: str
    probe: str
    state: str
    value: str
    age: str
    quality: str
    good: str
    devices: str
    connected: str
    not_connected: str
    look_again: str
    alarm: str
    test: str
    test_hint: str
    no_command: str
    silence: str
    pairing: str
    pairing_hint: str
    pairing_missing: str
    carried: str
    aside: str
    link: str
    buffer: str
    pending: str
    alarms_pending: str
    delivered: str
    refused: str
    thinned: str
    dropped: str
    not_kept: str
    bytes_used: str
    refused_ranges: str
    items: str
    none_refused: str
    twin: str
    twin_states: dict[str, str]
    version: str
    export: str
    download: str
    done: dict[str, str]


SET_UP_WORDS = {
    "en": SetUpWords(
        title="Set-up",
        code="Device code",
        code_hint="It stands on the device’s label.",
        log_in="Continue",
        log_out="Log out",
        no_code="This gateway has no device code, so nobody can change it here. Set local.device_code_file.",
        tries_left="Tries left: {}.",
        locked="Too many wrong codes. Wait {}.",
        wrong="This is not the code on the label. Tries left: {}.",
        old_form="This page was too old. Enter the code again.",
        session_left="You are logged out in {}.",
        probes="Probe check",
        probe="Probe",
        state="State",
        value="Newest",
        age="Age",
        quality="Signal",
        good="Good",
        devices="Devices",
        connected="connected",
        not_connected="no answer",
        look_again="Look again",
        alarm="Alarm",
        test="Sound the test alarm",
        test_hint="Runs the buzzer once and says so on the screen for a minute.",
        no_command="No buzzer is set up (local.alarm_command). The test shows on the screen only.",
        silence="Silence for 15 min",
        pairing="Pairing",
        pairing_hint="Scan it with the officer’s phone to find this gateway in the portal.",
        pairing_missing="The QR maker is not installed. Type the gateway’s name in the portal.",
        carried="Loggers read of files",
        aside="Files put aside",
        link="Link to the portal",
        buffer="Buffer",
        pending="Waiting to send",
        alarms_pending="Alarms waiting",
        delivered="Received by the portal, kept here",
        refused="Refused by the portal",
        thinned="Thinned",
        dropped="Dropped",
        not_kept="Not kept for lack of room",
        bytes_used="On the disk",
        refused_ranges="Refused readings",
        items="{} readings",
        none_refused="None.",
        twin="Configuration from the portal",
        twin_states={
            "as_installed": "As installed",
            "trial": "On trial",
            "applied": "Applied",
            "refused": "Refused",
            "rolled_back": "Rolled back",
        },
        version="version {}",
        export="Save to a USB stick",
        download="Download as CSV",
        done={
            "test": "The test alarm was sounded.",
            "silence": "The buzzer is silent for 15 minutes.",
            "out": "You are logged out.",
        },
    ),
    "hi": SetUpWords(
        title="सेटअप",
        code="उपकरण का कोड",
        code_hint="यह उपकरण के लेबल पर लिखा है।",
        log_in="आगे बढ़ें",
        log_out="लॉग आउट",
        no_code="इस गेटवे का कोई कोड नहीं है, इसलिए यहाँ कुछ बदला नहीं जा सकता। local.device_code_file सेट करें।",
        tries_left="बाकी प्रयास: {}।",
        locked="कई बार गलत कोड डाला गया। {} रुकें।",
        wrong="यह लेबल वाला कोड नहीं है। बाकी प्रयास: {}।",
        old_form="यह पेज पुराना हो गया था। कोड फिर से डालें।",
        session_left="आप {} में लॉग आउट हो जाएँगे।",
        probes="प्रोब की जाँच",
        probe="प्रोब",
        state="स्थिति",
        value="नया मान",
        age="कब",
        quality="सिग्नल",
        good="ठीक",
        devices="उपकरण",
        connected="जुड़ा है",
        not_connected="जवाब नहीं",
        look_again="फिर देखें",
        alarm="अलार्म",
        test="जाँच का अलार्म बजाएँ",
        test_hint="बज़र एक बार बजेगा और स्क्रीन पर एक मिनट तक दिखेगा।",
        no_command="कोई बज़र नहीं लगा है (local.alarm_command)। जाँच केवल स्क्रीन पर दिखेगी।",
        silence="15 मिनट चुप करें",
        pairing="जोड़ना",
        pairing_hint="पोर्टल में यह गेटवे ढूँढने के लिए अधिकारी के फ़ोन से स्कैन करें।",
        pairing_missing="QR बनाने वाला प्रोग्राम नहीं है। पोर्टल में गेटवे का नाम लिखें।",
        carried="फ़ाइलों से पढ़े गए लॉगर",
        aside="अलग रखी गई फ़ाइलें",
        link="पोर्टल से संपर्क",
        buffer="बफ़र",
        pending="भेजना बाकी",
        alarms_pending="अलार्म भेजना बाकी",
        delivered="पोर्टल को मिल गए, यहाँ भी रखे हैं",
        refused="पोर्टल ने नहीं लिए",
        thinned="घटाए गए",
        dropped="हटाए गए",
        not_kept="जगह न होने से नहीं रखे गए",
        bytes_used="डिस्क पर",
        refused_ranges="न लिए गए मान",
        items="{} मान",
        none_refused="कोई नहीं।",
        twin="पोर्टल से आई सेटिंग",
        twin_states={
            "as_installed": "जैसी लगाई गई थी",
            "trial": "परख में",
            "applied": "लागू",
            "refused": "नहीं मानी गई",
            "rolled_back": "वापस ली गई",
        },
        version="संस्करण {}",
        export="USB में सहेजें",
        download="CSV डाउनलोड करें",
        done={
            "test": "जाँच का अलार्म बजाया गया।",
            "silence": "बज़र 15 मिनट चुप है।",
            "out": "आप लॉग आउट हो गए।",
        },
    ),
}
