from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from portal.vaccinator import remembered
from portal.vaccinator.remembered import Remembered
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.portal.clinic import Clinic


def queries(conn: Connection) -> list[str]:
    sent: list[str] = []
    event.listen(conn, "before_cursor_execute", lambda *facts: sent.append(facts[2]))
    return sent


def test_a_place_is_asked_for_once_a_minute(clinic: Clinic) -> None:
    kept = Remembered()
    with clinic.ledger.read() as conn:
        first = kept.place(conn, clinic.session, clinic.now_ms)
        sent = queries(conn)
        assert kept.place(conn, clinic.session, clinic.now_ms + MINUTE_MS - 1) is first
        assert sent == []
        assert kept.place(conn, clinic.session, clinic.now_ms + MINUTE_MS) == first
        assert len(sent) == 2
    assert (first.facility.id, first.product.product) == ("F-101", "covishield")


def test_a_new_day_is_asked_for_at_once(clinic: Clinic) -> None:
    kept = Remembered()
    midnight_ms = clinic.now_ms - clinic.now_ms % DAY_MS + DAY_MS - 5 * HOUR_MS - 30 * MINUTE_MS
    with clinic.ledger.read() as conn:
        kept.place(conn, clinic.session, midnight_ms - 1)
        sent = queries(conn)
        kept.place(conn, clinic.session, midnight_ms)
        assert len(sent) == 2


def test_a_clock_that_moves_back_does_not_make_a_place_last(clinic: Clinic) -> None:
    kept = Remembered()
    with clinic.ledger.read() as conn:
        kept.place(conn, clinic.session, clinic.now_ms)
        sent = queries(conn)
        kept.place(conn, clinic.session, clinic.now_ms - 1)
        assert len(sent) == 2


def test_places_are_kept_apart(clinic: Clinic) -> None:
    kept = Remembered()
    with clinic.ledger.read() as conn:
        kept.place(conn, clinic.session, clinic.now_ms)
        other = kept.place(conn, replace(clinic.session, product_id="covaxin"), clinic.now_ms)
        there = kept.place(conn, replace(clinic.session, facility_id="F-102"), clinic.now_ms)
        with pytest.raises(NotFound):
            kept.place(conn, replace(clinic.session, product_id="nothing"), clinic.now_ms)
    assert (other.product.product, there.facility.id) == ("covaxin", "F-102")


def test_a_label_is_looked_up_once_and_a_lot_each_time(clinic: Clinic) -> None:
    clinic.receive("H-1")
    kept = Remembered()
    with clinic.ledger.read() as conn:
        by_label = kept.vial(conn, clinic.session, "H-1", clinic.now_ms)
        by_lot = kept.vial(conn, clinic.session, "CS-2301", clinic.now_ms)
        sent = queries(conn)
        assert kept.vial(conn, clinic.session, " H-1 ", clinic.now_ms) is by_label
        assert sent == []
        kept.vial(conn, clinic.session, "CS-2301", clinic.now_ms)
        assert sent
    assert by_label == by_lot == ("H-1", "CS-2301")


def test_a_lot_that_becomes_ambiguous_is_refused_at_once(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    clinic.give(clinic.book(), "CS-2301")
    clinic.receive("H-2", issued=False)
    clinic.freeze("H-2", clinic.now_ms - HOUR_MS)
    with pytest.raises(Refused) as problem:
        clinic.give(booked, "CS-2301")
    assert problem.value.facts["reason"] == "scan_label"


def test_a_remembered_label_does_not_open_the_gate(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    clinic.give(clinic.book(), "H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    with pytest.raises(Refused) as problem:
        clinic.give(booked, "H-1")
    assert problem.value.facts["reason"] == "held"


def test_an_unknown_label_is_not_remembered(clinic: Clinic) -> None:
    kept = Remembered()
    with clinic.ledger.read() as conn, pytest.raises(Refused):
        kept.vial(conn, clinic.session, "H-1", clinic.now_ms)
    clinic.receive("H-1")
    with clinic.ledger.read() as conn:
        assert kept.vial(conn, clinic.session, "H-1", clinic.now_ms).holding == "H-1"


def test_memory_is_bounded(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "ENTRIES_MAX", 2)
    kept = Remembered()
    for number in range(5):
        clinic.receive(f"H-{number}")
    with clinic.ledger.read() as conn:
        for number in range(5):
            kept.vial(conn, clinic.session, f"H-{number}", clinic.now_ms)
            assert len(kept._vials) <= 2
