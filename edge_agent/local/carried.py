"""Loggers whose files are carried to the gateway: what was read of each, and which files were put aside (pure)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.local.view import age, number, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.local.set_up_words import SetUpWords
    from edge_agent.local.words import Words

FILES_SHOWN_MAX = 10


class CarriedProbe(NamedTuple):
    """A probe that is read of files, and its newest reading, if there is one."""

    name: str
    sensor: str
    newest_at_ms: int | None = None
    centi_celsius: int | None = None


class Carried(NamedTuple):
    """All such probes, and the files that were put aside or were not all good: their names and why, newest last."""

    probes: Sequence[CarriedProbe] = ()
    aside: Sequence[tuple[str, str]] = ()


def section(words: Words, more: SetUpWords, carried: Carried, at_ms: int) -> str:
    """Their part of the set-up page; empty where there are none."""
    if not carried.probes:
        return ""
    heads = "".join(f"<th>{head}</th>" for head in (more.probe, more.value, more.age))
    rows = "".join(_row(words, probe, at_ms) for probe in carried.probes)
    files = "".join(
        f'<li lang="en">{escape(name)}: {escape(shortened(why, 200))}</li>'
        for name, why in carried.aside[-FILES_SHOWN_MAX:]
    )
    aside = f"<h3>{more.aside}</h3><ul>{files}</ul>" if files else ""
    return (
        f'<h2>{more.carried}</h2><div class="scroll" tabindex="0" role="region" aria-label="{more.carried}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{aside}"
    )


def _row(words: Words, probe: CarriedProbe, at_ms: int) -> str:
    value = "—" if probe.centi_celsius is None else f"{number(probe.centi_celsius)} °C"
    return (
        f'<tr><td>{escape(probe.name)}<span class="second">{escape(probe.sensor)}</span></td>'
        f"<td>{value}</td><td>{age(probe.newest_at_ms, at_ms, words)}</td></tr>"
    )
