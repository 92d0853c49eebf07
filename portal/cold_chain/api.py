"""`GET /api/v1/sensors/{id}/exposure`: what one sensor's readings say, for staff and for its own gateway."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from portal.cold_chain import service
from portal.cold_chain.rules import GatewaySignature
from portal.errors import SignInNeeded
from portal.identity.service import optional_staff
from portal.language import marked

router = APIRouter(prefix="/api/v1", tags=["cold chain"])
INSTANT_MAX = 32_503_680_000_000
Instant = Annotated[int, Query(ge=0, le=INSTANT_MAX)]
HEADER_CHARACTERS_MAX = 128
OneHeader = Annotated[str, Header(max_length=HEADER_CHARACTERS_MAX)]


@router.get("/sensors/{sensor_id}/exposure")
def exposure(  # noqa: PLR0913, PLR0917 -- two instants, three signature headers
    request: Request,
    sensor_id: str,
    from_ms: Instant,
    until_ms: Instant,
    x_sheetal_gateway: OneHeader = "",
    x_sheetal_at: OneHeader = "",
    x_sheetal_mac: OneHeader = "",
) -> Response:
    """The exposure report of [from_ms, until_ms): readings, gaps, runs, MKT, and what each product would make of it."""
    state, now_ms = request.app.state, request.app.state.clock()
    if x_sheetal_gateway:
        signed = GatewaySignature(x_sheetal_gateway, x_sheetal_at, x_sheetal_mac, _path_with_query(request))
        service.check_gateway(state.ledger, state.cipher, signed, sensor_id, now_ms)
    else:
        who = optional_staff(request)
        if who is None:
            raise SignInNeeded(marked("Sign in first."))
        service.check_sensor_visible(state.ledger, who, sensor_id)
    stores = (state.ledger, state.telemetry, state.readings)
    report = service.exposure_report(stores, sensor_id, from_ms, until_ms, now_ms)
    return Response(msgspec.json.encode(report), media_type="application/json")


def _path_with_query(request: Request) -> str:
    path: str = request.scope["raw_path"].decode("ascii", "replace")
    query = request.url.query
    return f"{path}?{query}" if query else path
