from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_agent.remote.commands import LIFE_MS_MAX, LOG_TOLD, Actions, is_due, obey, remembered
from sheetal.contracts.twin import COMMANDS_REMEMBERED, LOG_BYTES_MAX, Command, CommandKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.outbox.resend import Range

T0_MS = 1_790_000_000_000


def order(kind: CommandKind = CommandKind.IDENTIFY, number: int = 1, **fields: int) -> Command:
    base = Command(id=f"c{number}", gateway="gw-t", kind=kind, issued_at_ms=T0_MS, expires_at_ms=T0_MS + 60_000)
    return msgspec.structs.replace(base, **fields)


def outcome(number: int, kind: CommandKind = CommandKind.IDENTIFY, detail: str = "x") -> Outcome:
    return Outcome(id=f"c{number}", kind=kind, at_ms=T0_MS, done=True, detail=detail)


class Hand:
    """Notes what it was told to do."""

    def __init__(self) -> None:
        self.did: list[str] = []

    @property
    def actions(self) -> Actions:
        return Actions(
            identify=lambda: self.did.append("identify"),
            test_alarm=lambda: self.did.append("test"),
            newest_log=lambda: "line 1\nline 2",
            resend=self._resend,
            resend_ranges=self._resend_ranges,
        )

    def _resend(self, from_ms: int, until_ms: int, settled_from_ms: int) -> int:
        self.did.append(f"{from_ms}-{until_ms}" + (f" settled from {settled_from_ms}" if settled_from_ms else ""))
        return 42

    def _resend_ranges(self, ranges: Sequence[Range]) -> int:
        self.did += [f"{one.boot}: {one.first}-{one.last}" for one in ranges]
        return len(ranges)


@pytest.mark.parametrize(
    ("kind", "detail", "did"),
    [
        (CommandKind.IDENTIFY, "shown on its page", ["identify"]),
        (CommandKind.TEST_ALARM, "sounded", ["test"]),
        (CommandKind.SEND_LOG, "line 1\nline 2", []),
    ],
)
def test_each_kind_is_done_once_and_told(kind: CommandKind, detail: str, did: list[str]) -> None:
    hand = Hand()
    told = obey(order(kind), hand.actions, T0_MS + 5)
    assert told == Outcome(id="c1", kind=kind, at_ms=T0_MS + 5, done=True, detail=detail)
    assert hand.did == did


def test_a_resend_tells_how_many() -> None:
    hand = Hand()
    told = obey(order(CommandKind.RESEND, from_ms=10, until_ms=20), hand.actions, T0_MS)
    assert (told.done, told.detail, hand.did) == (True, "42", ["10-20"])


@pytest.mark.parametrize(
    "bounds",
    [
        {},
        {"from_ms": 1},
        {"until_ms": 1},
        {"from_ms": 5, "until_ms": 5},
        {"from_ms": 1, "until_ms": 2**70},
        {"from_ms": -1, "until_ms": 5},
    ],
)
def test_a_resend_without_a_span_is_not_done(bounds: dict[str, int]) -> None:
    hand = Hand()
    told = obey(order(CommandKind.RESEND, **bounds), hand.actions, T0_MS)
    assert (told.done, hand.did) == (False, [])
    assert "from_ms" in told.detail


def test_a_resend_after_a_restore_also_brings_what_was_settled_late() -> None:
    hand = Hand()
    told = obey(order(CommandKind.RESEND, from_ms=10, until_ms=20, settled_from_ms=15), hand.actions, T0_MS)
    assert (told.done, told.detail) == (True, "42")
    assert hand.did == ["10-20", f"0-{2**53} settled from 15"]


def test_a_resend_by_ranges_needs_no_span_and_tells_how_many() -> None:
    hand = Hand()
    wanted = msgspec.structs.replace(order(CommandKind.RESEND), ranges=[(7, 1, 3), (2**40, 5, 5)])
    assert obey(wanted, hand.actions, T0_MS).detail == "2"
    assert hand.did == ["7: 1-3", f"{2**40}: 5-5"]


@pytest.mark.parametrize("wrong", [(1, 0, 3), (1, 3, 2), (-1, 1, 2), (1, 1, 2**63)])
def test_a_range_that_cannot_be_is_not_done(wrong: tuple[int, int, int]) -> None:
    hand = Hand()
    told = obey(msgspec.structs.replace(order(CommandKind.RESEND), ranges=[wrong]), hand.actions, T0_MS)
    assert (told.done, hand.did) == (False, [])
    assert "ranges" in told.detail


def test_what_fails_is_told_and_not_raised() -> None:
    def fail(*_: int) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    told = obey(order(CommandKind.RESEND, from_ms=1, until_ms=2), Hand().actions._replace(resend=fail), T0_MS)
    assert (told.done, told.detail) == (False, "disk I/O error")


@pytest.mark.parametrize(
    ("command", "at_ms", "due"),
    [
        (order(), T0_MS, True),
        (order(), T0_MS + 59_999, True),
        (order(), T0_MS + 60_000, False),
        (order(number=2), T0_MS, False),
        (order(expires_at_ms=T0_MS + LIFE_MS_MAX), T0_MS, True),
        (order(expires_at_ms=T0_MS + LIFE_MS_MAX + 1), T0_MS, False),
        (order(issued_at_ms=T0_MS + LIFE_MS_MAX, expires_at_ms=T0_MS + LIFE_MS_MAX + 1), T0_MS, False),
        (order(issued_at_ms=T0_MS + 60_000, expires_at_ms=T0_MS + 120_000), T0_MS, True),
        (msgspec.structs.replace(order(), id=""), T0_MS, False),
        (msgspec.structs.replace(order(), id="x" * 65), T0_MS, False),
    ],
)
def test_expired_repeated_and_endless_orders_are_ignored(command: Command, at_ms: int, *, due: bool) -> None:
    assert is_due(command, [outcome(2)], at_ms) is due


def test_twenty_outcomes_are_remembered_the_newest_last() -> None:
    kept: tuple[Outcome, ...] = ()
    for number in range(50):
        kept = remembered(kept, outcome(number))
    assert [one.id for one in kept] == [f"c{number}" for number in range(50 - COMMANDS_REMEMBERED, 50)]


def test_only_the_newest_log_keeps_its_lines() -> None:
    log = "y" * LOG_BYTES_MAX
    kept = remembered((), outcome(1, CommandKind.SEND_LOG, log))
    kept = remembered(kept, outcome(2))
    assert [one.detail for one in kept] == [log, "x"]
    kept = remembered(kept, outcome(3, CommandKind.SEND_LOG, log))
    assert [one.detail for one in kept] == [LOG_TOLD, "x", log]
