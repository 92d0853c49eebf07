"""One rig a kind of source: a real peer that says numbers, vanishes and comes back."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Protocol

from edge_agent.settings.source import (
    Ds01SerialSetting,
    Ds01TcpSetting,
    LoggerFolderSetting,
    LoggerProbe,
    ModbusProbe,
    ModbusRtuSetting,
    ModbusTcpSetting,
    OneWireProbe,
    OneWireSetting,
    ProbeSetting,
    Register,
    SourceSetting,
)
from tests.edge_agent.kit import MINUTE_MS, T0_MS, Hub, absolute, record
from tests.edge_agent.sources.peers import (
    FAULT,
    REGISTERS,
    Cable,
    ModbusPeer,
    Terminal,
    modbus_rtu_peer,
    modbus_tcp_peer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from edge_agent.sample import Observation, Sample
    from sheetal.contracts.reading import Quality

POLL_MS = 100
DEVICE = "28-0000072431ac"


class KeepingSink:
    """Keeps what it is given; fails as often as it is told to, waits where it is told to."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []
        self.failures = 0
        self.error: Exception = sqlite3.OperationalError("disk I/O error")
        self.open = threading.Event()
        self.open.set()

    def __call__(self, observations: Sequence[Observation]) -> None:
        assert self.open.wait(10)
        if self.failures > 0:
            self.failures -= 1
            raise self.error
        self.seen += observations

    def samples(self) -> list[Sample]:
        return [sample for observation in list(self.seen) for sample in observation.samples]

    def values(self) -> list[int | None]:
        return [sample.centi_celsius for sample in self.samples()]

    def qualities(self) -> set[Quality | int]:
        return {sample.quality for sample in self.samples()}

    def aux(self) -> list[tuple[str, float]]:
        return [(one.field, one.value) for observation in list(self.seen) for one in observation.aux]


class Rig(Protocol):
    """A device of one kind with one probe called `p`."""

    setting: SourceSetting
    is_polled: bool
    """Whether it only knows the present; any other tells everything that was ever said."""

    def say(self, number: int) -> None:
        """From now on the probe says number / 10 degrees."""

    def break_probe(self) -> None:
        """From now on it says that the probe is broken."""

    def vanish(self) -> None:
        """The device is unplugged."""

    def come_back(self) -> None:
        """And plugged in again."""

    def close(self) -> None:
        """Lets go of everything."""


class Ds01TcpRig:
    is_polled = False

    def __init__(self, _folder: Path) -> None:
        self._hub: Hub | None = Hub()
        self._lines = self._hub.lines
        self._port = self._hub.port
        self.setting = Ds01TcpSetting(port=self._port, probe=(ProbeSetting(probe="p", appliance="ILR-1"),))

    def say(self, number: int) -> None:
        self._lines.append(record(T0_MS + number * MINUTE_MS, number / 10))

    def break_probe(self) -> None:
        self._lines.append(record(T0_MS + 1_000 * MINUTE_MS, "--.-"))

    def vanish(self) -> None:
        if self._hub:
            self._hub.close()
        self._hub = None

    def come_back(self) -> None:
        self._hub = Hub(port=self._port)
        self._hub.lines = self._lines

    def close(self) -> None:
        self.vanish()


class Ds01SerialRig:
    """A logger that sends its memory again and again, since it cannot know when somebody listens."""

    is_polled = False

    def __init__(self, folder: Path) -> None:
        self._name = folder / "ttyUSB0"
        self._told: list[bytes] = []
        self.setting = Ds01SerialSetting(
            device=str(self._name), probe=(ProbeSetting(probe="p", appliance="ILR-1"),), baud_rate=115_200
        )
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.come_back()

    def say(self, number: int) -> None:
        self._told.append(record(T0_MS + number * MINUTE_MS, number / 10) + b"\n")

    def break_probe(self) -> None:
        self._told.append(record(T0_MS + 1_000 * MINUTE_MS, "--.-") + b"\n")

    def vanish(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self._thread = None

    def come_back(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(Terminal(self._name),))
        self._thread.start()

    def close(self) -> None:
        self.vanish()

    def _run(self, terminal: Terminal) -> None:
        os.set_blocking(terminal.master, False)
        while not self._stopping.wait(0.05):
            for line in list(self._told):
                with contextlib.suppress(BlockingIOError):
                    os.write(terminal.master, line)
        terminal.close()


class ModbusTcpRig:
    is_polled = True

    def __init__(self, _folder: Path, port: int) -> None:
        self._port = port
        self._registers = [0] * REGISTERS
        self.peer: ModbusPeer | None = None
        self.come_back()
        probe = ModbusProbe(probe="p", register=Register(address=0), interval_ms=POLL_MS)
        self.setting: ModbusTcpSetting | ModbusRtuSetting = ModbusTcpSetting(
            port=port, probe=(probe,), timeout_seconds=0.3
        )

    def say(self, number: int) -> None:
        self._registers[0] = number & 0xFFFF

    def break_probe(self) -> None:
        self._registers[0] = FAULT

    def vanish(self) -> None:
        if self.peer:
            self.peer.close()
        self.peer = None

    def come_back(self) -> None:
        self.peer = modbus_tcp_peer(self._port)
        self.peer.registers = self._registers

    def close(self) -> None:
        self.vanish()


class ModbusRtuRig(ModbusTcpRig):
    def __init__(self, folder: Path) -> None:
        self._near, self._far = folder / "ttyUSB0", folder / "device"
        super().__init__(folder, 0)
        probe = ModbusProbe(probe="p", register=Register(address=0), interval_ms=POLL_MS)
        self.setting = ModbusRtuSetting(device=str(self._near), baud_rate=115_200, probe=(probe,), timeout_seconds=0.3)

    def vanish(self) -> None:
        if self.peer:
            self.peer.close()
            self._cable.close()
        self.peer = None

    def come_back(self) -> None:
        self._cable = Cable(self._near, self._far)
        self.peer = modbus_rtu_peer(self._far)
        self.peer.registers = self._registers


def w1_slave(millicelsius: int, *, good: bool = True, pad: str = "50 05 4b 46 7f ff 0c 10 1c") -> str:
    return f"{pad} : crc=1c {'YES' if good else 'NO'}\n{pad} t={millicelsius}\n"


class OneWireRig:
    is_polled = True

    def __init__(self, folder: Path) -> None:
        self.root = folder / "devices"
        self._text = w1_slave(0)
        self.setting = OneWireSetting(
            root=str(self.root), probe=(OneWireProbe(probe="p", device=DEVICE, interval_ms=POLL_MS),)
        )
        self.come_back()

    def say(self, number: int) -> None:
        self._put(w1_slave(number * 100))

    def break_probe(self) -> None:
        self._put(w1_slave(-127_000))

    def vanish(self) -> None:
        shutil.rmtree(self.root / DEVICE, ignore_errors=True)

    def come_back(self) -> None:
        (self.root / DEVICE).mkdir(parents=True)
        self._put(self._text)

    def close(self) -> None:
        pass

    def _put(self, text: str) -> None:
        self._text = text
        if (self.root / DEVICE).is_dir():
            (self.root / "next").write_text(text)
            (self.root / "next").replace(self.root / DEVICE / "w1_slave")


class LoggerFolderRig:
    is_polled = False

    def __init__(self, folder: Path) -> None:
        self._mounted = folder / "usb"
        self._unmounted = folder / "stick"
        self._mounted.mkdir()
        self.setting = LoggerFolderSetting(
            folder=str(self._mounted), interval_seconds=0.1, probe=(LoggerProbe(probe="p"),)
        )

    def say(self, number: int) -> None:
        self._put(number, str(number / 10))

    def break_probe(self) -> None:
        self._put(1_000, "--.-")

    def vanish(self) -> None:
        if self._mounted.is_dir():
            self._mounted.rename(self._unmounted)

    def come_back(self) -> None:
        self._unmounted.rename(self._mounted)

    def close(self) -> None:
        pass

    def _put(self, number: int, value: str) -> None:
        folder = self._mounted if self._mounted.is_dir() else self._unmounted
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((T0_MS + number * MINUTE_MS) // 1_000))
        (folder / f"{number}.csv").write_text(f"time,celsius\n{stamp},{value}\n")


def live_record(at_ms: int, relative_ms: int, celsius: float = 4.5, **fields: object) -> bytes:
    """A record whose absolute and relative times are told apart."""
    return record(None, celsius, **{"ABST": absolute(at_ms), "RELT": f"PT{relative_ms // 1_000}S", **fields})


def rig_of(kind: str, folder: Path, port: int) -> Rig:
    made: dict[str, Callable[[], Rig]] = {
        "ds01_tcp": lambda: Ds01TcpRig(folder),
        "ds01_serial": lambda: Ds01SerialRig(folder),
        "modbus_tcp": lambda: ModbusTcpRig(folder, port),
        "modbus_rtu": lambda: ModbusRtuRig(folder),
        "one_wire": lambda: OneWireRig(folder),
        "logger_folder": lambda: LoggerFolderRig(folder),
    }
    return made[kind]()


KINDS = ["ds01_tcp", "ds01_serial", "modbus_tcp", "modbus_rtu", "one_wire", "logger_folder"]


@contextlib.contextmanager
def rigged(kind: str, folder: Path, port: int) -> Iterator[Rig]:
    rig = rig_of(kind, folder, port)
    try:
        yield rig
    finally:
        rig.close()
