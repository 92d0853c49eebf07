"""The set-up page and its door, as HTML (pure)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.local.carried import Carried, section
from edge_agent.local.frame import SCRIPT, document, glyph
from edge_agent.local.view import age, class_of, fault, figure, minutes, name_of, shortened, state_of, worst_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.keeper.keeper import ProbeView
    from edge_agent.local.access import Door
    from edge_agent.local.set_up_words import SetUpWords
    from edge_agent.local.view import Snapshot
    from edge_agent.local.words import Words
    from edge_agent.outbox.history import RefusedSpan

RANGES_SHOWN_MAX = 20
PROBLEM_CHARACTERS_MAX = 1_000


class Speech(NamedTuple):
    """Both sets of words of one language."""

    words: Words
    more: SetUpWords


class SetUp(NamedTuple):
    """What the set-up page shows beside the snapshot."""

    form_token: str
    session_seconds: int
    has_command: bool
    pairing: str
    square: str | None
    refused: Sequence[RefusedSpan]
    done: str = ""
    carried: Carried = Carried()


def sheet(words: Words, title: str, body: str, *, live: bool = False, here: str = "") -> str:
    """A page of text with its ways on; `live` keeps its `main` up to date, `here` is its query, escaped."""
    language = f"?lang={words.language}"
    at = f'<a href="/gw{language}">{words.back}</a> <a href="/gw/log{language}">{words.log}</a>'
    script = f'<p id="away" class="bar alarm" role="alert" hidden>{words.no_answer}</p><script>{SCRIPT}</script>'
    return document(
        words.language,
        title,
        f'<body class="sheets"><nav>{at} <a href="/gw/setup{language}">{words.set_up}</a> '
        f'<a href="?{here}lang={words.other_language}" lang="{words.other_language}">{words.other_name}</a></nav>'
        f"<h1>{escape(title)}</h1>{body}{script if live else ''}</body>",
    )


def door_page(speech: Speech, door: Door, form_token: str, said: str = "") -> str:
    """Asks for the device's code; `said` is what became of the last try."""
    words, more = speech
    told = f'<p class="error" role="alert" id="said">{escape(said)}</p>' if said else ""
    if not door.has_code:
        body = f"<p>{more.no_code}</p>"
    elif door.locked_seconds:
        body = f"<p>{more.locked.format(minutes(-(-door.locked_seconds // 60), words))}</p>"
    else:
        describes = "hint said" if said else "hint"
        body = (
            f'<form method="post" action="/gw/setup/login?lang={words.language}">{_hidden(form_token)}'
            f'<label for="code">{more.code}</label><p id="hint" class="second">{more.code_hint} '
            f"{more.tries_left.format(door.tries_left)}</p>"
            f'<input id="code" name="code" type="password" required autocomplete="off" autocapitalize="characters" '
            f'spellcheck="false" maxlength="100" aria-describedby="{describes}"> '
            f'<button class="primary">{more.log_in}</button></form>'
        )
    return sheet(words, more.title, told + body)


def set_up_page(speech: Speech, snapshot: Snapshot, set_up: SetUp, export: str) -> str:
    """Everything for whoever has the code in hand; `export` is that section's HTML."""
    words, more = speech
    done = more.done.get(set_up.done, "")
    told = f'<p class="bar" role="status">{done}</p>' if done else ""
    left = minutes(-(-set_up.session_seconds // 60), words)
    body = (
        f"{told}<main>{_probes(speech, snapshot)}"
        f"{section(words, more, set_up.carried, snapshot.at_ms)}{_link(speech, snapshot)}{_buffer(speech, snapshot)}"
        f"{_twin(more, snapshot)}</main>"
        f'<p><a href="/gw/setup?lang={words.language}">{more.look_again}</a></p>'
        f"{_alarm(speech, set_up)}{export}{_refused(more, set_up.refused)}{_pairing(more, set_up)}"
        f'<p class="second">{more.session_left.format(left)}</p>'
        f"{form(words, 'logout', more.log_out, set_up.form_token)}"
    )
    return sheet(words, f"{more.title}: {snapshot.gateway}", body, live=True)


def form(words: Words, act: str, label: str, form_token: str, *, primary: bool = False, inner: str = "") -> str:
    """One act as a form of its own."""
    kind = ' class="primary"' if primary else ""
    return (
        f'<form method="post" action="/gw/setup/{act}?lang={words.language}">{_hidden(form_token)}{inner}'
        f"<button{kind}>{label}</button></form>"
    )


def _hidden(form_token: str) -> str:
    return f'<input type="hidden" name="form" value="{escape(form_token)}">'


def _probes(speech: Speech, snapshot: Snapshot) -> str:
    words, more = speech
    rows = "".join(_row(speech, snapshot, probe) for probe in worst_first(snapshot))
    heads = "".join(f"<th>{head}</th>" for head in (more.probe, more.state, more.value, more.age, more.quality))
    devices = "".join(
        f'<li class="{"ok" if well else "nodata"}"><span class="state">{glyph("in_range" if well else "no_data")}'
        f"{escape(name)}: {more.connected if well else more.not_connected}</span></li>"
        for name, well in snapshot.devices
    )
    region = f'<div class="scroll" tabindex="0" role="region" aria-label="{more.probes}">'
    table = f"{region}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    return (
        f"<h2>{more.probes}</h2>{table if rows else words.no_probes}<h2>{more.devices}</h2>"
        f'<ul class="plain">{devices}</ul>'
    )


def _row(speech: Speech, snapshot: Snapshot, probe: ProbeView) -> str:
    words, more = speech
    state = state_of(probe, snapshot.at_ms)
    told = figure(probe, snapshot.at_ms)
    value = told if told == "—" else f"{told} °C"
    measured = probe.newest.measured_at_ms if probe.newest else None
    return (
        f'<tr><td>{escape(name_of(probe))}<span class="second">{escape(probe.sensor)}</span></td>'
        f'<td><span class="state {class_of(state)}">{glyph(state)}{words.states[state]}</span></td>'
        f"<td>{value}</td><td>{age(measured, snapshot.at_ms, words)}</td>"
        f"<td>{fault(probe, snapshot.at_ms, words) or more.good}</td></tr>"
    )


def _link(speech: Speech, snapshot: Snapshot) -> str:
    words, more = speech
    uplink = snapshot.uplink
    state, sign, said = ("ok", "in_range", more.connected) if uplink.connected else ("nodata", "no_data", words.away)
    why = f'<p class="error" lang="en">{escape(shortened(uplink.problem, PROBLEM_CHARACTERS_MAX))}</p>'
    return (
        f'<h2>{more.link}</h2><p class="{state}"><span class="state">{glyph(sign)}{said}</span></p>'
        f"{why if uplink.problem else ''}"
    )


def _buffer(speech: Speech, snapshot: Snapshot) -> str:
    more, counts = speech.more, snapshot.counts
    facts = [
        (more.pending, counts.pending),
        (more.alarms_pending, counts.alarms_pending),
        (more.delivered, counts.delivered),
        (more.refused, counts.refused),
        (more.thinned, counts.thinned),
        (more.dropped, counts.dropped),
        (more.not_kept, counts.intakes_refused),
    ]
    lines = "".join(f"<dt>{label}</dt><dd>{count:,}</dd>" for label, count in facts)
    size = f"<dt>{more.bytes_used}</dt><dd>{counts.bytes / 1e6:,.1f} MB</dd>"
    return f"<h2>{more.buffer}</h2><dl>{lines}{size}</dl>"


def _twin(more: SetUpWords, snapshot: Snapshot) -> str:
    twin = snapshot.twin
    if twin is None:
        return ""
    problem = f'<p class="error">{escape(twin.problem)}</p>' if twin.problem else ""
    state = more.twin_states.get(twin.state, twin.state)
    return f"<h2>{more.twin}</h2><p>{escape(state)}, {more.version.format(twin.version)}</p>{problem}"


def _alarm(speech: Speech, set_up: SetUp) -> str:
    words, more = speech
    hint = more.test_hint if set_up.has_command else more.no_command
    return (
        f'<section><h2>{more.alarm}</h2><p class="second">{hint}</p><div class="acts">'
        f"{form(words, 'test', more.test, set_up.form_token, primary=True)}"
        f"{form(words, 'silence', more.silence, set_up.form_token)}</div></section>"
    )


def _refused(more: SetUpWords, refused: Sequence[RefusedSpan]) -> str:
    lines = "".join(
        f"<li>{more.items.format(f'{span.items:,}')}: {escape(span.reason)} "
        f'<span class="second">{span.boot} / {span.first}–{span.last}</span></li>'
        for span in refused[-RANGES_SHOWN_MAX:]
    )
    return f"<section><h2>{more.refused_ranges}</h2>{f'<ul>{lines}</ul>' if lines else more.none_refused}</section>"


def _pairing(more: SetUpWords, set_up: SetUp) -> str:
    square = f'<div class="qr" role="img" aria-label="{escape(set_up.pairing)}">{set_up.square}</div>'
    shown = f"<p>{more.pairing_hint}</p>{square}" if set_up.square else f"<p>{more.pairing_missing}</p>"
    return f"<section><h2>{more.pairing}</h2>{shown}<p><code>{escape(set_up.pairing)}</code></p></section>"
