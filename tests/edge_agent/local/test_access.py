from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.local.access import LOCK_MS_MAX, MARK, SESSIONS_MAX, TRIES_MAX, Access, Door, Tries
from edge_agent.local.memory import OutboxMemory
from edge_agent.settings.local import digest_of
from tests.edge_agent.local.kit import CODE, FakeMemory, Moment

if TYPE_CHECKING:
    from edge_agent.outbox.outbox import Outbox

WRONG = "WRONG-CODE"
QUARTER = 15 * 60


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def memory() -> FakeMemory:
    return FakeMemory()


def made(memory: FakeMemory, moment: Moment, code: str | None = CODE) -> Access:
    return Access(None if code is None else digest_of(code), memory, moment.wall, moment.monotonic)


def fail(access: Access, times: int) -> None:
    for _ in range(times):
        assert access.log_in(WRONG) is None


def test_the_code_opens_a_session_of_a_quarter_of_an_hour(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    token = access.log_in(" abcd 2345 ")
    assert token is not None
    assert len(token) >= 32
    session = access.session(token)
    assert session is not None
    moment.pass_seconds(60)
    assert access.seconds_left(session) == QUARTER - 60
    moment.pass_seconds(QUARTER - 60)
    assert access.seconds_left(session) == 0
    assert access.session(token) is None
    assert access.session("") is access.session("x" * 1_000) is None


def test_five_wrong_codes_in_a_row_lock_the_door_even_for_the_right_one(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    fail(access, TRIES_MAX - 1)
    assert access.door() == Door(has_code=True, tries_left=1, locked_seconds=0)
    fail(access, 1)
    assert access.door() == Door(has_code=True, tries_left=0, locked_seconds=QUARTER)
    assert access.log_in(CODE) is None
    moment.pass_seconds(QUARTER - 1)
    assert access.log_in(CODE) is None
    moment.pass_seconds(1)
    assert access.door() == Door(has_code=True, tries_left=TRIES_MAX, locked_seconds=0)
    assert access.log_in(CODE) is not None


def test_locks_grow_to_a_day_and_the_right_code_ends_that(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    lengths = []
    for _ in range(10):
        fail(access, TRIES_MAX)
        lengths.append(access.door().locked_seconds)
        moment.pass_seconds(lengths[-1])
    assert lengths[:4] == [QUARTER, 2 * QUARTER, 4 * QUARTER, 8 * QUARTER]
    assert lengths[-1] == LOCK_MS_MAX // 1_000
    assert access.log_in(CODE) is not None
    fail(access, TRIES_MAX)
    assert access.door().locked_seconds == QUARTER


def test_the_fifth_try_may_be_the_right_one(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    fail(access, TRIES_MAX - 1)
    assert access.log_in(CODE) is not None
    assert access.door() == Door(has_code=True, tries_left=TRIES_MAX, locked_seconds=0)


def test_a_restart_gives_no_try_back(memory: FakeMemory, moment: Moment) -> None:
    for _ in range(TRIES_MAX - 1):
        fail(made(memory, moment), 1)
    assert made(memory, moment).door().tries_left == 1
    fail(made(memory, moment), 1)
    moment.pass_seconds(60)
    moment.seconds = 5.0
    again = made(memory, moment)
    assert again.door().locked_seconds == QUARTER - 60
    assert again.log_in(CODE) is None


@pytest.mark.parametrize("step_ms", [-10 * 365 * 86_400_000, -1])
def test_a_clock_that_was_set_back_does_not_lengthen_a_lock(memory: FakeMemory, moment: Moment, step_ms: int) -> None:
    fail(made(memory, moment), TRIES_MAX)
    moment.at_ms += step_ms
    assert made(memory, moment).door().locked_seconds == QUARTER


def test_a_damaged_count_is_no_way_to_stop_the_gateway(memory: FakeMemory, moment: Moment) -> None:
    memory.marks[MARK] = "{["
    assert made(memory, moment).door().tries_left == TRIES_MAX


def test_a_full_disk_locks_nobody_out_and_nobody_in(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)

    def full(_name: str, _text: str) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    memory.remember = full  # type: ignore[method-assign]  # the disk of this test
    assert access.log_in(CODE) is not None
    fail(access, TRIES_MAX)
    assert access.log_in(CODE) is None


def test_without_a_code_nobody_gets_in(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment, None)
    assert access.log_in("") is access.log_in(CODE) is None
    assert not access.door().has_code
    assert memory.marks == {}


def test_log_out_ends_the_session_at_once(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    token = access.log_in(CODE)
    assert token is not None
    access.log_out(token)
    assert access.session(token) is None
    access.log_out("nobody")


def test_sessions_are_bounded_the_oldest_gives_way(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    tokens = []
    for _ in range(SESSIONS_MAX + 1):
        tokens.append(access.log_in(CODE))
        moment.pass_seconds(1)
    assert [access.session(str(token)) is None for token in tokens] == [True] + [False] * SESSIONS_MAX
    forms = {session.form_token for token in tokens if (session := access.session(str(token)))}
    assert len(forms) == SESSIONS_MAX


def test_a_log_in_form_is_ours_and_fresh(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    token = access.door_token()
    assert access.is_door_token(token)
    assert not made(memory, moment).is_door_token(token)
    moment.pass_seconds(QUARTER + 1)
    assert not access.is_door_token(token)


@given(st.text(max_size=80))
def test_no_made_up_form_is_ours(text: str) -> None:
    access = made(FakeMemory(), Moment())
    assert not access.is_door_token(text)
    until = access.door_token().split(".")[0]
    assert not access.is_door_token(f"{until}.{text}")


def test_no_code_is_kept_in_the_clear(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    access.log_in(CODE)
    fail(access, 1)
    held = repr(vars(access)) + repr(memory.marks)
    assert "ABCD2345" not in held
    assert CODE not in held
    assert WRONG not in held


def test_a_try_of_endless_length_is_not_even_counted(memory: FakeMemory, moment: Moment) -> None:
    access = made(memory, moment)
    assert access.log_in("x" * 10_000) is None
    assert access.door().tries_left == TRIES_MAX


def test_the_real_outbox_remembers_tries(outbox: Outbox, moment: Moment) -> None:
    access = Access(digest_of(CODE), OutboxMemory(outbox), moment.wall, moment.monotonic)
    fail(access, 3)
    assert Access(digest_of(CODE), OutboxMemory(outbox), moment.wall, moment.monotonic).door().tries_left == 2
    assert Tries(5, 1, 0).lock_ms == QUARTER * 1_000
