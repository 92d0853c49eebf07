"""Gateways as rows: what each last said, how its clock stands, what it was told, and until when it may come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.ledger import assets, enrolment, gateway_twins, judgements, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from portal.identity.service import Staff
    from sheetal.ledger.assets import Facility, Gateway
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.enrolment import GatewayCertificate, OpenCode
    from sheetal.ledger.gateway_twins import Twin
    from sheetal.ledger.judgements import GatewayState
    from sheetal.ledger.telemetry import SensorState

SKEW_MS_MAX = 5 * MINUTE_MS
EXPIRES_SOON_MS = 30 * DAY_MS
ROWS_A_PAGE = 50
MISSING_AFTER_MS = 2 * MINUTE_MS
"""Fresh rows overtake others, and a lost message comes again within a minute: that is no gap to speak of."""


@dataclass(frozen=True, kw_only=True)
class GatewayCard:
    """One gateway as it stands; `newest` is the newest row of any of its registered sensors.

    `missing` counts what it numbered and ingest never got, for two minutes at least.
    """

    gateway: Gateway
    facility: Facility
    said: GatewayState | None
    newest: SensorState | None
    twin: Twin | None
    certificate: GatewayCertificate | None
    code: OpenCode | None
    missing: int = 0

    @property
    def state(self) -> str:
        """retired, online, offline, or never (heard)."""
        if self.gateway.retired_at_ms is not None:
            return "retired"
        if self.said is None:
            return "never"
        return "online" if self.said.online else "offline"

    @property
    def heard_at_ms(self) -> int | None:
        """When anything last came from it."""
        instants = (
            self.said.changed_at_ms if self.said else None,
            self.newest.received_at_ms if self.newest else None,
            self.twin.received_at_ms if self.twin else None,
        )
        return max((one for one in instants if one is not None), default=None)

    @property
    def skew_ms(self) -> int | None:
        """Our clock minus its own, when that is more than five minutes."""
        offset_ms = self.newest.clock_offset_ms if self.newest else 0
        return offset_ms if abs(offset_ms) > SKEW_MS_MAX else None

    def ends_soon(self, now_ms: int) -> bool:
        """Whether its certificate ends within 30 days, or has ended."""
        return self.certificate is not None and self.certificate.expires_at_ms - now_ms < EXPIRES_SOON_MS


@dataclass(frozen=True)
class GatewayList:
    """One page of gateways, those out of touch first, with the codes that wait for a gateway to come."""

    cards: list[GatewayCard]
    waiting: list[tuple[OpenCode, Facility]]
    facilities: list[Facility]
    page: int
    pages: int


def gateway_list(ledger: Ledger, telemetry_store: Ledger, staff: Staff, page: int, now_ms: int) -> GatewayList:
    """What this person may see, 50 a page: out of touch, then online, then retired, each in order of id."""
    with ledger.read() as conn:
        places = {one.id: one for one in assets.facilities(conn) if staff.may_see(one.id)}
        said = judgements.gateway_states(conn)
        seen = [one for one in assets.gateways(conn) if one.facility_id in places]
        seen.sort(key=lambda one: (one.retired_at_ms is not None, one.id in said and said[one.id].online, one.id))
        pages = max(1, -(-len(seen) // ROWS_A_PAGE))
        page = min(page, pages)
        shown = cards(conn, telemetry_store, seen[(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE], now_ms)
        known = {one.id for one in seen}
        codes = enrolment.open_codes(conn, now_ms)
    waiting = [
        (one, places[one.facility_id]) for one in codes if one.facility_id in places and one.gateway_id not in known
    ]
    return GatewayList(shown, waiting[:ROWS_A_PAGE], list(places.values()), page, pages)


def cards(conn: Connection, telemetry_store: Ledger, gateways: Sequence[Gateway], now_ms: int) -> list[GatewayCard]:
    """Each of these gateways with all that is known of it."""
    names = [one.id for one in gateways]
    said, twins = judgements.gateway_states(conn, names), gateway_twins.twins(conn, names)
    standing = [one for one in enrolment.certificates(conn, names) if one.revoked_at_ms is None]
    certificates = {one.gateway_id: one for one in reversed(standing)}
    codes = {one.gateway_id: one for one in enrolment.open_codes(conn, now_ms)}
    places = {one.id: one for one in assets.facilities(conn)}
    with telemetry_store.read() as seen:
        missing = telemetry.gap_counts(seen, gateways=names, since_before_ms=now_ms - MISSING_AFTER_MS)
    newest = _newest(telemetry_store, [sensor.id for name in names for sensor in assets.sensors(conn, name)])
    return [
        GatewayCard(
            gateway=one,
            facility=places[one.facility_id],
            said=said.get(one.id),
            newest=newest.get(one.id),
            twin=twins.get(one.id),
            certificate=certificates.get(one.id),
            code=codes.get(one.id),
            missing=missing.get(one.id, 0),
        )
        for one in gateways
    ]


def _newest(telemetry_store: Ledger, sensors: list[str]) -> dict[str, SensorState]:
    """The state that came last, by gateway."""
    if not sensors:
        return {}
    with telemetry_store.read() as conn:
        states: Iterable[SensorState] = telemetry.sensor_states(conn, sensors)
    return {one.sensor_id.partition(".")[0]: one for one in sorted(states, key=lambda state: state.received_at_ms)}
