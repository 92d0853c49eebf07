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

NUMBER_MAX = 2**63 - 1
SOFTWARE_MAX = 64
CLOCK_SOURCE_MAX = 16
"""Characters that the ledger and the portal's list have room for."""

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
    are_numbers = all(0 <= one <= NUMBER_MAX for one in (said.session, said.boot or 0))
    are_words = _is_word(said.software, SOFTWARE_MAX) and _is_word(said.clock_source, CLOCK_SOURCE_MAX)
    if not (are_numbers and are_words):
        raise WireProblem("a number or a word is out of bounds", reason="bad_body")
    return said


def _is_word(text: str | None, characters_max: int) -> bool:
    return text is None or (len(text) <= characters_max and text.isprintable())


def keep(ledger: Ledger, said: GatewayState) -> bool:
    """Keep it unless a later session has spoken; raises Unavailable."""
    with ledger.write() as conn:
        return judgement_writes.put_gateway_state(conn, said)
