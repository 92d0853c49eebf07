"""What gateways report of their own configuration and of the orders they were given: believed, bounded, kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.problem import NotFound, WireProblem
from sheetal.contracts.seal import UNREADABLE, open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import COMMANDS_REMEMBERED, TWIN_BYTES_MAX, Reported
from sheetal.ledger import gateway_twins

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

VERSION_MAX = 2**53
AT_MS_MAX = 253_402_214_400_000
"""9999-12-31: no later instant can be shown."""
PROBLEM_CHARACTERS_MAX = 2_000

_decoder = msgspec.json.Decoder(Reported)
_object = msgspec.json.Decoder(dict[str, object])


def believe(payload: bytes, gateway: str, key: bytes) -> Reported:
    """The report in a sealed message; raises WireProblem for one that must not be believed or is out of bounds."""
    if len(payload) > TWIN_BYTES_MAX:
        raise WireProblem(f"a report of {len(payload)} bytes is too large", reason="too_big")
    said = unseal(open_envelope(payload), Channel.REPORTED, gateway, key, _decoder)
    if said.gateway != gateway:
        raise WireProblem(f"gateway {gateway!r} speaks for {said.gateway!r}", reason="foreign_gateway")
    is_bounded = (
        all(0 <= number <= VERSION_MAX for number in (said.version, said.boot >> 32))
        and all(0 <= at_ms <= AT_MS_MAX for at_ms in (said.at_ms, *(one.at_ms for one in said.outcomes)))
        and len(said.outcomes) <= COMMANDS_REMEMBERED
        and len(said.problem) <= PROBLEM_CHARACTERS_MAX
    )
    if not is_bounded:
        raise WireProblem("a number, a text or a list of the report is out of bounds", reason="bad_body")
    try:
        _object.decode(said.config)
    except UNREADABLE as error:
        raise WireProblem("the configuration reported is not an object", reason="bad_body") from error
    return said


def keep(ledger: Ledger, said: Reported, now_ms: int) -> bool:
    """Keep it unless a newer report stands or the gateway has left service meanwhile; raises Unavailable."""
    with ledger.write() as conn:
        try:
            return gateway_twins.put_reported(conn, said, now_ms)
        except NotFound:
            return False
