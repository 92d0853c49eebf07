from __future__ import annotations

import threading

import pytest

from portal.identity import passwords
from sheetal.contracts.problem import Unavailable


def test_the_right_password_fits_and_no_other() -> None:
    stored = passwords.hashed("a long enough password")
    assert stored.startswith("$argon2id$")
    assert passwords.fits(stored, "a long enough password")
    assert not passwords.fits(stored, "a long enough passworD")
    assert not passwords.fits(stored, "")


def test_without_an_account_nothing_fits() -> None:
    assert not passwords.fits(None, "the password of nobody")


def test_a_damaged_hash_fits_nothing() -> None:
    assert not passwords.fits("$argon2id$rubbish", "anything")


def test_equal_passwords_have_different_hashes() -> None:
    assert passwords.hashed("a long enough password") != passwords.hashed("a long enough password")


def test_older_parameters_are_noticed() -> None:
    assert not passwords.is_outdated(passwords.hashed("a long enough password"))
    assert passwords.is_outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA")


def test_a_flood_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(passwords, "_turns", threading.BoundedSemaphore(1))
    with passwords._turn(), pytest.raises(Unavailable):
        passwords.fits(None, "x")
    assert not passwords.fits(None, "x")
