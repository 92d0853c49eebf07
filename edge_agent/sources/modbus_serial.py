"""pymodbus's serial client, waiting by a clock that nobody can set."""

from __future__ import annotations

from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ConnectionException


class SerialClient(ModbusSerialClient):
    """Reads with pyserial's own timeout, which is monotonic.

    The original compares wall-clock times while it waits, so a clock that is set back by an hour would hold it an hour.
    """

    def recv(self, size: int | None) -> bytes:
        """What came within the timeout, or nothing; raises ConnectionException where the line is gone."""
        if self.socket is None:
            raise ConnectionException(str(self))
        try:
            first: bytes = self.socket.read(size or 1)
            return first + self.socket.read(self.socket.in_waiting)
        except OSError as error:
            self.close()  # type: ignore[no-untyped-call] # pymodbus has not typed it
            raise ConnectionException(str(self)) from error
