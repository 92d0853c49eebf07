"""A DS18B20 as the Linux kernel shows it: id, scratchpad with its CRC, thousandths of a degree (pure).

The words of `w1_slave` are those of the kernel's w1_therm driver: nine bytes and their CRC, then the same with `t=`.
"""

from __future__ import annotations

import hashlib

FAMILY = "28"
POWER_ON_CELSIUS = 85.0
"""What the scratchpad holds after power-on, before the first conversion."""

_BEHIND_THE_TEMPERATURE = bytes((0x4B, 0x46, 0x7F, 0xFF))
"""Alarm limits 75 and 70 °C, 12 bits, and a reserved byte, as the part leaves its factory."""
_POLYNOMIAL = 0x8C


def device_id(serial: str, probe: str) -> str:
    """The id of a probe, the same in every run: family code and 48 bits."""
    return f"{FAMILY}-{hashlib.sha256(f'{serial}/{probe}'.encode()).hexdigest()[:12]}"


def crc(data: bytes) -> int:
    """Maxim's CRC-8 (x^8 + x^5 + x^4 + 1, least significant bit first); over data and its own CRC it is 0."""
    remainder = 0
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (_POLYNOMIAL if remainder & 1 else 0)
    return remainder


def scratchpad(celsius: float) -> bytes:
    """The nine bytes that hold a temperature in sixteenths of a degree."""
    raw = round(celsius * 16)
    counted = 0x0C if raw & 0xF == 0 else 0x10 - (raw & 0xF)
    data = raw.to_bytes(2, "little", signed=True) + _BEHIND_THE_TEMPERATURE + bytes((counted, 0x10))
    return data + bytes((crc(data),))


def millicelsius(pad: bytes) -> int:
    """Thousandths of a degree, cut toward zero as the driver does."""
    raw = int.from_bytes(pad[:2], "little", signed=True)
    thousandths = abs(raw) * 1_000 // 16
    return thousandths if raw >= 0 else -thousandths


def w1_slave(pad: bytes, *, is_garbled: bool = False) -> str:
    """Both lines of the file; a garbled pad came over a bad line, so that its CRC does not fit."""
    told = bytes((pad[0] ^ 0x01, *pad[1:])) if is_garbled else pad
    found = crc(told[:-1])
    words = told.hex(" ")
    verdict = "YES" if found == told[-1] else "NO"
    return f"{words} : crc={found:02x} {verdict}\n{words} t={millicelsius(told)}\n"


SHORTED = bytes(9)
"""A line shorted to ground reads as all zeros, and their CRC fits: 0 °C that nobody measured."""
