"""`POST /api/v1/gateways/enrol`: where a gateway brings its one-time code; no session, no cookie, one answer once."""

import msgspec
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from portal.language import marked
from portal.orchestration.enrol import Office, enrol
from sheetal.contracts.enrolment import CSR_BYTES_MAX, EnrolmentRequest
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import UNREADABLE

router = APIRouter(prefix="/api/v1/gateways", tags=["gateways"])
BODY_BYTES_MAX = 2 * CSR_BYTES_MAX
_asked = msgspec.json.Decoder(EnrolmentRequest)


@router.post("/enrol")
async def enrol_gateway(request: Request) -> Response:
    """A code and a certificate request against a certificate, a key and the broker's address."""
    body = await _bounded(request)
    try:
        asked = _asked.decode(body)
    except UNREADABLE as error:
        raise WireProblem(marked("This is not an enrolment request."), reason="bad_body") from error
    state = request.app.state
    office = Office(state.ledger, state.cipher, state.gateway_authority, state.settings.gateway_broker_url)
    address = request.client.host if request.client else ""
    answer = await run_in_threadpool(enrol, office, asked, address, state.clock())
    return Response(msgspec.json.encode(answer), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _bounded(request: Request) -> bytes:
    """The body, never more of it than is allowed."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413)
    return bytes(body)
