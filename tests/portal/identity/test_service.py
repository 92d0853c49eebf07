from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.errors import FieldProblem, TooMany
from portal.identity import passwords, rules, service, store
from portal.identity.service import Role, Staff
from sheetal.ledger import audit

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

PASSWORD = "a long enough password"
WRONG = "another long password"


def sign_in(stage: Stage, password: str = PASSWORD, *, user_name: str = "admin", address: str = "10.0.0.1") -> str:
    _, token = service.sign_in(
        stage.ledger, user_name=user_name, password=password, address=address, now_ms=stage.now_ms
    )
    return token


def acts(stage: Stage) -> list[str]:
    with stage.ledger.read() as conn:
        return [entry.act for entry in reversed(audit.entries(conn, "F-101", 100))]


def test_signing_in_opens_a_session_and_leaves_a_trace(stage: Stage) -> None:
    who = stage.add_person(Role.ADMIN)
    token = sign_in(stage)
    assert service.staff_of_session(stage.ledger, token, stage.now_ms) == who
    assert acts(stage) == ["staff_added", "signed_in"]


def test_the_store_never_holds_the_token(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    token = sign_in(stage)
    with stage.ledger.read() as conn:
        rows = conn.exec_driver_sql("SELECT * FROM staff_session").all()
    assert token not in str(rows)
    assert len(token) >= 43


@pytest.mark.parametrize("token", ["", "x" * 43, "\x00"])
def test_an_unknown_token_is_nobody(stage: Stage, token: str) -> None:
    assert service.staff_of_session(stage.ledger, token, stage.now_ms) is None


def test_signing_out_ends_the_session_for_good(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    token = sign_in(stage)
    service.sign_out(stage.ledger, token, stage.now_ms)
    service.sign_out(stage.ledger, token, stage.now_ms)
    assert service.staff_of_session(stage.ledger, token, stage.now_ms) is None
    assert acts(stage).count("signed_out") == 1


def test_a_session_lives_as_long_as_it_acts_but_at_most_twelve_hours(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    token = sign_in(stage)
    for _ in range(11):
        stage.now_ms += 3_600_000
        assert service.staff_of_session(stage.ledger, token, stage.now_ms) is not None
    stage.now_ms += 3_600_000
    assert service.staff_of_session(stage.ledger, token, stage.now_ms) is None


def test_an_idle_session_ends(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    token = sign_in(stage)
    stage.now_ms += rules.SESSION_IDLE_MS
    assert service.staff_of_session(stage.ledger, token, stage.now_ms) is None


def test_a_disabled_account_is_out_at_once(stage: Stage) -> None:
    who = stage.add_person(Role.ADMIN)
    token = sign_in(stage)
    with stage.ledger.read() as conn:
        assert service.working_staff(conn, who.id) == who
    service.disable_staff(stage.ledger, who.id, stage.now_ms)
    service.disable_staff(stage.ledger, "nobody", stage.now_ms)
    with stage.ledger.read() as conn:
        assert service.working_staff(conn, who.id) is service.working_staff(conn, "nobody") is None
    assert service.staff_of_session(stage.ledger, token, stage.now_ms) is None
    with pytest.raises(FieldProblem):
        sign_in(stage)
    with stage.ledger.read() as conn:
        assert service.staff_by_id(conn, who.id) == who


def test_wrong_name_and_wrong_password_say_the_same(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    said = set()
    for user_name, password in (("admin", WRONG), ("nobody", PASSWORD)):
        with pytest.raises(FieldProblem) as caught:
            sign_in(stage, password, user_name=user_name)
        said.add((caught.value.message, caught.value.field))
    assert len(said) == 1


def test_wrong_tries_slow_down_the_name_from_everywhere(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    for number in range(rules.FAILURES_FREE):
        with pytest.raises(FieldProblem):
            sign_in(stage, WRONG, address=f"10.0.1.{number}")
    with pytest.raises(TooMany) as caught:
        sign_in(stage, address="10.9.9.9")
    assert caught.value.retry_after_seconds == 30
    stage.now_ms += 30_000
    assert sign_in(stage)


def test_wrong_tries_slow_down_an_address_over_all_names(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    for number in range(rules.FAILURES_FREE):
        with pytest.raises(FieldProblem):
            sign_in(stage, WRONG, user_name=f"guess{number}", address="10.0.0.66")
    with pytest.raises(TooMany):
        sign_in(stage, address="10.0.0.66")
    assert sign_in(stage, address="10.0.0.67")


def test_a_slowed_name_is_slowed_whether_it_exists_or_not(stage: Stage) -> None:
    for _ in range(rules.FAILURES_FREE):
        with pytest.raises(FieldProblem):
            sign_in(stage, WRONG, user_name="nobody")
    with pytest.raises(TooMany):
        sign_in(stage, WRONG, user_name="nobody")


def test_success_clears_the_names_wrong_tries(stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    for _ in range(rules.FAILURES_FREE - 1):
        with pytest.raises(FieldProblem):
            sign_in(stage, WRONG, address="10.1.1.1")
    sign_in(stage)
    with pytest.raises(FieldProblem):
        sign_in(stage, WRONG, address="10.1.1.2")
    assert sign_in(stage)


def test_an_outdated_hash_is_renewed_at_sign_in(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.add_person(Role.ADMIN)
    monkeypatch.setattr(passwords, "is_outdated", lambda _hash: True)
    with stage.ledger.read() as conn:
        before = store.account_by_user_name(conn, "admin")
    sign_in(stage)
    with stage.ledger.read() as conn:
        after = store.account_by_user_name(conn, "admin")
    assert before is not None
    assert after is not None
    assert before.password_hash != after.password_hash
    assert passwords.fits(after.password_hash, PASSWORD)


@pytest.mark.parametrize(
    ("user_name", "password", "field"),
    [
        ("admin", PASSWORD, "user_name"),
        ("ADMIN ", PASSWORD, "user_name"),
        ("a b", PASSWORD, "user_name"),
        ("new", "short", "password"),
    ],
)
def test_a_bad_new_account_is_refused(stage: Stage, user_name: str, password: str, field: str) -> None:
    stage.add_person(Role.ADMIN)
    who = Staff("", "New", Role.AUDITOR, "F-101", "hi")
    with stage.ledger.write() as conn, pytest.raises(FieldProblem) as caught:
        service.add_staff(conn, who, user_name=user_name, password=password, now_ms=stage.now_ms)
    assert caught.value.field == field
    assert acts(stage) == ["staff_added"]


def test_wrong_tries_of_another_kind_are_counted_apart_and_can_be_forgotten(stage: Stage) -> None:
    whose = {"enrol address": "192.0.2.1", "enrol gateway": "gw-01"}
    for _ in range(4):
        service.count_wrong_try(stage.ledger, whose, stage.now_ms)
    service.check_tries(stage.ledger, whose, stage.now_ms)
    service.count_wrong_try(stage.ledger, whose, stage.now_ms)
    for one, value in whose.items():
        with pytest.raises(TooMany):
            service.check_tries(stage.ledger, {one: value}, stage.now_ms)
    service.check_tries(stage.ledger, {"address": "192.0.2.1", "name": "gw-01"}, stage.now_ms)
    with stage.ledger.write() as conn:
        service.forget_tries(conn, "enrol gateway", "gw-01", stage.now_ms)
    service.check_tries(stage.ledger, {"enrol gateway": "gw-01"}, stage.now_ms)
    with pytest.raises(TooMany):
        service.check_tries(stage.ledger, whose, stage.now_ms)


def test_a_signature_takes_the_signers_own_password(stage: Stage) -> None:
    who = stage.add_person(Role.ADMIN)
    other = stage.add_person(Role.MEDICAL_OFFICER)
    service.confirm(stage.ledger, who, PASSWORD, stage.now_ms)
    for wrong in ("", WRONG, PASSWORD + "x"):
        with pytest.raises(FieldProblem) as caught:
            service.confirm(stage.ledger, other, wrong, stage.now_ms)
        assert caught.value.field == "password"


def test_wrong_signatures_are_slowed_down_and_a_right_one_forgets_them(stage: Stage) -> None:
    who = stage.add_person(Role.ADMIN)
    for _ in range(rules.FAILURES_FREE - 1):
        with pytest.raises(FieldProblem):
            service.confirm(stage.ledger, who, WRONG, stage.now_ms)
    service.confirm(stage.ledger, who, PASSWORD, stage.now_ms)
    for _ in range(rules.FAILURES_FREE):
        with pytest.raises(FieldProblem):
            service.confirm(stage.ledger, who, WRONG, stage.now_ms)
    with pytest.raises(TooMany):
        service.confirm(stage.ledger, who, PASSWORD, stage.now_ms)
    assert sign_in(stage), "signing in is counted apart"


def test_a_closed_account_signs_nothing(stage: Stage) -> None:
    who = stage.add_person(Role.ADMIN)
    service.disable_staff(stage.ledger, who.id, stage.now_ms)
    with pytest.raises(FieldProblem):
        service.confirm(stage.ledger, who, PASSWORD, stage.now_ms)
