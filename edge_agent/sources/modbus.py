"""Modbus devices, behind a TCP address or on a serial line: one question a register, each with a name for its fault.

A unit that does not answer is left alone for the rest of a round, so that one dead device cannot starve the others, and
until its answer cannot come any more: a serial line does not say to which question an answer belongs.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from edge_agent.settings.source import ModbusTcpSetting
from edge_agent.sources.modbus_values import count_of, value_of
from edge_agent.sources.polled import Answer, PolledSource
from sheetal.contracts.reading import Quality

if TYPE_CHECKING:
    from pymodbus.client import ModbusBaseSyncClient
    from pymodbus.pdu import ModbusPDU

    from edge_agent.settings.source import ModbusAux, ModbusProbe, ModbusRtuSetting, Register
    from sheetal.contracts.clock import Clock

DEVICE_SAYS: Final = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    6: "device busy",
}
"""The exceptions of Modbus Application Protocol V1.1b3, section 7."""
NO_ANSWER_BEHIND: Final = frozenset({10, 11})
"""A gateway of the line says that the unit behind it is not there."""


def modbus_source(
    gateway: str, setting: ModbusTcpSetting | ModbusRtuSetting, clock: Clock
) -> PolledSource[ModbusProbe | ModbusAux]:
    """The source of one [[source]] of kind modbus_tcp or modbus_rtu."""
    return PolledSource(gateway, [*setting.probe, *setting.aux], ModbusLine(setting), clock)


class ModbusLine:
    """One TCP address or serial line; opened when it is first asked, and again after every failure."""

    def __init__(self, setting: ModbusTcpSetting | ModbusRtuSetting) -> None:
        self._client = _client(setting)
        self._timeout_seconds = setting.timeout_seconds
        self._is_away = False
        self._silent: set[int] = set()
        self._late_until: dict[int, float] = {}

    def begin(self) -> None:
        """Every unit may be asked again, except those whose late answer could still come."""
        now = time.monotonic()
        self._is_away = False
        self._late_until = {unit: until for unit, until in self._late_until.items() if until > now}
        self._silent = set(self._late_until)

    def read(self, point: ModbusProbe | ModbusAux) -> Answer:
        """Asks for one register; once more where the connection broke at once, since it may have broken long ago."""
        register = point.register
        for _ in range(2):
            if self._is_away or register.unit in self._silent:
                break
            began = time.monotonic()
            answer = self._ask(register)
            if answer.quality is not Quality.DISCONNECTED:
                return answer
            if time.monotonic() - began > self._timeout_seconds / 2:
                self._silent.add(register.unit)
                self._late_until[register.unit] = time.monotonic() + self._timeout_seconds
        self._silent.add(register.unit)
        why = "the line cannot be opened" if self._is_away else f"unit {register.unit} does not answer"
        return Answer(quality=Quality.DISCONNECTED, why=why)

    def close(self) -> None:
        """Hangs up."""
        self._client.close()  # type: ignore[no-untyped-call] # pymodbus has not typed it

    def _ask(self, register: Register) -> Answer:
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415 - only a configured driver is loaded

        # The client cannot say by a type which of its errors close the line; after any, a late answer must not be
        # taken for the answer to the next question.
        try:
            if not self._client.connect():
                self._is_away = True
                return Answer(quality=Quality.DISCONNECTED)
            ask = (
                self._client.read_input_registers
                if register.function == "input"
                else self._client.read_holding_registers
            )
            response = ask(register.address, count=count_of(register), device_id=register.unit)
        except (ModbusException, OSError):
            self.close()
            return Answer(quality=Quality.DISCONNECTED)
        except Exception:
            self.close()
            raise
        return _answer_of(register, response)


def _answer_of(register: Register, response: ModbusPDU) -> Answer:
    if response.isError():
        code = response.exception_code
        if code in NO_ANSWER_BEHIND:
            return Answer(quality=Quality.DISCONNECTED)
        said = DEVICE_SAYS.get(code, f"exception {code}")
        where = f"unit {register.unit}, {register.function} register {register.address}"
        return Answer(quality=Quality.NO_VALUE, why=f"{said}: {where}")
    try:
        value = value_of(register, response.registers)
    except ValueError as error:
        return Answer(quality=Quality.NO_VALUE, why=str(error))
    if value is None:
        return Answer(quality=Quality.OPEN_CIRCUIT, why="the device says that it has no value")
    return Answer(value)


def _client(setting: ModbusTcpSetting | ModbusRtuSetting) -> ModbusBaseSyncClient:
    # Its own log would say every few seconds what ours says once.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)
    if isinstance(setting, ModbusTcpSetting):
        from pymodbus.client import ModbusTcpClient  # noqa: PLC0415 - only a configured driver is loaded

        return ModbusTcpClient(setting.host, port=setting.port, timeout=setting.timeout_seconds, retries=0)
    from edge_agent.sources.modbus_serial import SerialClient  # noqa: PLC0415 - as above

    return SerialClient(
        setting.device,
        baudrate=setting.baud_rate,
        parity=setting.parity,
        stopbits=setting.stop_bits,
        timeout=setting.timeout_seconds,
        retries=0,
    )
