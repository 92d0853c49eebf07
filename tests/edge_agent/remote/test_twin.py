from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_agent.remote.twin import RESTARTED, VERSION_MAX, Twin, awoken, is_new, proved, refused, rolled_back, tried
from sheetal.contracts.twin import TwinState

FIRST = tried(Twin(), 1, '{"uplink":{}}')


def test_at_first_the_settings_file_rules() -> None:
    assert (Twin().config, Twin().state, Twin().version) == ("", TwinState.AS_INSTALLED, 0)


def test_a_trial_runs_before_it_is_good() -> None:
    assert (FIRST.config, FIRST.good, FIRST.state) == ('{"uplink":{}}', "", TwinState.TRIAL)
    held = proved(FIRST)
    assert (held.config, held.good, held.trial, held.state) == ('{"uplink":{}}', '{"uplink":{}}', "", TwinState.APPLIED)


def test_a_trial_that_fails_brings_the_last_good_one_back() -> None:
    second = tried(proved(FIRST), 2, "second")
    back = rolled_back(second, "no answer")
    assert (back.config, back.version, back.state, back.problem) == (
        '{"uplink":{}}', 2, TwinState.ROLLED_BACK, "no answer",
    )  # fmt: skip


def test_a_refused_one_changes_nothing_that_runs() -> None:
    back = refused(proved(FIRST), 5, "uplink.message_rows: 0 is not between 1 and 500")
    assert (back.config, back.version, back.state) == ('{"uplink":{}}', 5, TwinState.REFUSED)
    assert "message_rows" in back.problem
    assert proved(tried(back, 6, "x")).problem == ""


def test_a_restart_ends_a_trial_and_nothing_else() -> None:
    assert awoken(FIRST) == rolled_back(FIRST, RESTARTED)
    for settled in (Twin(), proved(FIRST), refused(Twin(), 3, "no"), rolled_back(FIRST, "no")):
        assert awoken(settled) == settled


@given(st.integers(-(2**70), 2**70))
def test_only_a_later_version_is_new(version: int) -> None:
    held = proved(FIRST)
    assert is_new(held, version) == (1 < version <= VERSION_MAX)


class Life(RuleBasedStateMachine):
    """Whatever happens, what runs is a configuration that was proved, the one on trial, or the installed one."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = Twin()
        self.proved = [""]

    @rule(config=st.text("abc", min_size=1, max_size=3), step=st.integers(1, 3))
    @precondition(lambda self: not self.twin.trial)
    def is_tried(self, config: str, step: int) -> None:
        self.twin = tried(self.twin, self.twin.version + step, config)

    @rule()
    @precondition(lambda self: self.twin.trial)
    def holds(self) -> None:
        self.proved.append(self.twin.trial)
        self.twin = proved(self.twin)

    @rule()
    @precondition(lambda self: self.twin.trial)
    def fails(self) -> None:
        self.twin = rolled_back(self.twin, "no answer")

    @rule()
    @precondition(lambda self: not self.twin.trial)
    def is_refused(self) -> None:
        self.twin = refused(self.twin, self.twin.version + 1, "wrong")

    @rule()
    def restarts(self) -> None:
        version = self.twin.version
        self.twin = awoken(self.twin)
        assert not self.twin.trial
        assert self.twin.version == version

    @invariant()
    def runs_what_it_may(self) -> None:
        assert self.twin.good == self.proved[-1]
        assert self.twin.config == (self.twin.trial or self.proved[-1])
        assert (self.twin.state is TwinState.TRIAL) == bool(self.twin.trial)


TestLife = Life.TestCase
