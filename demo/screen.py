"""What the demo says: one screen at the start, one line a step, one line at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.district import District
    from demo.story import Played

WIDTH = 78


def first_screen(district: District) -> str:
    """Addresses, log-ins and what will happen, on one screen."""
    addresses = (
        ("Cold-chain officers", f"{district.portal_url}/cc", "log-in officer"),
        ("Vaccinators", f"{district.portal_url}/v/today", "log-in vaccinator"),
        ("Citizens", f"{district.portal_url}/", ""),
        ("Check a certificate", f"{district.standby_url}/verify", ""),
        ("A gateway's own page", district.local_page_url, district.local_page_code),
    )
    rows = [f"  {who:<22}{where:<38}{how}".rstrip() for who, where, how in addresses]
    return "\n".join(
        [
            "─" * WIDTH,
            "Sheetal शीतल: a simulated district, everything on this machine alone",
            "─" * WIDTH,
            *rows,
            "",
            f"  Password of every log-in: {district.password}   (also: {', '.join(district.other_logins)})",
            f"  Broker: {district.broker_label}   Readings: {district.readings_label}",
            f"  Ledger: {district.ledger_label}",
            "  Pages are in Hindi under /hi. Logs: " + str(district.plan.logs),
            "",
            "What will happen in the next two minutes: 24 appliances catch up from the past to",
            f"now. {district.freezing_name} at {district.freezing_place} freezes. Watch the officers' page, then try",
            f"to use holding {district.freezing_holding} on the vaccinators' page.",
            "─" * WIDTH,
        ]
    )


def step_line(number: int, played: Played) -> str:
    """One step with ok or failed, how long it took and what was seen."""
    word = "ok    " if played.ok else "failed"
    return f"{number:>3} {word} {played.sentence} ({played.seconds:.0f} s)\n           {played.detail}"


def end_line(played: list[Played], steps: int) -> str:
    """The closing count."""
    came_true = sum(step.ok for step in played)
    return f"{came_true} of {steps} steps ok"


def staying_up() -> str:
    """What to do after the story in a terminal."""
    return (
        "The district stays up; it now runs in real time. Ctrl-C stops everything.\n"
        "Send a real logger's file through it: .venv/bin/python -m edge_agent replay FILE..."
    )
