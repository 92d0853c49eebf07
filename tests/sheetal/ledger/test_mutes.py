from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, mutes
from sheetal.ledger.mutes import KINDS, WINDOW_MS_MAX, NewMute
from tests.sheetal.ledger.seeds import ACTOR, APPLIANCE, FACILITY, NOW_MS, OTHER_APPLIANCE, OTHER_FACILITY

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

WINDOW = NewMute(
    facility_id=FACILITY,
    appliance_id=APPLIANCE,
    kind="heat",
    from_ms=NOW_MS,
    until_ms=NOW_MS + HOUR_MS,
    reason=" defrosting ",
)


def added(ledger: Ledger, new: NewMute = WINDOW) -> int:
    with ledger.write() as conn:
        return mutes.add_mute(conn, new, ACTOR, NOW_MS)


def window(ledger: Ledger, at_ms: int, *alarm: str | None) -> mutes.Mute | None:
    facility, appliance, kind = alarm
    with ledger.read() as conn:
        return mutes.muted_at(conn, at_ms).window_of(str(facility), appliance, str(kind))


def test_a_window_mutes_one_kind_in_one_appliance_while_it_lasts(house: Ledger) -> None:
    number = added(house)
    found = window(house, NOW_MS, FACILITY, APPLIANCE, "heat")
    assert found is not None
    assert (found.id, found.reason, found.actor, found.over_at_ms) == (number, "defrosting", ACTOR, NOW_MS + HOUR_MS)
    assert window(house, NOW_MS + HOUR_MS - 1, FACILITY, APPLIANCE, "heat") == found
    assert window(house, NOW_MS + HOUR_MS, FACILITY, APPLIANCE, "heat") is None
    assert window(house, NOW_MS - 1, FACILITY, APPLIANCE, "heat") is None


@pytest.mark.parametrize(
    ("changes", "alarm", "is_muted"),
    [
        ({}, (FACILITY, APPLIANCE, "freeze"), False),
        ({}, (FACILITY, "A-2", "heat"), False),
        ({}, (FACILITY, None, "heat"), False),
        ({"kind": None}, (FACILITY, APPLIANCE, "freeze"), True),
        ({"appliance_id": None}, (FACILITY, "A-2", "heat"), True),
        ({"appliance_id": None}, (FACILITY, None, "heat"), True),
        ({"appliance_id": None, "kind": None}, (OTHER_FACILITY, OTHER_APPLIANCE, "heat"), False),
    ],
)
def test_a_window_covers_what_it_names(
    house: Ledger, changes: dict[str, None], alarm: tuple[str, str | None, str], *, is_muted: bool
) -> None:
    added(house, replace(WINDOW, **changes))
    assert (window(house, NOW_MS, *alarm) is not None) is is_muted


def test_of_two_windows_the_longer_one_counts(house: Ledger) -> None:
    added(house)
    longer = added(house, replace(WINDOW, kind=None, until_ms=NOW_MS + 2 * HOUR_MS))
    found = window(house, NOW_MS, FACILITY, APPLIANCE, "heat")
    assert found is not None
    assert found.id == longer


def test_a_window_is_ended_before_its_time_once_and_both_acts_are_traced(house: Ledger) -> None:
    number = added(house)
    with house.write() as conn:
        ended = mutes.end_mute(conn, number, "s-2", NOW_MS + 60_000)
        assert (ended.ended_at_ms, ended.over_at_ms) == (NOW_MS + 60_000, NOW_MS + 60_000)
    with house.read() as conn:
        entries = audit.entries(conn, FACILITY, 2)
    assert [(one.act, one.actor) for one in entries] == [("mute_ended", "s-2"), ("alarms_muted", ACTOR)]
    assert window(house, NOW_MS + 60_001, FACILITY, APPLIANCE, "heat") is None
    with house.write() as conn, pytest.raises(Refused) as caught:
        mutes.end_mute(conn, number, "s-2", NOW_MS + 70_000)
    assert caught.value.facts["reason"] == "over"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reason": "  "}, "no_reason"),
        ({"kind": "holding_held"}, "bad_kind"),
        ({"kind": "holding_gap"}, "bad_kind"),
        ({"until_ms": NOW_MS}, "bad_window"),
        ({"from_ms": NOW_MS - 2, "until_ms": NOW_MS - 1}, "bad_window"),
        ({"from_ms": NOW_MS + 2, "until_ms": NOW_MS + 1}, "bad_window"),
        ({"until_ms": NOW_MS + WINDOW_MS_MAX + 1}, "bad_window"),
        ({"from_ms": NOW_MS + WINDOW_MS_MAX, "until_ms": NOW_MS + WINDOW_MS_MAX + 1}, "bad_window"),
        ({"appliance_id": OTHER_APPLIANCE}, "place"),
    ],
)
def test_a_window_that_says_too_much_or_too_little_is_refused(
    house: Ledger, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        added(house, replace(WINDOW, **changes))  # type: ignore[arg-type]
    assert caught.value.facts["reason"] == reason
    assert window(house, NOW_MS, FACILITY, APPLIANCE, "heat") is None


def test_windows_do_not_pile_up(house: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutes, "STANDING_MAX", 2)
    first, _ = added(house), added(house)
    with pytest.raises(Refused) as caught:
        added(house)
    assert caught.value.facts["reason"] == "too_many"
    added(house, replace(WINDOW, facility_id=OTHER_FACILITY, appliance_id=None))
    with house.write() as conn:
        mutes.end_mute(conn, first, ACTOR, NOW_MS)
    added(house)


def test_a_hold_is_no_kind_that_can_be_muted() -> None:
    assert set(KINDS) == {"no_data", "heat", "freeze", "missed_check", "needs_attention", "spoilage_warning"}


def test_an_unknown_place_or_window_is_not_found(house: Ledger) -> None:
    with pytest.raises(NotFound):
        added(house, replace(WINDOW, facility_id="F-9", appliance_id=None))
    with pytest.raises(NotFound):
        added(house, replace(WINDOW, appliance_id="A-99"))
    with house.write() as conn, pytest.raises(NotFound):
        mutes.end_mute(conn, 99_999, ACTOR, NOW_MS)


def test_windows_are_listed_by_place_the_last_to_end_first(house: Ledger) -> None:
    first = added(house)
    second = added(house, replace(WINDOW, facility_id=OTHER_FACILITY, appliance_id=None, until_ms=NOW_MS + DAY_MS))
    with house.read() as conn:
        assert [one.id for one in mutes.mutes(conn, None, NOW_MS)] == [second, first]
        assert [one.id for one in mutes.mutes(conn, FACILITY, NOW_MS)] == [first]
        assert [one.id for one in mutes.mutes(conn, None, NOW_MS + HOUR_MS)] == [second]
