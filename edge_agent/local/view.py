"""What the gateway's own screen says, as HTML (pure).

Drawn for 800 x 480 to be read at two metres: the state by shape and word, one large temperature, what to know or to do
beside it, four facts below. The probe that is worst off is the large one unless another was asked for.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from edge_agent.local.duty import DutyView
from edge_agent.local.frame import SCRIPT, document, glyph
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.reading import Quality, celsius

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_agent.keeper.keeper import ProbeView
    from edge_agent.local.words import Words
    from edge_agent.outbox.outbox import Counts
    from edge_agent.uplink.uplink import UplinkStatus

REFRESH_SECONDS = 5
NO_DATA_INTERVALS = 3
NO_DATA_MS_MIN = 5 * MINUTE_MS
"""A value is stale after three intervals, at least 5 min (look.md section 4)."""
OTHERS_SHOWN_MAX = 3
OTHERS_BESIDE_TROUBLE_MAX = 1
NAME_SIGNS_MAX = 60
SIGNS_BESIDE_MAX = 4
"""A longer figure takes the whole width, so that its digits keep their height."""
BIG_SIGNS_MAX = 8
REASON_CHARACTERS_MAX = 120
RECEIPT_MS_MAX = 15 * MINUTE_MS
"""Waiting longer than this for a receipt is worth a sign."""
CLOCK_OFF_MS_MAX = 5 * MINUTE_MS

MINUS = "\u2212"
_LONG_MINUS = f'<span class="minus">{MINUS}</span>'
"""Drawn by the page, since fonts differ by half in how wide they make it."""

WORST_FIRST = ("freezing", "warm", "cold", "no_data", "in_range")


class ClockView(NamedTuple):
    """What the gateway's clock is worth: `source` none, rtc, ack or ntp; `offset_ms` ahead of the portal, if known."""

    source: str = ""
    offset_ms: int | None = None


class TwinView(NamedTuple):
    """What became of the newest configuration from afar."""

    state: str
    version: int
    problem: str = ""


class Snapshot(NamedTuple):
    """Everything the pages show, at one instant of the gateway's clock; `devices` are names and who answers.

    `today` is the lowest and highest of a sensor since the local midnight.
    """

    gateway: str
    at_ms: int
    probes: Sequence[ProbeView]
    counts: Counts
    uplink: UplinkStatus
    devices: Sequence[tuple[str, bool]]
    facility: dict[str, str] = {}  # noqa: RUF012 - never changed
    clock: ClockView = ClockView()
    duty: DutyView = DutyView()
    twin: TwinView | None = None
    today: Callable[[str], tuple[int, int] | None] = lambda _sensor: None


def state_of(probe: ProbeView, at_ms: int) -> str:
    """One word for a probe: freezing, cold, warm, in_range, or no_data where the value is missing or too old."""
    newest, setting = probe.newest, probe.setting
    if newest is None or newest.centi_celsius is None or newest.quality != Quality.OK:
        return "no_data"
    if is_stale(probe, at_ms):
        return "no_data"
    if newest.centi_celsius < setting.range_min_centi_celsius:
        is_freezing = setting.freeze_alarm_minutes and newest.centi_celsius <= setting.freeze_alarm_centi_celsius
        return "freezing" if is_freezing else "cold"
    return "warm" if newest.centi_celsius > setting.range_max_centi_celsius else "in_range"


def is_stale(probe: ProbeView, at_ms: int) -> bool:
    """Whether the newest value is too old to be shown as the temperature."""
    newest = probe.newest
    limit_ms = max(NO_DATA_INTERVALS * probe.setting.interval_ms, NO_DATA_MS_MIN)
    return newest is not None and at_ms - newest.measured_at_ms > limit_ms


def worst_first(snapshot: Snapshot) -> list[ProbeView]:
    """The probes: by state, then alarms, then the time left."""

    def rank(probe: ProbeView) -> tuple[int, bool, int]:
        left = probe.minutes_left
        return (
            WORST_FIRST.index(state_of(probe, snapshot.at_ms)),
            not probe.alarms,
            10**9 if left is None else left,
        )

    return sorted(snapshot.probes, key=rank)


def page(snapshot: Snapshot, words: Words, wanted: str = "") -> str:
    """The whole screen; `wanted` is the sensor to show large."""
    ordered = worst_first(snapshot)
    shown = next((probe for probe in ordered if probe.sensor == wanted), ordered[0] if ordered else None)
    state = state_of(shown, snapshot.at_ms) if shown else "no_data"
    told = figure(shown, snapshot.at_ms) if shown else ""
    wide = " wide" if len(told) > SIGNS_BESIDE_MAX else ""
    colour = "go" if state == "in_range" else f"is_{state}"
    others = [probe for probe in ordered if probe is not shown]
    body = (
        f'<body class="screen{wide}"><header class="{colour}"><h1>{glyph(state)}<span>{words.states[state]}</span></h1>'
        f'<p class="who">{_who(snapshot, shown, state, words)}</p></header>'
        f"<main>{_main(snapshot, shown, others, words) if shown else _none(words)}"
        f"{_below(snapshot, shown, state, words)}</main><footer>{_foot(snapshot, words)}</footer>"
        f'<p id="away" class="bar alarm" role="alert" hidden>{words.no_answer}</p><script>{SCRIPT}</script></body>'
    )
    refresh = f'<noscript><meta http-equiv="refresh" content="{REFRESH_SECONDS}"></noscript>'
    return document(words.language, f"{words.states[state]} · {snapshot.gateway}", body, head=refresh)


def figure(probe: ProbeView, at_ms: int) -> str:
    """The newest value with a true minus, without its unit; a dash where there is none or it is too old."""
    if probe.newest is None or probe.newest.centi_celsius is None or is_stale(probe, at_ms):
        return "—"
    return number(probe.newest.centi_celsius)


def age(from_ms: int | None, at_ms: int, words: Words) -> str:
    """How long ago, in the largest sensible unit."""
    if from_ms is None:
        return words.never
    seconds = max(0, at_ms - from_ms) // 1_000
    for limit, unit, text in (
        (120, 1, words.seconds_ago),
        (7_200, 60, words.minutes_ago),
        (172_800, 3_600, words.hours_ago),
    ):
        if seconds < limit:
            return text.format(seconds // unit)
    return words.days_ago.format(seconds // 86_400)


def fault(probe: ProbeView, at_ms: int, words: Words) -> str:
    """Why a probe gives no temperature, in words; empty where it gives one."""
    newest = probe.newest
    if newest is None:
        return words.faults[Quality.NO_VALUE]
    if newest.centi_celsius is None or newest.quality != Quality.OK:
        return words.faults.get(newest.quality, words.faults[Quality.NO_VALUE])
    return words.stale if is_stale(probe, at_ms) else ""


def name_of(probe: ProbeView) -> str:
    """What people call it, never longer than a line can bear; text, not HTML."""
    name = probe.appliance or probe.sensor
    return name if len(name) <= NAME_SIGNS_MAX else name[: NAME_SIGNS_MAX - 1] + "…"


def number(centi_celsius: int) -> str:
    """Degrees with one decimal and a true minus."""
    return f"{celsius(centi_celsius):.1f}".replace("-", MINUS)


def degrees(centi_celsius: int) -> str:
    """A limit, without needless decimals."""
    return f"{celsius(centi_celsius):g}".replace("-", MINUS)


def limits(probe: ProbeView, words: Words) -> str:
    """The range in words."""
    setting = probe.setting
    return words.limits.format(degrees(setting.range_min_centi_celsius), degrees(setting.range_max_centi_celsius))


def _who(snapshot: Snapshot, probe: ProbeView | None, state: str, words: Words) -> str:
    name = escape(name_of(probe)) if probe else ""
    if probe and probe.newest and (probe.alarms or state in {"freezing", "warm", "cold"}):
        name += f", {age(probe.newest.measured_at_ms, snapshot.at_ms, words)}"
    place = escape(snapshot.facility.get(words.language) or snapshot.gateway)
    return f"<span>{name}</span> <span>{place}</span>"


def _none(words: Words) -> str:
    return f'<p class="none">{words.no_probes}</p>'


def _main(snapshot: Snapshot, probe: ProbeView, others: Sequence[ProbeView], words: Words) -> str:
    state, told = state_of(probe, snapshot.at_ms), figure(probe, snapshot.at_ms)
    unit = "" if told == "—" else "<small>°C</small>"
    is_short = state != "in_range" or len(told) > SIGNS_BESIDE_MAX
    facts = _trouble(snapshot, probe, others, words) if state != "in_range" else _quiet(snapshot, probe, words)
    return (
        f'<p class="figure n{len(told)}">{told.replace(MINUS, _LONG_MINUS)}{unit}</p>'
        f'<div class="side">{facts}{_others(snapshot, others, words, short=is_short)}</div>'
    )


def _fact(label: str, value: str, kind: str = "") -> str:
    role = ' role="alert"' if kind == "alarm" else ""
    return f'<dl class="fact"><dt>{label}</dt><dd class="{kind}"{role}>{value}</dd></dl>'


def _quiet(snapshot: Snapshot, probe: ProbeView, words: Words) -> str:
    told = age(probe.newest.measured_at_ms if probe.newest else None, snapshot.at_ms, words)
    today = snapshot.today(probe.sensor)
    facts = _fact(told, limits(probe, words))
    return facts + (_fact(words.today, f"{number(today[0])} / {number(today[1])}", "most") if today else "")


def _trouble(snapshot: Snapshot, probe: ProbeView, others: Sequence[ProbeView], words: Words) -> str:
    state = state_of(probe, snapshot.at_ms)
    do_now = _fact(words.do_now, escape(_act(snapshot, probe, others, words)), "act")
    if probe.alarms and state != "no_data":
        first = _fact(limits(probe, words), words.alarms[probe.alarms[0]], "alarm")
    elif state == "no_data":
        newest = probe.newest
        told = age(newest.measured_at_ms if newest else None, snapshot.at_ms, words)
        why = fault(probe, snapshot.at_ms, words)
        alarm = words.alarms[probe.alarms[0]] if probe.alarms else ""
        first = _fact(why, alarm, "alarm") if alarm else _fact(told, why, "act")
    elif probe.minutes_left is not None:
        left = minutes(probe.minutes_left, words)
        first = _fact(words.time_left, left, "most" if len(left) <= BIG_SIGNS_MAX else "long")
    else:
        first = _fact(limits(probe, words), f"{figure(probe, snapshot.at_ms)} °C", "most")
    return first + do_now


def minutes(count: int, words: Words) -> str:
    """A duration in minutes, from two hours on in hours and minutes."""
    if count < 120:  # noqa: PLR2004 - two hours
        return words.minutes.format(max(count, 0))
    return words.hours_minutes.format(count // 60, count % 60)


def _act(snapshot: Snapshot, probe: ProbeView, others: Sequence[ProbeView], words: Words) -> str:
    """The next act, for whoever stands there."""
    state = state_of(probe, snapshot.at_ms)
    if state == "no_data":
        return words.check_device if fault(probe, snapshot.at_ms, words) == words.stale else words.check_probe
    if state == "cold":
        return words.check_thermostat
    for other in others:
        same = _range(other) == _range(probe) and other.appliance != probe.appliance
        if same and state_of(other, snapshot.at_ms) == "in_range":
            return words.move_to.format(name_of(other))
    return words.move_to_box


def _range(probe: ProbeView) -> tuple[int, int]:
    return probe.setting.range_min_centi_celsius, probe.setting.range_max_centi_celsius


def _others(snapshot: Snapshot, others: Sequence[ProbeView], words: Words, *, short: bool) -> str:
    if not others:
        return ""
    shown = others[: OTHERS_BESIDE_TROUBLE_MAX if short else OTHERS_SHOWN_MAX]
    lines = "".join(_other(snapshot, one, words) for one in shown)
    left = len(others) - len(shown)
    if left:
        lines += f'<dd><a href="/gw/log?lang={words.language}">{words.more.format(left)}</a></dd>'
    return f'<dl class="fact others"><dt hidden>{words.others}</dt>{lines}</dl>'


def _other(snapshot: Snapshot, probe: ProbeView, words: Words) -> str:
    state = state_of(probe, snapshot.at_ms)
    told = figure(probe, snapshot.at_ms)
    value = words.states[state] if told == "—" else f"{told} °C"
    link = f"/gw?lang={words.language}&amp;probe={quote(probe.sensor)}"
    return (
        f'<dd><a class="{class_of(state)}" href="{link}" aria-label="{escape(name_of(probe))}, {words.states[state]}, '
        f'{value}">{glyph(state)}<span>{escape(name_of(probe))}</span> <b>{value}</b></a></dd>'
    )


def class_of(state: str) -> str:
    """The colour of a state in running text."""
    return {"in_range": "ok", "no_data": "nodata"}.get(state, state)


def _below(snapshot: Snapshot, probe: ProbeView | None, state: str, words: Words) -> str:
    """The row under the figure: what is going on here, else the ways on."""
    duty = snapshot.duty
    if duty.shown:
        return f'<p class="bar" role="status">{words.test if duty.shown == "test" else words.identify}</p>'
    if duty.problem:
        return f'<p class="bar" role="status">{escape(words.hook_failed.format(duty.problem[:80]))}</p>'
    told_above = probe is None or probe.alarms or state in {"in_range", "no_data"}
    facts = [] if probe is None or told_above else [limits(probe, words)]
    if duty.silent_seconds:
        facts.append(words.silenced.format(-(-duty.silent_seconds // 60)))
    language = f"?lang={words.language}"
    return (
        f"<nav>{''.join(f'<span>{fact}</span>' for fact in facts)}"
        f'<a href="/gw/log{language}">{words.log}</a> <a href="/gw/setup{language}">{words.set_up}</a> '
        f'<a href="/gw?lang={words.other_language}" lang="{words.other_language}">{words.other_name}</a></nav>'
    )


def _foot(snapshot: Snapshot, words: Words) -> str:
    counts, uplink = snapshot.counts, snapshot.uplink
    waiting = counts.pending + counts.alarms_pending
    heard_ms = uplink.last_ack_at_ms
    late = waiting and (not uplink.connected or heard_ms is None or snapshot.at_ms - heard_ms > RECEIPT_MS_MAX)
    cells = [
        _cell(words.waiting, f"{waiting:,}", "advisory" if late else "in_range"),
        _cell(words.last_ack, age(heard_ms, snapshot.at_ms, words)),
        _clock(snapshot.clock, words),
        _link(snapshot, words),
    ]
    return "".join(cells)


def _link(snapshot: Snapshot, words: Words) -> str:
    problem = snapshot.uplink.problem
    if not snapshot.uplink.connected and problem:
        return _cell_with_reason(words.away, problem)
    if not snapshot.uplink.connected:
        return _cell(words.portal, words.away, "no_data")
    well = sum(state_of(probe, snapshot.at_ms) != "no_data" for probe in snapshot.probes)
    told = words.of.format(well, len(snapshot.probes))
    return _cell(words.probes, told, "in_range" if well == len(snapshot.probes) else "no_data")


def _cell_with_reason(state: str, reason: str) -> str:
    """Why there is no link, in English, as far as there is room; all of it stands on the set-up page."""
    told = escape(shortened(reason))
    return (
        f'<div><dl><dt class="state nodata">{glyph("no_data")}{state}</dt>'
        f'<dd class="why"><small lang="en">{told}</small></dd></dl></div>'
    )


def shortened(text: str, most: int = REASON_CHARACTERS_MAX) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _clock(clock: ClockView, words: Words) -> str:
    if clock.source == "none":
        return _cell(words.clock, words.no_clock, "advisory")
    label = f"{words.clock}, {words.clock_sources.get(clock.source, clock.source)}" if clock.source else words.clock
    if clock.offset_ms is None:
        return _cell(label, "—")
    off = abs(clock.offset_ms) > CLOCK_OFF_MS_MAX
    return _cell(label, offset(clock.offset_ms, words), "advisory" if off else "")


def offset(offset_ms: int, words: Words) -> str:
    """A clock's error with its sign, in seconds up to two minutes."""
    sign = MINUS if offset_ms < 0 else "+"
    seconds = abs(offset_ms) / 1_000
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return words.seconds_off.format(f"{sign}{seconds:.1f}")
    return words.minutes_off.format(f"{sign}{seconds / 60:,.0f}")


def _cell(label: str, value: str, state: str = "") -> str:
    colour = {"in_range": "ok", "advisory": "adv", "no_data": "nodata"}.get(state, "")
    sign = glyph(state) if state else ""
    return f'<div><dl><dt>{label}</dt><dd class="{colour}">{sign}<span>{value}</span></dd></dl></div>'
