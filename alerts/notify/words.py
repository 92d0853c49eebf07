"""What a notice says, in one English sentence (pure); facts carry no personal data, so neither does the sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MS_PER_SECOND = 1_000


def sentence(kind: str, facts: Mapping[str, object]) -> str:
    """The notice in words; an unknown kind is told by its name."""
    said = {
        "holding_held": "Holding {holding} of lot {lot} is held: {reason}. Possibly unfit from {compromised_from_ms}. "
        "Do not use; keep it cold and apart, and ask the manufacturer.",
        "holding_gap": "Nobody knows how holding {holding} was kept since {from_ms}. "
        "Read out the logger or look at the gateway.",
        "device_alarm": "The gateway reports {kind} at {sensor} since {began_at_ms}, {extreme_centi_celsius} at worst. "
        "Check the door, the plug and the thermostat now.",
        "device_alarm/no_data": "The gateway has had no valid value of {sensor} since {began_at_ms}. "
        "Check the probe, its cable and the device it hangs on now.",
        "device_alarm_cleared": "The {kind} alarm of {sensor} has ended at {cleared_at_ms}.",
        "device_alarm_unacknowledged": "Nobody has acknowledged the {kind} alarm of {sensor} since {fired_at_ms}.",
    }
    pattern = said.get(f"{kind}/{facts.get('kind')}", said.get(kind))
    return f"{kind}: {', '.join(sorted(facts))}" if pattern is None else pattern.format_map(_Told(facts))


class _Told(dict[str, str]):
    """The facts as text: instants in UTC, temperatures in degrees, and a question mark for what is missing."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        super().__init__({name: _text(name, value) for name, value in facts.items()})

    def __missing__(self, name: str) -> str:
        return "?"


def _text(name: str, value: object) -> str:
    if isinstance(value, int) and name.endswith("_ms"):
        return datetime.fromtimestamp(value / MS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, int) and name.endswith("centi_celsius"):
        return f"{value / 100:+.1f} °C"
    return str(value)
