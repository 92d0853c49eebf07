"""A gateway of one polled probe on a machine whose clocks lie, without any process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.clock.timeline import Answer, Wall
from edge_agent.keeper.keeper import Keeper
from edge_agent.outbox import schema as outbox_schema
from edge_agent.outbox.outbox import Outbox
from edge_agent.sample import Observation, Sample
from edge_agent.settings.file import load_settings
from edge_agent.timekeeper import Machine, Timekeeper
from tests.edge_agent.kit import MINUTE_MS, SENSOR, T0_MS, write_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from edge_agent.outbox.parcel import Item

HOUR_MS = 60 * MINUTE_MS
YEAR_MS = 365 * 24 * HOUR_MS


class LyingMachine(Machine):
    """`true_ms` passes as the monotonic clock does; the wall clock is off by `off_ms`."""

    def __init__(self, off_ms: int = 0, true_ms: int = T0_MS, *, is_synchronised: bool = False) -> None:
        super().__init__()
        self.off_ms = off_ms
        self.true_ms = self.booted_ms = true_ms
        self.is_synchronised = is_synchronised

    def monotonic_ms(self) -> int:
        return self.true_ms - self.booted_ms + 30_000

    def wall(self) -> Wall:
        return Wall(self.true_ms + self.off_ms, self.is_synchronised)


class Gateway:
    """Outbox, timekeeper and keeper of one process with one polled probe."""

    def __init__(self, folder: Path, machine: LyingMachine) -> None:
        source = '[[source]]\nkind = "one_wire"\nroot = "w1"\n[[source.probe]]\nprobe = "ilr1-tvc"\n'
        source += 'device = "28-000000000001"\nfreeze_alarm_minutes = 5\n'
        self.box_settings = write_settings(folder, uplink=source)
        settings = load_settings(self.box_settings)
        self.machine = machine
        self.box = Outbox(settings.outbox, clock=lambda: self.time.now_ms())  # noqa: PLW0108 - it is made of what this outbox remembers
        self.time = Timekeeper(machine, self.box)
        self.keeper = Keeper(settings, self.box, lambda: None, lambda: None, self.time)
        self.time.settle(self.keeper)

    def close(self) -> None:
        self.box.close()

    def measure(self, centi_celsius: int = 450, minutes: int = 1, *, commits: bool = True) -> None:
        for _ in range(minutes):
            self.machine.true_ms += MINUTE_MS
            told = Sample(SENSOR, self.time.monotonic_ms(), centi_celsius, 0)
            self.keeper.keep([Observation(samples=(told,), local=True)])
        if commits:
            self.keeper.commit()

    def hear(self) -> None:
        """Ingest's clock is right."""
        now_ms = self.time.monotonic_ms()
        self.time.hear(Answer(self.machine.true_ms, now_ms, now_ms))

    def offered(self) -> list[Item]:
        parcel = self.box.next_batch(T0_MS + 10**11)
        return [] if parcel is None else sorted(parcel.items, key=lambda item: item.measured_at_ms)

    def stamps(self) -> list[int]:
        return [item.measured_at_ms - T0_MS for item in self.offered() if item.kind == "row"]


def starting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Gateway]]:
    """For a fixture: starts a process on the one outbox, in a boot of the operating system of this name."""
    running: list[Gateway] = []
    boot_id = folder / "boot_id"
    monkeypatch.setattr(outbox_schema, "OS_BOOT", boot_id)

    def start_one(machine: LyingMachine, os_boot: str = "monday") -> Gateway:
        boot_id.write_text(os_boot)
        for before in running:
            before.close()
        running.append(Gateway(folder, machine))
        return running[-1]

    yield start_one
    for one in running:
        one.close()
