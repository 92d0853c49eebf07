from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.outbox import settling as outbox_settling
from edge_agent.outbox.intake import Given, Intake, insert
from edge_agent.outbox.schema import DELIVERED, PENDING, REFUSED, WAITING, open_file
from edge_agent.outbox.settling import Settled, forget, forget_early, settle, settle_alarms
from sheetal.contracts.batch import Ack, RefusedRange
from sheetal.contracts.device_alarm import AlarmAck
from tests.edge_agent.kit import GATEWAY, T0_MS, sample

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

BOOT = 5


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_file(tmp_path / "o.db")) as opened:
        insert(opened, Intake(rows=[sample(number) for number in range(10)]), Given(BOOT, 0, T0_MS))
        yield opened


def ack(*stored: tuple[int, int], refused: tuple[tuple[int, int], ...] = (), boot: int = BOOT) -> Ack:
    return Ack(gateway=GATEWAY, boot=boot, stored=list(stored), refused=[RefusedRange(a, b, "no") for a, b in refused])


def states(connection: sqlite3.Connection) -> list[int]:
    return [state for (state,) in connection.execute("SELECT state FROM item ORDER BY sequence")]


def test_exactly_the_named_ranges_are_settled(connection: sqlite3.Connection) -> None:
    assert settle(connection, ack((2, 3), (9, 9), refused=((5, 6),)), T0_MS) == Settled(3, 0, 2)
    p, d, r = PENDING, DELIVERED, REFUSED
    assert states(connection) == [p, d, d, p, r, r, p, p, d, p]
    told = connection.execute("SELECT settled_at_ms, reason FROM item WHERE sequence IN (2, 5, 7) ORDER BY sequence")
    assert told.fetchall() == [(T0_MS, None), (T0_MS, "no"), (None, None)]


def test_an_ack_that_names_nothing_here_changes_nothing(connection: sqlite3.Connection) -> None:
    for empty in (ack(), ack((1, 10), boot=6), ack((5, 1)), ack((11, 2**70))):
        assert settle(connection, empty, T0_MS) == Settled(0, 0, 0)
    assert set(states(connection)) == {PENDING}


def test_what_was_never_sent_cannot_be_settled(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE item SET state = ? WHERE sequence = 4", (WAITING,))
    assert settle(connection, ack((-(2**70), 2**70)), T0_MS) == Settled(9, 0, 0)
    assert states(connection)[3] == WAITING


@settings(max_examples=60, deadline=None)
@given(told=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.booleans()), max_size=8), chance=st.randoms())
def test_any_order_and_repetition_of_acks_ends_the_same(
    told: list[tuple[int, int, bool]], chance: Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    acks = [ack(refused=((a, b),)) if refuses else ack((a, b)) for a, b, refuses in told]
    shuffled = acks * 2
    chance.shuffle(shuffled)
    ends = []
    for order in (acks, shuffled):
        with closing(open_file(tmp_path_factory.mktemp("o") / "o.db")) as opened:
            insert(opened, Intake(rows=[sample(number) for number in range(10)]), Given(BOOT, 0, T0_MS))
            for one in order:
                settle(opened, one, T0_MS)
            ends.append(states(opened))
    assert ends[0] == ends[1]


def test_settled_items_are_forgotten_when_they_were_kept_long_enough(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_ms = T0_MS + 10**9
    settle(connection, ack((1, 4), refused=((5, 6),)), late_ms)
    assert forget(connection, late_ms) == (0, 0)
    monkeypatch.setattr(outbox_settling, "FORGOTTEN_MAX", 3)
    assert forget(connection, late_ms + 1) == (3, 2)
    assert forget(connection, late_ms + 1) == (1, 0)
    assert states(connection) == [PENDING] * 4


def test_before_their_time_the_oldest_delivered_go(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_settling, "FREED_MAX", 2)
    settle(connection, ack((3, 6), refused=((1, 2),)), T0_MS)
    assert forget_early(connection) == 2
    left = connection.execute("SELECT sequence FROM item WHERE state = 1 ORDER BY sequence").fetchall()
    assert left == [(5,), (6,)]


def test_alarms_are_settled_by_name_and_clearing(connection: sqlite3.Connection) -> None:
    connection.executemany("INSERT INTO alarm VALUES (?, ?, x'', 0, NULL)", [("a", 0), ("a", 1), ("b", 0)])
    named = AlarmAck(gateway=GATEWAY, alarms=[("a", True), ("c", False)])
    assert settle_alarms(connection, named, T0_MS) == 1
    assert settle_alarms(connection, named, T0_MS) == 0
    assert settle_alarms(connection, AlarmAck(gateway=GATEWAY, alarms=[]), T0_MS) == 0
    assert forget(connection, T0_MS + 1) == (0, 0)
    assert connection.execute("SELECT alarm, cleared FROM alarm ORDER BY 1, 2").fetchall() == [("a", 0), ("b", 0)]
