from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.local.memory import OutboxMemory
from sheetal.contracts.batch import Ack
from tests.edge_agent.kit import GATEWAY, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    from edge_agent.local.memory import Memory
    from edge_agent.outbox.outbox import Outbox


def test_the_outbox_is_memory(outbox: Outbox) -> None:
    outbox.add_rows([sample(0, 400), sample(1, 500)])
    outbox.apply_ack(Ack(gateway=GATEWAY, boot=outbox.boot, stored=[(1, 1)]))
    memory: Memory = OutboxMemory(outbox)
    assert [row.centi_celsius for row in memory.history(SENSOR, T0_MS, T0_MS + 10**9, 9)] == [400, 500]
    assert memory.extremes(SENSOR, T0_MS, T0_MS + 10**9) == (400, 500)
    assert memory.not_delivered(SENSOR, T0_MS, T0_MS + 10**9) == {(outbox.boot, 2)}


def test_small_facts_are_remembered(outbox: Outbox) -> None:
    memory = OutboxMemory(outbox)
    assert memory.mark("x") is None
    memory.remember("x", "1")
    memory.remember("x", "2")
    assert OutboxMemory(outbox).mark("x") == "2"
