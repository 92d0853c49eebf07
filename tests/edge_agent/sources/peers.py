"""Real peers of the drivers: pymodbus's own server, and pseudo terminals in the place of serial lines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
import threading
import tty
from typing import TYPE_CHECKING

from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pymodbus.constants import ExcCodes
    from pymodbus.pdu import ModbusPDU

REGISTERS = 64
UNITS = 2
FAULT = 0x8000


class Terminal:
    """A pseudo terminal behind a stable name; unplugging it closes both ends and takes the name away."""

    def __init__(self, name: Path) -> None:
        self.name = name
        # The far end stays open, so that what is written before anyone listens is not refused.
        self.master, self._held = pty.openpty()
        tty.setraw(self._held)
        name.symlink_to(os.ttyname(self._held))

    def close(self) -> None:
        self.name.unlink()
        os.close(self._held)
        os.close(self.master)


class Cable:
    """Two pseudo terminals whose far ends are joined: what is written into one comes out of the other."""

    def __init__(self, one: Path, other: Path) -> None:
        self._ends = (Terminal(one), Terminal(other))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        for end in self._ends:
            end.close()

    def _run(self) -> None:
        one, other = (end.master for end in self._ends)
        while not self._stopping.is_set():
            for ready in select.select([one, other], [], [], 0.05)[0]:
                os.write(other if ready == one else one, os.read(ready, 1_024))


class ModbusPeer:
    """pymodbus's own server in a thread; a unit that is in `silent` does not answer."""

    def __init__(self, make: Callable[[list[SimDevice]], ModbusTcpServer | ModbusSerialServer]) -> None:
        self.registers = [0] * REGISTERS
        self.asked: list[tuple[int, int]] = []
        self.refuse: ExcCodes | None = None
        self.pause_seconds = 0.0
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        devices = [
            SimDevice(
                unit,
                simdata=[SimData(0, values=[0] * REGISTERS, datatype=DataType.REGISTERS)],
                action=self._answer,
            )
            for unit in range(1, 1 + UNITS)
        ]
        server = self._make(devices)
        await server.serve_forever(background=True)
        self._ready.set()
        await self._stopping.wait()
        await server.shutdown()
        await asyncio.sleep(0.05)

    async def _answer(
        self, function: int, start: int, address: int, count: int, current: list[int], _written: object
    ) -> ExcCodes | None:
        self.asked.append((function, address))
        await asyncio.sleep(self.pause_seconds)
        current[address - start : address - start + count] = self.registers[address : address + count]
        return self.refuse


def heard(sending: bool, pdu: ModbusPDU) -> ModbusPDU:  # noqa: FBT001 - pymodbus sets the shape of this call
    """A unit that is not there says nothing; pymodbus's server alone would answer for it."""
    return pdu if sending or pdu.dev_id <= UNITS else None  # type: ignore[return-value] # it asks whether there is one


def modbus_tcp_peer(port: int) -> ModbusPeer:
    return ModbusPeer(lambda devices: ModbusTcpServer(devices, address=("127.0.0.1", port), trace_pdu=heard))


def modbus_rtu_peer(device: Path) -> ModbusPeer:
    return ModbusPeer(
        lambda devices: ModbusSerialServer(
            devices, port=str(device), baudrate=115_200, reconnect_delay=0, trace_pdu=heard
        )
    )
