"""`python -m benchmarks.faults.lying_gateway run --config FILE`: the real gateway on a machine whose clocks lie.

`FAULT_CLOCK` names a file that is read again for every look at a clock: JSON with `wall_off_ms` (the wall clock minus
the truth), `booted_ms` (true instant of the machine's boot), `rate` (monotonic seconds in a true one) and `os_boot`.
A minute of the device's alarm rule is made five seconds, so that an alarm takes no hour.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

MINUTE_MS = 5_000
LOOK_TICKS = 1


class Lie(msgspec.Struct, frozen=True):
    """What the machine's clocks say."""

    wall_off_ms: int
    booted_ms: int
    rate: float = 1.0
    os_boot: str = "first"

    def wall_ms(self, true_ms: int) -> int:
        """Its wall clock."""
        return true_ms + self.wall_off_ms

    def monotonic_ms(self, true_ms: int) -> int:
        """Its clock since boot."""
        return round((true_ms - self.booted_ms) * self.rate)


def tell(path: Path, lie: Lie) -> None:
    """From now on the clocks say this."""
    made = path.with_suffix(".next")
    made.write_bytes(msgspec.json.encode(lie))
    made.replace(path)


def read(path: Path) -> Lie:
    """What the clocks say now."""
    return msgspec.json.decode(path.read_bytes(), type=Lie)


def deceive(path: Path) -> None:
    """Puts the lying clocks in the place of the machine's, before any part of the gateway has read one."""
    from sheetal.contracts import clock, limits  # noqa: PLC0415 - what imports them later must find them changed

    def true_ms() -> int:
        return time.time_ns() // 1_000_000

    clock.now_ms = lambda: read(path).wall_ms(true_ms())
    limits.MINUTE_MS = MINUTE_MS

    from edge_agent import loop  # noqa: PLC0415 - as above
    from edge_agent.clock import system as system_clock  # noqa: PLC0415 - as above
    from edge_agent.outbox import schema as outbox_schema  # noqa: PLC0415 - as above

    system_clock.monotonic_ms = lambda: read(path).monotonic_ms(true_ms())
    loop.TICKS_A_LOOK = LOOK_TICKS
    boot_id = path.with_suffix(".boot_id")
    boot_id.write_text(read(path).os_boot)
    outbox_schema.OS_BOOT = boot_id


def main(arguments: list[str]) -> int:
    """The gateway's own command line, under the lie."""
    deceive(Path(os.environ["FAULT_CLOCK"]))
    from edge_agent.__main__ import main as gateway  # noqa: PLC0415 - after the clocks were changed

    return gateway(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
