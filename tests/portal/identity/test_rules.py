from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.identity import rules
from portal.identity.rules import Failures, Role, Staff

HOUR_MS = 3_600_000
NOW = 1_800_000_000_000


def wait_after(tries: int) -> int:
    seen: Failures | None = None
    for _ in range(tries):
        seen = rules.after_failure(seen, NOW)
    assert seen is not None
    return seen.blocked_until_ms - NOW


@pytest.mark.parametrize(
    ("tries", "wait_ms"),
    [(1, 0), (4, 0), (5, 30_000), (6, 60_000), (7, 120_000), (9, 480_000), (10, 900_000), (40, 900_000)],
)
def test_each_wrong_try_beyond_four_waits_longer(tries: int, wait_ms: int) -> None:
    assert wait_after(tries) == wait_ms


def test_an_hour_of_quiet_forgets_wrong_tries() -> None:
    old = Failures(30, NOW - HOUR_MS - 1, NOW - 1)
    assert rules.after_failure(old, NOW).count == 1
    assert rules.after_failure(Failures(30, NOW - HOUR_MS, NOW - 1), NOW).count == 31


@given(st.integers(1, 200))
def test_a_wait_never_grows_beyond_a_quarter_of_an_hour(tries: int) -> None:
    assert 0 <= wait_after(tries) <= 15 * 60_000


@pytest.mark.parametrize(
    ("created", "seen", "ended", "live"),
    [
        (0, 0, None, True),
        (2 * HOUR_MS, 2 * HOUR_MS - 1, None, True),
        (2 * HOUR_MS, 2 * HOUR_MS, None, False),
        (12 * HOUR_MS - 1, 0, None, True),
        (12 * HOUR_MS, 0, None, False),
        (0, 0, NOW - 1, False),
    ],
)
def test_a_session_ends_by_idleness_age_or_sign_out(created: int, seen: int, ended: int | None, *, live: bool) -> None:
    found = rules.session_is_live(created_at_ms=NOW - created, seen_at_ms=NOW - seen, ended_at_ms=ended, now_ms=NOW)
    assert found is live


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/a\nb", "/a\\b", "javascript:x", None],
)
def test_sign_in_never_leads_away(path: str | None) -> None:
    assert rules.safe_next(path, "/cc") == "/cc"


@pytest.mark.parametrize("path", ["/", "/hi/cc", "/cc/lots/a/b?x=1"])
def test_sign_in_leads_back(path: str) -> None:
    assert rules.safe_next(path, "/other") == path


@given(st.text())
def test_wherever_sign_in_leads_is_a_path_of_ours(path: str) -> None:
    found = rules.safe_next(path, "/cc")
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    ("text", "name"),
    [(" Asha.K ", "asha.k"), ("\uff21\uff33\uff28\uff21", "asha"), ("a" * 99, "a" * 64)],
)
def test_user_names_are_one_however_typed(text: str, name: str) -> None:
    assert rules.normal_user_name(text) == name


@pytest.mark.parametrize(
    ("name", "good"), [("asha.k-2_x", True), ("", False), (".a", False), ("अ", False), ("a b", False)]
)
def test_new_user_names_are_plain(name: str, *, good: bool) -> None:
    assert rules.is_user_name(name) is good


@pytest.mark.parametrize(("length", "good"), [(11, False), (12, True), (256, True), (257, False)])
def test_passwords_are_judged_by_length(length: int, *, good: bool) -> None:
    assert rules.is_password("x" * length) is good


def test_officers_see_all_others_their_own() -> None:
    for role in Role:
        who = Staff("s", "S", role, "F-1", "en")
        assert who.may_see("F-1")
        assert who.may_see("F-2") is (role not in {Role.VACCINATOR, Role.HANDLER})


def test_every_role_has_a_home() -> None:
    assert rules.home_of(Role.VACCINATOR) == "/v/today"
    assert {rules.home_of(role) for role in Role if role is not Role.VACCINATOR} == {"/cc"}
