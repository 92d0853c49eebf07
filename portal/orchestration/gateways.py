"""What the pages of gateways show, and the acts behind their forms."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from portal.errors import FieldProblem
from portal.identity.service import forget_tries
from portal.language import marked
from portal.orchestration import gateway_list
from portal.orchestration.enrol import GATEWAY
from portal.orchestration.probes import Probe, changed, checked, probe_named, probes_of
from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.topics import Channel, sensor_of
from sheetal.contracts.twin import Command, CommandKind, Desired
from sheetal.ledger import assets, downlink, enrolment, gateway_twins, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from portal.identity.service import Staff
    from portal.orchestration.gateway_list import GatewayCard
    from sheetal.contracts.twin import Outcome
    from sheetal.ledger.assets import Facility
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.downlink import Downlink
    from sheetal.ledger.enrolment import GatewayCertificate
    from sheetal.ledger.telemetry import SensorState, SequenceGap

ORDERS_SHOWN = 20
VERSIONS_SHOWN = 10
GAPS_SHOWN = 10
UNKNOWN = marked("There is no such gateway.")
LOOK_AGAIN = marked("Open the page again and repeat the step.")
REFUSALS = {
    "bad_id": (marked("Use 1 to 48 letters, digits, - and _, and not a service's name."), "gateway_id"),
    "other_facility": (marked("This gateway belongs to another facility."), "facility_id"),
    "changed_meanwhile": (marked("Somebody else has changed this gateway meanwhile."), ""),
    "too_large": (marked("This configuration is too large."), ""),
    "too_many": (marked("Too many orders wait for this gateway already."), ""),
}


@dataclass(frozen=True)
class Order:
    """A command on its way and what came of it."""

    command: Command
    published_at_ms: int | None
    outcome: Outcome | None

    @property
    def has_log(self) -> bool:
        """Whether the outcome is a log to be read."""
        return self.command.kind is CommandKind.SEND_LOG and self.outcome is not None and self.outcome.done

    def state(self, now_ms: int) -> str:
        """done, failed, waiting, sent, or no_answer once it has expired."""
        if self.outcome is not None:
            return "done" if self.outcome.done else "failed"
        if now_ms >= self.command.expires_at_ms:
            return "no_answer"
        return "waiting" if self.published_at_ms is None else "sent"


@dataclass(frozen=True)
class Version:
    """A configuration that was sent."""

    number: int
    created_at_ms: int
    published_at_ms: int | None


@dataclass(frozen=True)
class ProbeLine:
    """A probe with its newest reading, if it is known."""

    probe: Probe
    newest: SensorState | None


@dataclass(frozen=True)
class GatewayPage:
    """Everything on a gateway's page."""

    card: GatewayCard
    probes: list[ProbeLine]
    orders: list[Order]
    versions: list[Version]
    certificates: list[GatewayCertificate]
    gaps: list[SequenceGap]


@dataclass(frozen=True)
class IssuedCode:
    """A code as it is shown this once."""

    gateway_id: str
    facility: Facility
    code: str = field(repr=False)
    expires_at_ms: int

    @property
    def grouped(self) -> str:
        """In two groups of five, as people read it out."""
        half = len(self.code) // 2
        return f"{self.code[:half]} {self.code[half:]}"


def gateway_page(ledger: Ledger, telemetry_store: Ledger, staff: Staff, gateway_id: str, now_ms: int) -> GatewayPage:
    """One gateway; raises NotFound also where this person may not look."""
    with ledger.read() as conn:
        found = _visible(conn, staff, gateway_id)
        (card,) = gateway_list.cards(conn, telemetry_store, [found], now_ms)
        orders = downlink.sent(conn, gateway_id, Channel.COMMAND, ORDERS_SHOWN)
        versions = downlink.sent(conn, gateway_id, Channel.DESIRED, VERSIONS_SHOWN)
        certificates = enrolment.certificates(conn, [gateway_id])
    told = card.twin.reported if card.twin else None
    probes = probes_of(bytes(told.config)) if told else []
    with telemetry_store.read() as conn:
        states = telemetry.sensor_states(conn, [sensor_of(gateway_id, one.name) for one in probes]) if probes else []
        missing_from_ms = now_ms - gateway_list.MISSING_AFTER_MS
        gaps = telemetry.gaps(conn, gateway_id, GAPS_SHOWN, since_before_ms=missing_from_ms)
    newest = {one.sensor_id: one for one in states}
    outcomes = {one.id: one for one in told.outcomes} if told else {}
    return GatewayPage(
        card=card,
        probes=[ProbeLine(one, newest.get(sensor_of(gateway_id, one.name))) for one in probes],
        orders=[_order(one, outcomes) for one in orders],
        versions=[_version(one) for one in versions],
        certificates=certificates,
        gaps=gaps,
    )


def order_with_log(ledger: Ledger, staff: Staff, gateway_id: str, command_id: str) -> Order:
    """The order whose outcome is a log; raises NotFound, also once the gateway reports its lines no longer."""
    with ledger.read() as conn:
        _visible(conn, staff, gateway_id)
        sent = downlink.sent(conn, gateway_id, Channel.COMMAND, ORDERS_SHOWN)
        told = gateway_twins.twin(conn, gateway_id).reported
    outcomes = {one.id: one for one in told.outcomes} if told else {}
    for one in (_order(message, outcomes) for message in sent):
        if one.command.id == command_id and one.has_log:
            return one
    raise NotFound(marked("This log is not there any more."))


def issue_code(ledger: Ledger, staff: Staff, gateway_id: str, facility_id: str, now_ms: int) -> IssuedCode:
    """A new code, told this once; raises FieldProblem for an id or a facility that it cannot be for."""
    if not staff.may_see(facility_id):
        raise FieldProblem(marked("Choose a facility."), field="facility_id")
    with _in_words(), ledger.write() as conn:
        code = enrolment.issue_code(conn, gateway_id, facility_id, staff.id, now_ms)
        forget_tries(conn, GATEWAY, gateway_id, now_ms)
        (waiting,) = enrolment.open_codes(conn, now_ms, gateway_id)
        place = assets.facility_by_id(conn, facility_id)
    return IssuedCode(gateway_id, place, code, waiting.expires_at_ms)


def probe_form(ledger: Ledger, staff: Staff, gateway_id: str, name: str) -> tuple[Probe, int]:
    """A probe as it would be changed, and the desired version that the change builds on; raises NotFound."""
    with ledger.read() as conn:
        _visible(conn, staff, gateway_id)
        config, built_on = _base(conn, gateway_id)
    return probe_named(config, name), built_on


def change_probe(
    ledger: Ledger, staff: Staff, probe: tuple[str, str], typed: Mapping[str, str], built_on: int, now_ms: int
) -> int:
    """Send the configuration with one probe (gateway, name) changed; gives its version.

    Raises FieldProblem, NotFound, and Refused (`changed_meanwhile`).
    """
    gateway_id, name = probe
    with _in_words(), ledger.write() as conn:
        _visible(conn, staff, gateway_id)
        config, _ = _base(conn, gateway_id)
        before = probe_named(config, name)
        values = checked(typed, before)
        if values == dict(before.values):
            raise FieldProblem(marked("Nothing was changed."), field=next(iter(values), ""))
        whole = changed(config, name, values)
        return gateway_twins.send_desired(conn, gateway_id, whole, built_on, staff.id, now_ms)


def order(
    ledger: Ledger,
    staff: Staff,
    gateway_id: str,
    kind: CommandKind,
    now_ms: int,
    span: tuple[int, int] | None = None,
) -> Command:
    """Queue an order; raises NotFound, and Refused when too many wait."""
    with _in_words(), ledger.write() as conn:
        _visible(conn, staff, gateway_id)
        return gateway_twins.send_command(conn, gateway_id, kind, staff.id, now_ms, span=span)


def retire(ledger: Ledger, staff: Staff, gateway_id: str, now_ms: int) -> None:
    """Take a gateway out of service for good; raises NotFound."""
    with ledger.write() as conn:
        _visible(conn, staff, gateway_id)
        enrolment.revoke_gateway(conn, gateway_id, staff.id, now_ms)


@contextmanager
def _in_words() -> Iterator[None]:
    """Say the ledger's refusals in words that have Hindi; those about a form's field name it."""
    try:
        yield
    except Refused as problem:
        said = REFUSALS.get(str(problem.facts.get("reason")))
        if said is None:
            raise
        message, named = said
        if named:
            raise FieldProblem(message, field=named) from problem
        raise Refused(message, next_step=LOOK_AGAIN, **problem.facts) from problem
    except NotFound as problem:
        if problem.message == "no such facility":
            raise FieldProblem(marked("Choose a facility."), field="facility_id") from problem
        raise


def _visible(conn: Connection, staff: Staff, gateway_id: str) -> assets.Gateway:
    try:
        found = assets.gateway_by_id(conn, gateway_id)
    except NotFound as problem:
        raise NotFound(UNKNOWN) from problem
    if not staff.may_see(found.facility_id):
        raise NotFound(UNKNOWN)
    return found


def _base(conn: Connection, gateway_id: str) -> tuple[bytes, int]:
    """What a change builds on: a configuration still on its way, else what the gateway says it is."""
    twin = gateway_twins.twin(conn, gateway_id)
    if twin.reported is None:
        raise NotFound(marked("This gateway has not told its configuration yet."))
    sent: Desired | None = gateway_twins.newest_desired(conn, gateway_id) if twin.is_pending else None
    return bytes(sent.config if sent else twin.reported.config), twin.desired_version


def _order(sent: Downlink, outcomes: Mapping[str, Outcome]) -> Order:
    command = msgspec.json.decode(sent.body, type=Command)
    return Order(command, sent.published_at_ms, outcomes.get(command.id))


def _version(sent: Downlink) -> Version:
    return Version(msgspec.json.decode(sent.body, type=Desired).version, sent.created_at_ms, sent.published_at_ms)
