"""What the gateway says of its clock."""

from __future__ import annotations

from typing import NamedTuple

from edge_agent.clock.system import kernel_is_synchronised


class ClockFacts(NamedTuple):
    """The gateway's clock: its source as on the wire, how far off ingest's it was, and whether it is believed."""

    source: str = "none"
    offset_ms: int | None = None
    is_anchored: bool = False


def machine_facts() -> ClockFacts:
    """What a program without a timeline stands on: the machine's wall clock, and what the kernel says of it."""
    return ClockFacts("ntp" if kernel_is_synchronised() else "rtc")
