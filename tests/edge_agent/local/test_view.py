from __future__ import annotations

import pytest

from edge_agent.keeper.keeper import ProbeView
from edge_agent.local.duty import DutyView
from edge_agent.local.view import (
    NAME_SIGNS_MAX,
    ClockView,
    age,
    degrees,
    fault,
    figure,
    minutes,
    name_of,
    offset,
    page,
    shortened,
    state_of,
    worst_first,
)
from edge_agent.local.words import WORDS
from edge_agent.settings.file import ProbeSetting
from sheetal.contracts.device_alarm import AlarmKind
from tests.edge_agent.kit import MINUTE_MS, T0_MS
from tests.edge_agent.local.kit import FREEZER, ILR, probe, setting, snapshot, uplink, well_formed

EN, HI = WORDS["en"], WORDS["hi"]


@pytest.mark.parametrize(
    ("centi_celsius", "of", "state"),
    [
        (450, ILR, "in_range"),
        (200, ILR, "in_range"),
        (800, ILR, "in_range"),
        (801, ILR, "warm"),
        (199, ILR, "cold"),
        (-49, ILR, "cold"),
        (-50, ILR, "freezing"),
        (None, ILR, "no_data"),
        (-2_000, FREEZER, "in_range"),
        (-1_400, FREEZER, "warm"),
        (-4_000, FREEZER, "cold"),
    ],
)
def test_a_probe_has_one_state(centi_celsius: int | None, of: ProbeSetting, state: str) -> None:
    assert state_of(probe(centi_celsius, of), T0_MS) == state


def test_an_old_value_is_no_data_and_not_shown_as_the_temperature() -> None:
    fresh, old = probe(450, age_ms=5 * MINUTE_MS), probe(450, age_ms=5 * MINUTE_MS + 1)
    assert (state_of(fresh, T0_MS), figure(fresh, T0_MS)) == ("in_range", "4.5")
    assert (state_of(old, T0_MS), figure(old, T0_MS)) == ("no_data", "—")
    slow = ProbeSetting(probe="p", interval_ms=15 * MINUTE_MS)
    assert state_of(probe(450, slow, age_ms=45 * MINUTE_MS), T0_MS) == "in_range"
    assert state_of(ProbeView("s", "a", ILR, None, [], None), T0_MS) == "no_data"


@pytest.mark.parametrize(("centi_celsius", "told"), [(450, "4.5"), (-90, "\u22120.9"), (0, "0.0"), (None, "—")])
def test_a_figure_has_a_true_minus(centi_celsius: int | None, told: str) -> None:
    assert figure(probe(centi_celsius), T0_MS) == told


@pytest.mark.parametrize(
    ("passed_ms", "told"),
    [
        (0, "0 s ago"),
        (119_999, "119 s ago"),
        (120_000, "2 min ago"),
        (7_200_000, "2 h ago"),
        (172_800_000, "2 d ago"),
        (-5_000, "0 s ago"),
    ],
)
def test_an_age(passed_ms: int, told: str) -> None:
    assert age(T0_MS - passed_ms, T0_MS, EN) == told
    assert age(None, T0_MS, EN) == "never"


@pytest.mark.parametrize(
    ("quality", "english"),
    [
        (1, "No value"),
        (2, "Open circuit"),
        (3, "Power-on value"),
        (4, "Disconnected"),
        (5, "Outside the probe’s range"),
        (99, "No value"),
    ],
)
def test_a_fault_is_named_in_words_and_leads(quality: int, english: str) -> None:
    broken = probe(None, quality=quality)
    assert fault(broken, T0_MS, EN) == english
    told = page(snapshot(broken), EN)
    assert f">{english}<" in told
    assert '<p class="figure n1">—</p>' in told
    assert "°C" not in told.split("<main>")[1].split("</main>")[0]
    assert "Check the probe and its cable" in told


def test_a_stale_value_is_called_so() -> None:
    old = probe(450, age_ms=42 * MINUTE_MS)
    assert fault(old, T0_MS, EN) == "Too old"
    told = page(snapshot(old), EN)
    assert "42 min ago" in told
    assert "Check the logger and its power" in told
    assert fault(probe(450), T0_MS, EN) == ""
    assert fault(ProbeView("s", "a", ILR, None, [], None), T0_MS, EN) == "No value"


def test_the_worst_probe_is_shown_large() -> None:
    probes = [
        probe(450, setting("a")),
        probe(None, setting("b")),
        probe(900, setting("c")),
        probe(-300, setting("d"), minutes_left=40),
        probe(-301, setting("e"), minutes_left=12),
        probe(100, setting("f")),
        probe(-200, setting("g"), alarms=[AlarmKind.FREEZE]),
    ]
    assert [one.appliance for one in worst_first(snapshot(*probes))] == ["G", "E", "D", "C", "F", "B", "A"]
    told = page(snapshot(probe(450), probe(-300, setting("b", "ILR-2"))), EN)
    assert '<p class="figure n4"><span class="minus">\u2212</span>3.0<small>°C</small></p>' in told
    assert '<header class="is_freezing">' in told


def test_one_probe_is_shown_large_by_wish() -> None:
    both = snapshot(probe(450), probe(-300, setting("b", "ILR-2")))
    told = page(both, EN, "gw-t.ilr1-tvc")
    assert '<p class="figure n3">4.5<small>°C</small></p>' in told
    assert '<header class="go">' in told
    assert "Freezing" in told.split("<main>")[1]
    assert page(both, EN, "nobody") == page(both, EN)


def test_in_range_says_age_limits_and_today() -> None:
    told = page(snapshot(probe(460)), EN)
    for fact in ("In range", "12 s ago", "Limits 2 to 8", "Today, low / high", "3.8 / 5.9", "ILR-1", "Sample PHC"):
        assert fact in told
    assert "Do now" not in told


def test_in_trouble_it_says_how_long_is_left_and_what_to_do() -> None:
    told = page(snapshot(probe(-90, minutes_left=19), probe(460, setting("b", "ILR-2"))), EN)
    for fact in ("Freezing", "19 min", "Do now", "Move vaccines to ILR-2", "Limits 2 to 8", "ILR-1, 12 s ago"):
        assert fact in told
    alone = page(snapshot(probe(-90, minutes_left=340)), EN)
    assert "5 h 40 min" in alone
    assert "Move vaccines to a cold box" in alone


@pytest.mark.parametrize(
    "other",
    [probe(-2_000, FREEZER), probe(900, setting("b")), probe(None, setting("b")), probe(460, setting("b", "ILR-1"))],
)
def test_vaccines_are_sent_only_to_another_refrigerator_in_range(other: ProbeView) -> None:
    assert "Move vaccines to a cold box" in page(snapshot(probe(900, minutes_left=600), other), EN, "gw-t.ilr1-tvc")


def test_too_cold_but_not_freezing_is_a_matter_of_the_thermostat() -> None:
    assert "Turn the thermostat warmer" in page(snapshot(probe(100)), EN)


def test_a_standing_alarm_is_an_alert() -> None:
    told = page(snapshot(probe(900, alarms=[AlarmKind.HEAT])), EN)
    assert '<dt>Limits 2 to 8</dt><dd class="alarm" role="alert">Heat alarm</dd>' in told
    assert told.count("Limits 2 to 8") == 1


def test_the_alarm_of_a_silent_probe_is_an_alert_with_its_reason() -> None:
    silent = probe(None, quality=4, alarms=[AlarmKind.NO_DATA], age_ms=40 * MINUTE_MS)
    told = page(snapshot(silent), EN)
    assert '<dt>Disconnected</dt><dd class="alarm" role="alert">No-data alarm</dd>' in told
    assert "ILR-1, 40 min ago" in told
    assert "Do now" in told


def test_the_foot_says_what_waits_and_how_the_portal_is() -> None:
    well = page(snapshot(probe(450), probe(None, setting("b"))), EN).split("<footer>")[1]
    for fact in (">0<", "14 s ago", "Clock, NTP", "+0.2 s", "1 of 2", 'class="ok"', 'class="nodata"'):
        assert fact in well
    away = page(snapshot(probe(450), pending=2_140, status=uplink(connected=False)), EN).split("<footer>")[1]
    for fact in ("2,140", 'class="adv"', "No link"):
        assert fact in away


@pytest.mark.parametrize(
    ("pending", "connected", "ago_ms", "is_late"),
    [
        (0, False, 0, False),
        (9, True, 60_000, False),
        (9, True, 16 * MINUTE_MS, True),
        (9, False, 0, True),
        (9, True, None, True),
    ],
)
def test_waiting_is_a_sign_only_when_it_is_unusual(
    *, pending: int, connected: bool, ago_ms: int | None, is_late: bool
) -> None:
    status = uplink(connected=connected, last_ack_at_ms=None if ago_ms is None else T0_MS - ago_ms)
    first = page(snapshot(probe(450), pending=pending, status=status), EN).split("<footer>")[1].split("</div>")[0]
    assert ('class="adv"' in first) == is_late


@pytest.mark.parametrize(
    ("clock", "facts"),
    [
        (ClockView("none", None), ("No clock", 'class="adv"')),
        (ClockView("ack", -3_400), ("Clock, portal", "\u22123.4 s")),
        (ClockView("rtc", 400_000), ("Clock, RTC", "+7 min", 'class="adv"')),
        (ClockView("ntp", None), ("Clock, NTP", "—")),
        (ClockView(), (">Clock<", "—")),
    ],
)
def test_the_clock_says_what_it_is_worth(clock: ClockView, facts: tuple[str, ...]) -> None:
    foot = page(snapshot(probe(450), clock=clock), EN).split("<footer>")[1]
    assert all(fact in foot for fact in facts)


def test_an_offset_has_its_sign() -> None:
    assert [offset(value, EN) for value in (0, 119_000, -120_000)] == ["+0.0 s", "+119.0 s", "\u22122 min"]


def test_durations_and_limits_for_people() -> None:
    assert [minutes(count, EN) for count in (-1, 0, 119, 120, 605)] == [
        "0 min",
        "0 min",
        "119 min",
        "2 h 0 min",
        "10 h 5 min",
    ]
    assert [degrees(value) for value in (200, -50, -1_500)] == ["2", "\u22120.5", "\u221215"]


def test_many_probes_do_not_push_the_figure_away() -> None:
    many = [probe(450, setting(f"p{number}", f"ILR-{number}")) for number in range(12)]
    told = page(snapshot(*many), EN)
    assert "and 8 more" in told
    assert told.count('href="/gw?lang=en&amp;probe=') == 3
    assert page(snapshot(probe(-90), *many), EN).count('href="/gw?lang=en&amp;probe=') == 1


def test_a_long_figure_takes_the_whole_width() -> None:
    assert '<body class="screen wide">' in page(snapshot(probe(-1_850, FREEZER)), EN)
    assert '<body class="screen">' in page(snapshot(probe(1_240)), EN)


def test_endless_names_are_cut() -> None:
    endless = probe(450, setting("p", "x" * 500))
    assert len(name_of(endless)) == NAME_SIGNS_MAX
    assert "x" * (NAME_SIGNS_MAX + 1) not in page(snapshot(endless, probe(900)), EN)


def test_what_goes_on_here_takes_the_place_of_the_ways_on() -> None:
    assert "Test alarm. Nothing is wrong." in page(snapshot(probe(450), duty=DutyView(0, "test", "")), EN)
    assert "you are looking for" in page(snapshot(probe(450), duty=DutyView(0, "identify", "")), EN)
    told = page(snapshot(probe(450), duty=DutyView(0, "", "<buzz>: ended with 1")), EN)
    assert "&lt;buzz&gt;: ended with 1" in told
    assert "Buzzer silent for 2 min" in page(snapshot(probe(450), duty=DutyView(61, "", "")), EN)


def test_hindi_is_marked_as_such() -> None:
    told = page(snapshot(probe(-90, alarms=[AlarmKind.FREEZE])), HI)
    assert '<html lang="hi">' in told
    for word in ("जम रहा है", "जमने का अलार्म", "नमूना PHC", "lang=hi"):
        assert word in told
    assert 'lang="en">English</a>' in told


def test_a_gateway_without_probes_says_so() -> None:
    assert "No probe is set up." in page(snapshot(), EN)


def test_a_facility_without_a_name_is_the_gateway() -> None:
    told = page(snapshot(probe(450))._replace(facility={"en": "", "hi": ""}), EN)
    assert "<span>gw-t</span>" in told


@pytest.mark.parametrize("words", [EN, HI])
@pytest.mark.parametrize(
    "shown",
    [
        snapshot(),
        snapshot(probe(450)),
        snapshot(probe(900, setting("p", "<script>alert(1)</script>"), alarms=[AlarmKind.HEAT]), probe(1)),
        snapshot(probe(-1_850, FREEZER), probe(None, setting("b")), probe(2, setting("c")), probe(3, setting("d"))),
        snapshot(probe(450))._replace(facility={"en": "<script>", "hi": "<script>"}, gateway="<script>"),
    ],
)
def test_every_page_is_in_order_and_nothing_breaks_out_of_it(shown: object, words: object) -> None:
    told = page(shown, words)  # type: ignore[arg-type]  # parametrised
    tags = well_formed(told)
    assert sum(tag == "script" for tag, _ in tags) == 1
    assert sum(tag == "h1" for tag, _ in tags) == 1


def test_the_foot_says_why_there_is_no_link() -> None:
    problem = "the broker's certificate has expired:\n renew it there <b>"
    away = snapshot(probe(460), status=uplink(connected=False, problem=problem))
    for words in (EN, HI):
        told = page(away, words)
        well_formed(told)
        assert words.away in told
        assert '<small lang="en">the broker&#x27;s certificate has expired: renew it there &lt;b&gt;</small>' in told
    assert 'class="why"' not in page(snapshot(probe(460), status=uplink(connected=False)), EN)
    assert 'class="why"' not in page(snapshot(probe(460), status=uplink(problem=problem)), EN)


@pytest.mark.parametrize(("length", "ends"), [(120, "x"), (121, "…"), (5_000, "…")])
def test_a_reason_is_bounded(length: int, ends: str) -> None:
    told = shortened("x" * length)
    assert len(told) == min(length, 120)
    assert told.endswith(ends)
