"""What a gateway says of itself, sealed: birth, state and the report on its twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge_agent.clock.facts import ClockFacts, machine_facts
from edge_agent.outbox import schema as outbox_schema
from sheetal.contracts.gateway_state import Birth, State
from sheetal.contracts.seal import WIRE_VERSION, seal
from sheetal.contracts.topics import Channel
from sheetal.contracts.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_agent.uplink.courier import Identity
    from sheetal.contracts.twin import Reported


class Remote(Protocol):
    """Who manages the gateway from afar, as its voice and its uplink see it; called by the uplink's thread."""

    @property
    def revision(self) -> int:
        """Grows whenever `reported` would say something else."""

    @property
    def is_on_trial(self) -> bool:
        """Whether an application ack is needed as a proof."""

    def hear(self, channel: Channel, payload: bytes) -> bool:
        """Takes a desired configuration or a command; False for one that must not be believed."""

    def reported(self) -> Reported:
        """The twin as it stands."""


class Voice:
    """Puts the gateway's own words into messages; `clock` is its timeline."""

    def __init__(
        self,
        identity: Identity,
        boot: int,
        sensors: Sequence[str],
        clock: Callable[[], int],
        clock_facts: Callable[[], ClockFacts] = machine_facts,
    ) -> None:
        self._identity = identity
        self._boot = boot
        self._sensors = list(sensors)
        self._clock = clock
        self._clock_facts = clock_facts

    def anchored_ms(self) -> int | None:
        """The clock, None while it is not believed."""
        return self._clock() if self._clock_facts().is_anchored else None

    @property
    def clock_source(self) -> str:
        """What the clock stands on now, as on the wire."""
        return self._clock_facts().source

    def state(self, session: int, *, online: bool) -> bytes:
        """Online or offline."""
        return self._sealed(Channel.STATE, State(gateway=self._identity.gateway, session=session, online=online))

    def birth(self, session: int, remote: Remote | None) -> bytes:
        """The first message of a connection."""
        facts = self._clock_facts()
        twin = None if remote is None else remote.reported()
        birth = Birth(
            gateway=self._identity.gateway,
            boot=self._boot,
            session=session,
            software=VERSION,
            sensors=self._sensors,
            clock_source=facts.source,
            at_ms=self._clock(),
            clock_offset_ms=facts.offset_ms,
            schemas={"wire": WIRE_VERSION, "outbox": outbox_schema.VERSION},
            twin_version=0 if twin is None else twin.version,
        )
        return self._sealed(Channel.BIRTH, birth)

    def reported(self, remote: Remote) -> bytes:
        """What the gateway is now."""
        return self._sealed(Channel.REPORTED, remote.reported())

    def _sealed(self, channel: Channel, body: object) -> bytes:
        return seal(channel, self._identity.gateway, self._identity.key, body)
