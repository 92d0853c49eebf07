"""A logger hub as a Modbus TCP server: input registers (function 4) of unit 1, sixteen for each appliance.

The appliance at position p of its hub, counted from 0, has the registers from 16 x p on:

    offset  meaning                                          as
    0       temperature of the first probe                   int16, 0.1 °C; 0x8000: no temperature
    1-3     temperatures of the extra probes                 int16, 0.1 °C; 0x8000: no temperature or no such probe
    4       door open in the last record's period            seconds
    5       mains present in the last record's period        seconds
    6       battery of the monitoring device                 days x 10
    7       ambient                                          int16, 0.1 °C
    8       compressor run time in the last record's period  minutes x 10
    9       estimated holdover                               days x 10
    10      number of the record, modulo 65,536              count
    11-15   always 0

All are read at once, so a record is never torn. While a logger restarts its temperatures are 0x8000. Other functions
are refused as illegal, addresses behind the last appliance too.
"""

from __future__ import annotations

import errno
import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymodbus.constants import ExcCodes
    from pymodbus.server import ModbusTcpServer

    from firmware_sim.appliance import Sample
    from firmware_sim.scenario import ApplianceSpec

UNIT = 1
REGISTERS = 16
FAULT = 0x8000
PROBES_MAX = 4
WORD = 0xFFFF
READ_INPUT_REGISTERS = 4


def registers(sample: Sample) -> list[int]:
    """The sixteen registers of one record."""
    reports = [report.celsius if sample.recorded else None for report in sample.probes]
    probes = [FAULT if celsius is None else _tenths(celsius) for celsius in reports]
    probes += [FAULT] * (PROBES_MAX - len(probes))
    beside = [
        _count(sample.door_seconds),
        _count(sample.mains_seconds),
        _count(sample.battery_days * 10),
        _tenths(sample.ambient_celsius),
        _count(sample.compressor_minutes * 10),
        _count(sample.holdover_days * 10),
        sample.sequence & WORD,
    ]
    return [*probes, *beside, *[0] * (REGISTERS - len(probes) - len(beside))]


def _tenths(celsius: float) -> int:
    return round(celsius * 10) & WORD


def _count(value: float) -> int:
    return min(WORD, max(0, round(value)))


class ModbusVoice:
    """One hub's server; before the first record every temperature is a fault."""

    def __init__(self, appliances: Sequence[ApplianceSpec], host: str, port: int) -> None:
        self._first = {one.serial: number * REGISTERS for number, one in enumerate(appliances)}
        self._registers = ([FAULT] * PROBES_MAX + [0] * (REGISTERS - PROBES_MAX)) * len(appliances)
        self._address = (host, port)
        self._server: ModbusTcpServer | None = None

    async def open(self) -> str:
        """Opens the port; raises OSError when it is taken."""
        from pymodbus.server import ModbusTcpServer  # noqa: PLC0415 - loaded only where a hub speaks Modbus
        from pymodbus.simulator import DataType, SimData, SimDevice  # noqa: PLC0415 - as above

        # Its own reports tell what callers did wrong, which is their business, and repeat what is raised below.
        logging.getLogger("pymodbus_internal").setLevel(logging.CRITICAL + 1)
        block = SimData(0, values=list(self._registers), datatype=DataType.REGISTERS)
        self._server = ModbusTcpServer(SimDevice(UNIT, [block], action=self._answer), address=self._address)
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError as error:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)) from error
        return "{}:{}".format(*self._address)

    def tell(self, spec: ApplianceSpec, sample: Sample) -> None:
        """Puts a record in the place of the one before it."""
        first = self._first[spec.serial]
        self._registers[first : first + REGISTERS] = registers(sample)

    def announce(self) -> None:
        """Nothing to do: a Modbus server only answers."""

    async def close(self) -> None:
        """Closes the port and every connection."""
        if self._server:
            await self._server.shutdown()  # type: ignore[no-untyped-call]

    async def _answer(
        self, function: int, start: int, address: int, count: int, current: list[int], _written: object
    ) -> ExcCodes | None:
        from pymodbus.constants import ExcCodes  # noqa: PLC0415 - as in open

        if function != READ_INPUT_REGISTERS:
            return ExcCodes.ILLEGAL_FUNCTION
        current[address - start : address - start + count] = self._registers[address : address + count]
        return None
