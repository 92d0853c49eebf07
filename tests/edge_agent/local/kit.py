"""What the local pages' tests stand on: probes, a snapshot, a memory of readings, a desk with a code."""

from __future__ import annotations

from datetime import timedelta, timezone
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.keeper.keeper import ProbeView
from edge_agent.local.access import Access
from edge_agent.local.desk import Desk, DeskParts
from edge_agent.local.duty import Duty, DutyView
from edge_agent.local.export_desk import ExportDesk, ExportParts
from edge_agent.local.log_desk import LogDesk, LogDeskParts, rule_of
from edge_agent.local.record import Record
from edge_agent.local.request import Request, Response, parse
from edge_agent.local.usb import find_sticks
from edge_agent.local.view import ClockView, Snapshot, TwinView
from edge_agent.outbox.history import Told
from edge_agent.outbox.outbox import Counts
from edge_agent.sample import Sample
from edge_agent.settings.file import ProbeSetting
from edge_agent.settings.local import digest_of
from edge_agent.uplink.uplink import UplinkStatus
from tests.edge_agent.kit import T0_MS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_agent.outbox.history import RefusedSpan
    from sheetal.contracts.device_alarm import AlarmKind

INDIA = timezone(timedelta(hours=5, minutes=30), "Asia/Kolkata")
CODE = "ABCD-2345"
HOST = "192.168.1.7:8010"
ILR = ProbeSetting(probe="ilr1-tvc", appliance="ILR-1")
FREEZER = ProbeSetting(
    probe="df", appliance="DF-1", range_min_centi_celsius=-3_500, range_max_centi_celsius=-1_500, freeze_alarm_minutes=0
)


def setting(probe: str, appliance: str = "") -> ProbeSetting:
    return ProbeSetting(probe=probe, appliance=appliance or probe.upper())


def probe(
    centi_celsius: int | None,
    of: ProbeSetting = ILR,
    *,
    alarms: Sequence[AlarmKind] = (),
    minutes_left: int | None = None,
    age_ms: int = 12_000,
    quality: int = 1,
) -> ProbeView:
    fault = 0 if centi_celsius is not None else quality
    newest = Sample(f"gw-t.{of.probe}", T0_MS - age_ms, centi_celsius, fault)
    return ProbeView(newest.sensor, of.appliance, of, newest, list(alarms), minutes_left)


def uplink(*, connected: bool = True, last_ack_at_ms: int | None = T0_MS - 14_000, problem: str = "") -> UplinkStatus:
    told = dict.fromkeys(UplinkStatus._fields, 0) | {
        "connected": connected,
        "last_ack_at_ms": last_ack_at_ms,
        "problem": problem,
    }
    return UplinkStatus(**told)  # type: ignore[arg-type]  # whatever else it tells is a number


def counts(pending: int = 0, **more: int) -> Counts:
    return Counts(**(dict.fromkeys(Counts._fields, 0) | {"pending": pending} | more))


def snapshot(
    *probes: ProbeView,
    pending: int = 0,
    status: UplinkStatus | None = None,
    clock: ClockView = ClockView("ntp", 200),  # noqa: B008 - immutable
    duty: DutyView = DutyView(),  # noqa: B008 - immutable
    twin: TwinView | None = None,
) -> Snapshot:
    return Snapshot(
        "gw-t",
        T0_MS,
        probes,
        counts(pending),
        status or uplink(),
        [("ds01_tcp 127.0.0.1:9101", True), ("modbus_tcp 10.0.0.2:502", False)],
        {"en": "Sample PHC", "hi": "नमूना PHC"},
        clock,
        duty,
        twin,
        lambda _sensor: (380, 590),
    )


class FakeMemory:
    """Readings and marks in lists; the real outbox passes the same tests in test_memory."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Told]] = {}
        self.missing: set[tuple[int, int]] = set()
        self.marks: dict[str, str] = {}
        self.asked = 0

    def put(self, sensor: str, at_ms: int, centi_celsius: int | None, quality: int = 0) -> None:
        rows = self.rows.setdefault(sensor, [])
        rows.append(Told(at_ms, centi_celsius, quality, 7, len(rows) + 1))
        rows.sort()

    def history(self, sensor: str, from_ms: int, until_ms: int, limit: int) -> list[Told]:
        self.asked += 1
        found = [row for row in self.rows.get(sensor, []) if from_ms <= row.measured_at_ms < until_ms]
        return found[-limit:]

    def extremes(self, sensor: str, from_ms: int, until_ms: int) -> tuple[int, int] | None:
        self.asked += 1
        rows = [row for row in self.rows.get(sensor, []) if from_ms <= row.measured_at_ms < until_ms]
        values = [row.centi_celsius for row in rows if row.centi_celsius is not None]
        return (min(values), max(values)) if values else None

    def not_delivered(self, _sensor: str, _from_ms: int, _until_ms: int) -> set[tuple[int, int]]:
        return self.missing

    def mark(self, name: str) -> str | None:
        return self.marks.get(name)

    def remember(self, name: str, text: str) -> None:
        self.marks[name] = text


class Moment:
    """A monotonic clock and a wall clock that stand where they were put."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.at_ms = T0_MS

    def wall(self) -> int:
        return self.at_ms

    def monotonic(self) -> float:
        return self.seconds

    def pass_seconds(self, seconds: float) -> None:
        self.seconds += seconds
        self.at_ms += round(seconds * 1_000)


class Stage(NamedTuple):
    """A desk with everything it stands on."""

    desk: Desk
    access: Access
    duty: Duty
    memory: FakeMemory
    moment: Moment
    export: ExportDesk
    log: LogDesk
    record: Record

    def get(self, target: str, token: str = "", **headers: str) -> Response:
        return self.ask("GET", target, b"", token, **headers)

    def post(self, target: str, form: str, token: str = "", **headers: str) -> Response:
        return self.ask("POST", target, form.encode(), token, **({"Origin": f"http://{HOST}"} | headers))

    def ask(self, method: str, target: str, body: bytes, token: str, **headers: str) -> Response:
        told = {"Host": HOST, "Cookie": f"sheetal_gateway={token}"}
        if method == "POST":
            told["Content-Type"] = "application/x-www-form-urlencoded"
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        asked = parse(method, target, {name: value for name, value in told.items() if value}, body)
        return self.desk.answer(asked) if isinstance(asked, Request) else Response(400)

    def log_in(self, code: str = CODE) -> Response:
        return self.post("/gw/setup/login", f"form={self.access.door_token()}&code={code}")

    def token(self) -> str:
        cookie = dict(self.log_in().headers)["Set-Cookie"]
        return cookie.split(";")[0].split("=", 1)[1]

    def form(self, token: str) -> str:
        session = self.access.session(token)
        assert session is not None
        return f"form={session.form_token}"


def stage(
    folder: Path, probes: Sequence[ProbeView] = (), *, code: str | None = CODE, refused: Sequence[RefusedSpan] = ()
) -> Stage:
    memory, moment = FakeMemory(), Moment()
    access = Access(None if code is None else digest_of(code), memory, moment.wall, moment.monotonic)
    duty = Duty((), list)
    rules = {one.sensor: rule_of(one.setting) for one in probes}
    record = Record(memory, memory, lambda: rules, (9, 16), INDIA, moment.wall)
    log = LogDesk(LogDeskParts(memory, record, lambda: list(probes), moment.wall, INDIA, (9, 16)))
    export = ExportDesk(
        ExportParts(
            "gw-t",
            memory,
            record,
            lambda: [one.sensor for one in probes],
            moment.wall,
            INDIA,
            [folder],
            lambda roots: find_sticks(roots, lambda path: path.name.startswith("STICK")),
        )
    )
    parts = DeskParts(
        access,
        duty,
        lambda: snapshot(*probes)._replace(duty=duty.view()),
        log,
        export,
        lambda: refused,
        {"gateway.local"},
        "sheetal-gateway gw-t http://portal.example",
        has_command=False,
    )
    return Stage(Desk(parts), access, duty, memory, moment, export, log, record)


class Balance(HTMLParser):
    """Fails where tags do not nest, an id is there twice, or something is loaded, styled or scripted in place."""

    VOID = frozenset({"meta", "link", "br", "input", "path", "rect", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        assert len(told) == len(attributes), f"<{tag}> says something twice"
        assert "style" not in told, f"<{tag}> is styled in place"
        assert not {name for name in told if name.startswith("on")}, f"<{tag}> acts in place"
        assert "src" not in told, f"<{tag}> loads something"
        self.tags.append((tag, told))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def well_formed(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """The page's tags; fails when the page is not in order."""
    reader = Balance()
    reader.feed(html)
    assert reader.open == []
    ids = [told["id"] for _, told in reader.tags if "id" in told]
    assert len(ids) == len(set(ids))
    labels = {told.get("for") for tag, told in reader.tags if tag == "label"}
    fields = [told for tag, told in reader.tags if tag == "input" and told.get("type") != "hidden"]
    assert all(told.get("id") in labels for told in fields)
    assert [told.get("lang") for tag, told in reader.tags if tag == "html"] != [None]
    return reader.tags
