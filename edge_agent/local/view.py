"""What the gateway's own screen says, as HTML (pure).

Drawn for 800 x 480 to be read at two metres: the state in words and colour, one large temperature, what to know beside
it, four facts below. The probe that is worst off is the large one.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.reading import Quality, celsius

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.keeper import ProbeView
    from edge_agent.local.words import Words
    from edge_agent.outbox import Counts
    from edge_agent.uplink import UplinkStatus

REFRESH_SECONDS = 5
NO_DATA_INTERVALS = 3
NO_DATA_MS_MIN = 5 * MINUTE_MS
"""A value is stale after three intervals, at least 5 min (look.md section 4)."""
OTHERS_SHOWN_MAX = 3

WORST_FIRST = ("freezing", "warm", "cold", "no_data", "in_range")

_GLYPHS = {
    "in_range": '<circle cx="8" cy="8" r="6.5" fill="currentColor"/>'
    '<path d="M4.9 8.2 7.1 10.4 11.1 5.9" fill="none" stroke="#b4e6cb" stroke-width="1.8" stroke-linecap="round"/>',
    "warm": '<path d="M8 2 14.6 13.6 1.4 13.6z" fill="currentColor" stroke="currentColor" stroke-linejoin="round"/>',
    "freezing": '<path d="M8 1.3V14.7M2.2 4.7 13.8 11.4M13.8 4.7 2.2 11.4" stroke="currentColor" stroke-width="2"'
    ' stroke-linecap="round"/>',
    "no_data": '<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.8"'
    ' stroke-dasharray="3.1 1.6"/><path d="M5.4 8H10.6" stroke="currentColor" stroke-width="1.8"/>',
}
_GLYPHS["cold"] = _GLYPHS["freezing"]

_STYLE = """
*{box-sizing:border-box;margin:0}
body{font-family:"Noto Sans",Roboto,"Segoe UI",system-ui,sans-serif;background:#fff;color:#10202b;
font-variant-numeric:tabular-nums;min-height:100vh;display:flex;flex-direction:column}
:lang(hi){font-family:"Noto Sans Devanagari","Nirmala UI",Mangal,"Noto Sans",sans-serif}
header,main,footer{display:flex;flex-wrap:wrap;align-items:center}
header{min-height:92px;padding:0 28px;gap:0 24px;justify-content:space-between;background:#eceff1}
header.in_range{background:#b4e6cb;color:#06301f}header.warm{background:#c24704;color:#fff}
header.freezing,header.cold{background:#1747b5;color:#fff}
h1{font-size:min(56px,12vw);line-height:1.35;display:flex;gap:24px;align-items:center}
h1 svg{width:50px;height:50px;flex:none}.in_range svg{color:#0b6b45}
.who{font-size:22px;line-height:1.35;font-weight:700;text-align:right}
main{flex:1;gap:0 24px;padding:0 28px;justify-content:space-between}
.figure{font-size:min(190px,30vw);line-height:1.1;font-weight:700;white-space:nowrap}
.figure sup{font-size:35%;vertical-align:baseline;position:relative;top:-1.1em}
dl{border-left:4px solid #d3dade;padding-left:16px;max-width:320px}
dt{font-size:18px;line-height:1.35;color:#43545f}dd{margin:0 0 4px;font-size:24px;line-height:1.25;font-weight:700}
dd.alarm{background:#8a1020;color:#fff;padding:2px 8px}
dd.others{font-size:18px;font-weight:400}
footer{min-height:84px;border-top:2px solid #10202b;align-items:stretch}
footer div{flex:1 1 150px;padding:10px 16px 8px 28px;border-left:1px solid #d3dade;margin-left:-1px}
footer dt{font-size:18px}footer dd{font-size:22px;margin:0}footer dl{border:0;padding:0;max-width:none}
@media(min-width:700px){main{flex-wrap:nowrap}.figure{font-size:min(170px,21vw)}}
a{color:inherit;text-underline-offset:4px}a:focus-visible{outline:3px solid currentColor;outline-offset:2px}
"""


class Snapshot(NamedTuple):
    """Everything the page shows, at one instant of the gateway's clock; `sources` says which devices answer."""

    gateway: str
    at_ms: int
    probes: Sequence[ProbeView]
    counts: Counts
    uplink: UplinkStatus
    sources: Sequence[bool]


def state_of(probe: ProbeView, at_ms: int) -> str:
    """One word for a probe: freezing, cold, warm, in_range, or no_data where the value is missing or too old."""
    newest, setting = probe.newest, probe.setting
    if newest is None or newest.centi_celsius is None or newest.quality != Quality.OK:
        return "no_data"
    if at_ms - newest.measured_at_ms > max(NO_DATA_INTERVALS * setting.interval_ms, NO_DATA_MS_MIN):
        return "no_data"
    if newest.centi_celsius < setting.range_min_centi_celsius:
        is_freezing = setting.freeze_alarm_minutes and newest.centi_celsius <= setting.freeze_alarm_centi_celsius
        return "freezing" if is_freezing else "cold"
    return "warm" if newest.centi_celsius > setting.range_max_centi_celsius else "in_range"


def page(snapshot: Snapshot, words: Words) -> str:
    """The whole page."""
    states = {probe.sensor: state_of(probe, snapshot.at_ms) for probe in snapshot.probes}
    ordered = sorted(snapshot.probes, key=lambda probe: WORST_FIRST.index(states[probe.sensor]))
    worst = ordered[0] if ordered else None
    state = states[worst.sensor] if worst else "no_data"
    name = escape(_name(worst)) if worst else ""
    return (
        f'<!doctype html><html lang="{words.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
        f"<title>{escape(snapshot.gateway)} · {words.states[state]}</title><style>{_STYLE}</style></head><body>"
        f'<header class="{state}"><h1><svg viewBox="0 0 16 16" aria-hidden="true">{_GLYPHS[state]}</svg>'
        f'{words.states[state]}</h1><p class="who">{name}<br>{escape(snapshot.gateway)} · '
        f'<a href="?lang={words.other_language}" lang="{words.other_language}">{words.other_name}</a></p></header>'
        f"<main>{_main(worst, ordered[1:], states, snapshot.at_ms, words) if worst else words.no_probes}</main>"
        f"<footer>{_foot(snapshot, words)}</footer></body></html>"
    )


def figure(probe: ProbeView) -> str:
    """The newest value with a true minus, without its unit; a dash where there is none."""
    if probe.newest is None or probe.newest.centi_celsius is None:
        return "—"
    return _number(probe.newest.centi_celsius)


def age(from_ms: int | None, at_ms: int, words: Words) -> str:
    """How long ago, in the largest sensible unit."""
    if from_ms is None:
        return words.never
    seconds = max(0, at_ms - from_ms) // 1_000
    if seconds < 120:  # noqa: PLR2004 - two minutes are still told in seconds
        return words.seconds_ago.format(seconds)
    if seconds < 7_200:  # noqa: PLR2004 - two hours are still told in minutes
        return words.minutes_ago.format(seconds // 60)
    return words.hours_ago.format(seconds // 3_600)


def _main(probe: ProbeView, others: Sequence[ProbeView], states: dict[str, str], at_ms: int, words: Words) -> str:
    setting = probe.setting
    limits = words.limits.format(_degrees(setting.range_min_centi_celsius), _degrees(setting.range_max_centi_celsius))
    facts = [f"<dt>{age(probe.newest.measured_at_ms if probe.newest else None, at_ms, words)}</dt><dd>{limits}</dd>"]
    if probe.minutes_left is not None:
        facts.append(f"<dt>{words.time_left}</dt><dd>{words.minutes.format(probe.minutes_left)}</dd>")
    facts += [_alarm(one, kind, words) for one in (probe, *others) for kind in one.alarms]
    lines = [f"{escape(_name(one))} {figure(one)} · {words.states[states[one.sensor]]}" for one in others]
    if len(lines) > OTHERS_SHOWN_MAX:
        lines[OTHERS_SHOWN_MAX:] = [words.more.format(len(lines) - OTHERS_SHOWN_MAX)]
    if lines:
        facts.append(f'<dt>{words.others}</dt><dd class="others">{"<br>".join(lines)}</dd>')
    return f'<p class="figure">{figure(probe)}<sup>°C</sup></p><dl>{"".join(facts)}</dl>'


def _alarm(probe: ProbeView, kind: AlarmKind, words: Words) -> str:
    name = words.freeze_alarm if kind is AlarmKind.FREEZE else words.heat_alarm
    return f'<dt>{name}</dt><dd class="alarm" role="alert">{escape(_name(probe))}</dd>'


def _foot(snapshot: Snapshot, words: Words) -> str:
    counts, uplink = snapshot.counts, snapshot.uplink
    facts = [
        (words.waiting, str(counts.pending + counts.alarms_pending)),
        (words.last_ack, age(uplink.last_ack_at_ms, snapshot.at_ms, words)),
        (words.broker, words.connected if uplink.connected else words.away),
        (words.devices, f"{sum(snapshot.sources)} / {len(snapshot.sources)}"),
    ]
    if counts.refused or counts.dropped:
        facts.append((words.refused_dropped, f"{counts.refused} / {counts.dropped}"))
    return "".join(f"<div><dl><dt>{label}</dt><dd>{value}</dd></dl></div>" for label, value in facts)


def _name(probe: ProbeView) -> str:
    return probe.appliance or probe.sensor


def _number(centi_celsius: int) -> str:
    return f"{celsius(centi_celsius):.1f}".replace("-", "\u2212")


def _degrees(centi_celsius: int) -> str:
    return f"{celsius(centi_celsius):g}".replace("-", "\u2212")
