"""The gateway's own screen, `/gw`, for whoever stands in front of it: no portal and no internet needed.

Drawn for 800 x 480 and to be read at two metres; English, or Hindi by `?lang=hi`. Read-only, no script.
"""

from __future__ import annotations

import threading
import urllib.parse
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.local_words import WORDS, Words
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.reading import Quality, celsius

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_agent.keeper import ProbeView
    from edge_agent.outbox import Counts
    from edge_agent.uplink import UplinkStatus

REFRESH_SECONDS = 5
SHOWN_SECONDS_MAX = 5.0
NO_DATA_INTERVALS = 3
NO_DATA_MS_MIN = 5 * MINUTE_MS
"""A value is stale after three intervals, at least 5 min (look.md section 4)."""
SOCKET_SECONDS_MAX = 10

_ORDER = ("freezing", "warm", "cold", "no_data", "in_range")

_STYLE = """
*{box-sizing:border-box;margin:0}
body{font-family:"Noto Sans","Noto Sans Devanagari",Roboto,system-ui,sans-serif;background:#fff;color:#10202b;
font-variant-numeric:tabular-nums;min-height:100vh;display:grid;grid-template-rows:auto 1fr auto}
header,footer{display:flex;flex-wrap:wrap;gap:4px 24px;padding:12px 20px;justify-content:space-between;font-size:20px}
footer{border-top:1px solid #97a4ac;font-size:18px}footer b{font-size:22px;display:block}
main{display:flex;flex-wrap:wrap;align-items:center;gap:8px 32px;padding:8px 20px}
.figure{font-size:min(200px,27vw);line-height:1.05;font-weight:700;white-space:nowrap}
.state{font-size:52px;line-height:1.2;font-weight:700;padding:4px 16px;border-left:8px solid currentColor}
.in_range{color:#1f6b4f}.warm{color:#c24704}.freezing,.cold{color:#1747b5}.no_data{color:#55636c}
ul{list-style:none;padding:0;font-size:24px;line-height:1.5}
a{color:inherit;text-underline-offset:4px}a:focus-visible{outline:3px solid #10202b;outline-offset:2px}
.alarm{background:#8a1020;color:#fff;padding:8px 20px;font-size:24px;font-weight:700}
"""


class Snapshot(NamedTuple):
    """Everything the page shows, at one instant of the gateway's clock; `sources` says which devices answer."""

    gateway: str
    at_ms: int
    probes: Sequence[ProbeView]
    counts: Counts
    uplink: UplinkStatus
    sources: Sequence[bool]


class LocalPage:
    """Serves the page from a thread of its own; raises SettingProblem when the port is taken."""

    def __init__(self, address: tuple[str, int], snapshot: Callable[[], Snapshot]) -> None:
        try:
            self._server = ThreadingHTTPServer(address, _handler(snapshot))
        except OSError as error:
            raise SettingProblem(
                f"gateway.local_page_port: {address[0]}:{address[1]}: {error.strerror}",
                variable="gateway.local_page_port",
            ) from error
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


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
    """The whole page; the probe that is worst off is shown large, the others as lines."""
    states = {probe.sensor: state_of(probe, snapshot.at_ms) for probe in snapshot.probes}
    ordered = sorted(snapshot.probes, key=lambda probe: _ORDER.index(states[probe.sensor]))
    large = _large(ordered[0], states[ordered[0].sensor], snapshot.at_ms, words) if ordered else words.no_probes
    lines = "".join(_line(probe, states[probe.sensor], words) for probe in ordered[1:])
    return (
        f'<!doctype html><html lang="{words.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
        f"<title>{escape(snapshot.gateway)} · {words.title}</title><style>{_STYLE}</style></head><body>"
        f"<header><b>{escape(snapshot.gateway)}</b><span>{words.title}</span>"
        f'<a href="?lang={words.other_language}" lang="{words.other_language}">{words.other_name}</a></header>'
        f"<div>{_alarms(snapshot.probes, words)}<main>{large}<ul>{lines}</ul></main></div>"
        f"<footer>{_foot(snapshot, words)}</footer></body></html>"
    )


def figure(probe: ProbeView) -> str:
    """The newest value with a true minus and a no-break space, a dash where there is none."""
    if probe.newest is None or probe.newest.centi_celsius is None:
        return "—"
    return f"{celsius(probe.newest.centi_celsius):.1f}\u00a0°C".replace("-", "\u2212")


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


def _large(probe: ProbeView, state: str, at_ms: int, words: Words) -> str:
    told = age(probe.newest.measured_at_ms if probe.newest else None, at_ms, words)
    return (
        f'<p class="figure {state}">{figure(probe)}</p>'
        f'<div><p class="state {state}">{words.states[state]}</p>'
        f"<ul><li>{escape(probe.appliance or probe.sensor)}</li><li>{told}</li></ul></div>"
    )


def _line(probe: ProbeView, state: str, words: Words) -> str:
    name = escape(probe.appliance or probe.sensor)
    return f'<li>{name}: <b class="{state}">{figure(probe)} · {words.states[state]}</b></li>'


def _alarms(probes: Sequence[ProbeView], words: Words) -> str:
    names = {AlarmKind.FREEZE: words.freeze_alarm, AlarmKind.HEAT: words.heat_alarm}
    told = [f"{escape(probe.appliance or probe.sensor)}: {names[kind]}" for probe in probes for kind in probe.alarms]
    return f'<p class="alarm" role="alert">{" · ".join(told)}</p>' if told else ""


def _foot(snapshot: Snapshot, words: Words) -> str:
    counts, uplink = snapshot.counts, snapshot.uplink
    facts = [
        (words.waiting, str(counts.pending + counts.alarms_pending)),
        (words.last_ack, age(uplink.last_ack_at_ms, snapshot.at_ms, words)),
        (words.broker, words.connected if uplink.connected else words.away),
        (words.devices, f"{sum(snapshot.sources)}/{len(snapshot.sources)}"),
    ]
    if counts.refused or counts.dropped:
        facts.append((words.refused_dropped, f"{counts.refused}/{counts.dropped}"))
    return "".join(f"<span>{label}<b>{value}</b></span>" for label, value in facts)


def _handler(snapshot: Callable[[], Snapshot]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SOCKET_SECONDS_MAX
        server_version = "sheetal-gateway"
        sys_version = ""

        def do_GET(self) -> None:
            asked = urllib.parse.urlsplit(self.path)
            if asked.path not in {"/", "/gw"}:
                self.send_error(404)
                return
            language = urllib.parse.parse_qs(asked.query).get("lang", ["en"])[0]
            body = page(snapshot(), WORDS.get(language, WORDS["en"])).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: who looks at the screen is nobody's business."""

    return Handler
