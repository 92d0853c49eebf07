from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from portal.identity import store
from portal.identity.rules import Failures, Role, Staff

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

WHO = Staff("s-1", "R. Sample", Role.AUDITOR, "F-101", "hi")


def test_an_account_comes_back_as_it_went_in(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        store.add_staff(conn, WHO, "sample", "hash", 5)
    with stage.ledger.read() as conn:
        assert store.account_by_user_name(conn, "sample") == (WHO, "hash")
        assert store.account_by_user_name(conn, "Sample") is None
        assert store.staff_by_id(conn, "s-1") == WHO
        assert store.staff_by_id(conn, "s-2") is None


def test_a_user_name_is_taken_once(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        store.add_staff(conn, WHO, "sample", "hash", 5)
        with pytest.raises(IntegrityError), conn.begin_nested():
            store.add_staff(conn, Staff("s-2", "X", Role.ADMIN, "F-101", "en"), "sample", "hash", 5)


def test_a_role_outside_the_list_is_refused_by_the_database(stage: Stage) -> None:
    with stage.ledger.write() as conn, pytest.raises(IntegrityError), conn.begin_nested():
        conn.exec_driver_sql(
            "INSERT INTO staff (id, user_name, display_name, role, facility_id, language, password_hash, created_at_ms)"
            " VALUES ('s', 'u', 'd', 'king', 'F-101', 'en', 'h', 1)"
        )


def test_ending_a_session_keeps_its_first_end(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        store.add_staff(conn, WHO, "sample", "hash", 5)
        store.add_session(conn, "t", "s-1", 10)
        store.mark_seen(conn, "t", 20)
        store.end_session(conn, "t", 30)
        store.end_session(conn, "t", 40)
        assert store.session(conn, "t") == (WHO, 10, 20, 30)
        assert store.session(conn, "other") is None


def test_old_sessions_are_forgotten(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        store.add_staff(conn, WHO, "sample", "hash", 5)
        store.add_session(conn, "old", "s-1", 10)
        store.add_session(conn, "new", "s-1", 20)
        store.delete_old_sessions(conn, 20)
        assert store.session(conn, "old") is None
        assert store.session(conn, "new") is not None


def test_wrong_tries_are_replaced_and_cleared(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        store.put_failures(conn, "a", Failures(1, 10, 10))
        store.put_failures(conn, "a", Failures(2, 20, 50))
        store.put_failures(conn, "b", Failures(1, 30, 30))
        store.put_failures(conn, "stale", Failures(9, 5, 5))
        assert store.failures(conn, "a") == Failures(2, 20, 50)
        store.clear_failures(conn, "a", before_ms=6)
        assert store.failures(conn, "a") is None
        assert store.failures(conn, "stale") is None
        assert store.failures(conn, "b") is not None


def test_a_new_hash_replaces_the_old(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        store.add_staff(conn, WHO, "sample", "hash", 5)
        store.set_password_hash(conn, "s-1", "newer")
        assert store.account_by_user_name(conn, "sample") == (WHO, "newer")
        store.disable_staff(conn, "s-1", 9)
        assert store.account_by_user_name(conn, "sample") is None
