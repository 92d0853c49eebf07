"""What gateways say of themselves: birth after each connect, online and offline, kept by connection session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.gateway_state import Birth, State
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.ledger import judgement_writes
from sheetal.ledger.judgements import GatewayState

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

_births = msgspec.json.Decoder(Birth)
_states = msgspec.json.Decoder(State)


def believe(payload: bytes, channel: Channel, gateway: str, key: bytes, now_ms: int) -> GatewayState:
    """What a sealed birth or state message says; raises WireProblem for one that must not be believed."""
    sealed = open_envelope(payload)
    if channel is Channel.BIRTH:
        birth = unseal(sealed, channel, gateway, key, _births)
        said = GatewayState(
            gateway_id=birth.gateway,
            session=birth.session,
            online=True,
            boot=birth.boot,
            software=birth.software,
            clock_source=birth.clock_source,
            changed_at_ms=now_ms,
        )
    else:
        state = unseal(sealed, channel, gateway, key, _states)
        said = GatewayState(
            gateway_id=state.gateway,
            session=state.session,
            online=state.online,
            boot=None,
            software=None,
            clock_source=None,
            changed_at_ms=now_ms,
        )
    if said.gateway_id != gateway:
        raise WireProblem(f"gateway {gateway!r} speaks for {said.gateway_id!r}", reason="foreign_gateway")
    return said


def keep(ledger: Ledger, said: GatewayState) -> bool:
    """Keep it unless a later session has spoken; raises Unavailable."""
    with ledger.write() as conn:
        return judgement_writes.put_gateway_state(conn, said)
