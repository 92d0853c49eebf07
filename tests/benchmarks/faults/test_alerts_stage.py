from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.faults.alerts_stage import AlertsStage, Fate, name_of
from sheetal.contracts.disposition import Disposition
from sheetal.ledger import contacts
from tests.alerts.given import FACILITY

if TYPE_CHECKING:
    from pathlib import Path

HELD = Fate(Disposition.QUARANTINED, 7, [7], 1, 1, 0)


def test_a_frozen_holding_waits_to_be_judged(tmp_path: Path) -> None:
    with AlertsStage(tmp_path, ("webhook", "sms")) as stage:
        assert stage.freeze(3) == name_of(3) == "H-00003"
        fate = stage.fate(3)
        assert fate.is_untouched
        assert not fate.is_held_whole
        assert stage.waiting_hours() in {3, 4}
        assert (stage.told(3), stage.shown(3)) == (0, 0)
        with stage.ledger.read() as conn:
            (contact,) = contacts.contacts(conn, FACILITY)
    assert [str(kind) for kind in contact.channels] == ["webhook", "sms"]


def test_messages_and_lines_about_a_holding_are_counted(tmp_path: Path) -> None:
    with AlertsStage(tmp_path) as stage:
        stage.log.write_text('{"event": "Notice", "text": "Holding H-00003 of"}\n{"text": "Holding H-00003 of"}\n')
        stage.channels.servers["webhook"].hear("Holding H-00003 of lot x")
        stage.channels.servers["sms"].hear("Holding H-00004 of lot x")
        assert [stage.told(3), stage.told(4), stage.told(5)] == [1, 1, 0]
        assert [stage.shown(3), stage.shown(4)] == [1, 0]


def test_half_a_hold_is_neither_untouched_nor_whole() -> None:
    assert HELD.is_held_whole
    for half in (
        HELD._replace(disposition=Disposition.AVAILABLE),
        HELD._replace(held_by=None),
        HELD._replace(compromises=0),
        HELD._replace(notices=0),
        HELD._replace(notices=2),
    ):
        assert not half.is_held_whole
        assert not half.is_untouched
