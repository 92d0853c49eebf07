"""Wiring of the portal's web process: the stores, the slices' routers, errors, headers and languages."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import portal.certificate.pages
import portal.cold_chain.alarm_pages
import portal.cold_chain.api
import portal.cold_chain.audit_pages
import portal.cold_chain.contact_pages
import portal.cold_chain.disposition_pages
import portal.cold_chain.pages
import portal.cold_chain.verdict_pages
import portal.identity.pages
import portal.orchestration.api
import portal.orchestration.catalogue_pages
import portal.orchestration.gateway_pages
import portal.orchestration.pages
import portal.recall.api
import portal.recall.lot_pages
import portal.recall.pages
import portal.registration.pages
import portal.vaccinator.api
import portal.vaccinator.pages
from portal import csrf, errors, web
from portal.body_limit import BodyLimit
from portal.certificate.keys import SigningKeys
from portal.cold_chain.snapshot import Snapshots
from portal.headers import SecurityHeaders, security_headers
from portal.language import LanguagePrefix
from portal.orchestration.gateway_ca import Authority
from portal.recall import service as recalls
from portal.settings import Settings
from portal.static_files import STATIC_FOLDER, KeptFiles
from sheetal.contracts.clock import Clock, now_ms
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.version import VERSION
from sheetal.counted import Counted, RequestCounts
from sheetal.ledger.connect import Ledger, open_ledger, open_telemetry
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.programme import load_programme
from sheetal.ledger.schema import await_schema
from sheetal.readings.connect import open_readings
from sheetal.readings.port import ReadingsStore
from sheetal.tally import Tally

log = structlog.get_logger("portal")

PAGES = (
    portal.identity.pages.router,
    portal.orchestration.pages.router,
    portal.orchestration.gateway_pages.router,
    portal.orchestration.catalogue_pages.router,
    portal.cold_chain.alarm_pages.router,
    portal.cold_chain.contact_pages.router,
    portal.cold_chain.pages.router,
    portal.cold_chain.disposition_pages.router,
    portal.cold_chain.audit_pages.router,
    portal.cold_chain.verdict_pages.pages,
    portal.certificate.pages.router,
    portal.vaccinator.pages.router,
    portal.recall.pages.router,
    portal.recall.lot_pages.router,
    portal.registration.pages.router,
)
APIS: tuple[APIRouter, ...] = (
    portal.orchestration.api.router,
    portal.cold_chain.api.router,
    portal.cold_chain.verdict_pages.api,
    portal.vaccinator.api.router,
    portal.recall.api.router,
)


@dataclass(frozen=True)
class Resources:
    """The open stores and the clock that the portal stands on."""

    ledger: Ledger
    telemetry: Ledger
    readings: ReadingsStore
    cipher: FieldCipher
    clock: Clock = now_ms

    def close(self) -> None:
        """Close every store."""
        self.readings.close()
        self.telemetry.close()
        self.ledger.close()


def open_resources(settings: Settings, clock: Clock = now_ms) -> Resources:
    """Open every store; raises SettingProblem for a wrong address, key file or schema."""
    cipher = FieldCipher.from_file(settings.field_key_file)
    ledger = open_ledger(settings.ledger_url)
    await_schema(ledger, _say_away, time.sleep)
    token = settings.readings_token.get_secret_value() if settings.readings_token else None
    return Resources(
        ledger=ledger,
        telemetry=open_telemetry(settings.telemetry_url),
        readings=open_readings(settings.readings_url, token),
        cipher=cipher,
        clock=clock,
    )


def _say_away(away: Unavailable) -> None:
    log.warning("The ledger is away; waiting for it", detail=away.message)


def create_app(settings: Settings, resources: Resources | None = None) -> FastAPI:
    """The portal's web application; closes the stores when it stops."""
    stores = resources or open_resources(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        stores.close()

    app = FastAPI(title="Sheetal", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    state = app.state
    state.settings, state.pages = settings, web.make_pages()
    state.ledger, state.telemetry, state.readings = stores.ledger, stores.telemetry, stores.readings
    state.cipher, state.clock = stores.cipher, stores.clock
    state.snapshots, state.dose_trail = Snapshots(), recalls.trail_of
    state.requests, state.gate_answers = RequestCounts(), Tally()
    state.programme = load_programme()
    state.signing_keys = load_signing_keys(settings, stores.clock())
    state.gateway_authority = load_gateway_authority(settings, stores.clock())
    for router in PAGES:
        app.include_router(router, dependencies=[Depends(csrf.check_form)], include_in_schema=False)
    for router in APIS:
        app.include_router(router, dependencies=[Depends(csrf.check_api_origin)])
    app.mount("/static", KeptFiles(directory=STATIC_FOLDER), name="static")
    app.add_api_route("/healthz", health, include_in_schema=False)
    errors.install(app, web.render, security_headers(secure=settings.is_secure))
    app.add_middleware(BodyLimit)
    app.add_middleware(Counted, counts=state.requests)
    app.add_middleware(LanguagePrefix)
    app.add_middleware(SecurityHeaders, secure=settings.is_secure)
    return app


def load_signing_keys(settings: Settings, at_ms: int) -> SigningKeys | None:
    """The keys that certificates are signed with; None where none are set. Raises SettingProblem for unusable ones."""
    if settings.certificate_key_folder is None:
        return None
    folder = settings.certificate_key_folder
    return SigningKeys.load(folder, settings.demo, standby_url=settings.standby_url, now_ms=at_ms)


def load_gateway_authority(settings: Settings, at_ms: int) -> Authority | None:
    """Who signs gateways' certificates; None where none is set. Raises SettingProblem for an unusable one."""
    if settings.gateway_ca_folder is None:
        return None
    return Authority.load(settings.gateway_ca_folder, demo_allowed=settings.demo, now_ms=at_ms)


def health(request: Request) -> Response:
    """200 while the ledger answers, else 503 (Unavailable is raised inside)."""
    with request.app.state.ledger.read() as conn:
        conn.exec_driver_sql("SELECT 1")
    return JSONResponse({"ok": True})
