from __future__ import annotations

import pytest

from edge_agent.clock import facts
from edge_agent.clock.facts import ClockFacts, machine_facts
from edge_agent.uplink.courier import Identity
from edge_agent.uplink.voice import Voice
from tests.edge_agent.kit import GATEWAY, KEY, SENSOR, T0_MS


def test_a_clock_of_which_nothing_is_known_is_not_believed() -> None:
    assert ClockFacts() == ("none", None, False)


@pytest.mark.parametrize(("synchronised", "word"), [(True, "ntp"), (False, "rtc")])
def test_without_a_timeline_the_machine_s_clock_is_told_for_what_it_is(
    monkeypatch: pytest.MonkeyPatch, *, synchronised: bool, word: str
) -> None:
    monkeypatch.setattr(facts, "kernel_is_synchronised", lambda: synchronised)
    assert machine_facts() == ClockFacts(word, None, is_anchored=False)
    plain = Voice(Identity(GATEWAY, KEY), 5, [SENSOR], lambda: T0_MS)
    assert plain.clock_source == word
