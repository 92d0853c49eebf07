from __future__ import annotations

from html.parser import HTMLParser

import pytest

from edge_agent.keeper import ProbeView
from edge_agent.local.view import WORST_FIRST, Snapshot, age, figure, page, state_of
from edge_agent.local.words import WORDS
from edge_agent.outbox import Counts
from edge_agent.sample import Sample
from edge_agent.settings import ProbeSetting
from edge_agent.uplink import UplinkStatus
from sheetal.contracts.device_alarm import AlarmKind
from tests.edge_agent.kit import MINUTE_MS, T0_MS

EN, HI = WORDS["en"], WORDS["hi"]
ILR = ProbeSetting(probe="ilr1-tvc", appliance="ILR-1")
FREEZER = ProbeSetting(
    probe="df", range_min_centi_celsius=-3_500, range_max_centi_celsius=-1_500, freeze_alarm_minutes=0
)


def probe(
    centi_celsius: int | None,
    *,
    setting: ProbeSetting = ILR,
    alarms: list[AlarmKind] | None = None,
    minutes_left: int | None = None,
) -> ProbeView:
    newest = Sample("g." + setting.probe, T0_MS, centi_celsius, 0 if centi_celsius is not None else 1)
    return ProbeView(newest.sensor, setting.appliance, setting, newest, alarms or [], minutes_left)


def snapshot(*probes: ProbeView, connected: bool = True, refused: int = 0) -> Snapshot:
    counts = Counts(pending=41, delivered=5, refused=refused, alarms_pending=1, dropped=0)
    status = UplinkStatus(connected=connected, session=1, last_ack_at_ms=T0_MS - 9_000, items_in_flight=0)
    return Snapshot("gw-t", T0_MS, probes, counts, status, [True, False])


@pytest.mark.parametrize(
    ("centi_celsius", "setting", "state"),
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
def test_a_probe_has_one_state(centi_celsius: int | None, setting: ProbeSetting, state: str) -> None:
    assert state_of(probe(centi_celsius, setting=setting), T0_MS) == state


def test_an_old_value_is_no_data() -> None:
    assert state_of(probe(450), T0_MS + 5 * MINUTE_MS) == "in_range"
    assert state_of(probe(450), T0_MS + 5 * MINUTE_MS + 1) == "no_data"
    slow = ProbeSetting(probe="p", interval_ms=15 * MINUTE_MS)
    assert state_of(probe(450, setting=slow), T0_MS + 45 * MINUTE_MS) == "in_range"
    assert state_of(ProbeView("s", "a", ILR, None, [], None), T0_MS) == "no_data"


@pytest.mark.parametrize(("centi_celsius", "told"), [(450, "4.5"), (-90, "\u22120.9"), (0, "0.0"), (None, "—")])
def test_a_figure_has_a_true_minus(centi_celsius: int | None, told: str) -> None:
    assert figure(probe(centi_celsius)) == told


@pytest.mark.parametrize(
    ("passed_ms", "told"),
    [(0, "0 s ago"), (119_999, "119 s ago"), (120_000, "2 min ago"), (7_200_000, "2 h ago"), (-5_000, "0 s ago")],
)
def test_an_age(passed_ms: int, told: str) -> None:
    assert age(T0_MS - passed_ms, T0_MS, EN) == told
    assert age(None, T0_MS, EN) == "never"


def test_the_worst_probe_is_shown_large() -> None:
    other = probe(-300, setting=ProbeSetting(probe="b", appliance="ILR-2"))
    told = page(snapshot(probe(450), other), EN)
    assert '<p class="figure">\u22123.0<sup>°C</sup></p>' in told
    assert '<header class="freezing">' in told
    assert told.index("ILR-2") < told.index("ILR-1")


def test_the_page_says_what_stands_behind_it() -> None:
    told = page(snapshot(probe(900, alarms=[AlarmKind.HEAT]), connected=False, refused=3), EN)
    for fact in ("42", "9 s ago", "away", "1 / 2", "Heat alarm", "3 / 0", 'role="alert"', "Limits 2 to 8"):
        assert fact in told
    assert "Refused" not in page(snapshot(probe(450)), EN)


def test_time_left_is_told_while_a_run_goes_on() -> None:
    assert "<dd>19 min</dd>" in page(snapshot(probe(-90, minutes_left=19)), EN)
    assert "Left before" not in page(snapshot(probe(450)), EN)


def test_many_probes_do_not_push_the_figure_away() -> None:
    many = [probe(450, setting=ProbeSetting(probe=f"p{n}", appliance=f"ILR-{n}")) for n in range(12)]
    told = page(snapshot(*many), EN)
    assert "and 8 more" in told
    assert told.count("In range") == 1 + 1 + 3


def test_every_state_has_a_word_and_a_place_in_the_order() -> None:
    assert set(WORST_FIRST) == set(EN.states)


def test_hindi_is_marked_as_such() -> None:
    told = page(snapshot(probe(-90, alarms=[AlarmKind.FREEZE])), HI)
    assert '<html lang="hi">' in told
    assert "जम रहा है" in told
    assert "जमने का अलार्म" in told
    assert 'lang="en">English</a>' in told


def test_a_gateway_without_probes_says_so() -> None:
    assert "No probe is set up." in page(snapshot(), EN)


def test_names_cannot_break_out_of_the_page() -> None:
    odd = ProbeSetting(probe="p", appliance="<script>alert(1)</script>")
    assert "<script" not in page(snapshot(probe(900, setting=odd, alarms=[AlarmKind.HEAT]), probe(1)), EN)


class Balance(HTMLParser):
    VOID = frozenset({"meta", "link", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_html_is_balanced() -> None:
    parser = Balance()
    parser.feed(page(snapshot(probe(900, alarms=[AlarmKind.HEAT]), probe(450)), HI))
    assert parser.open == []
