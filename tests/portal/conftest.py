from __future__ import annotations

import base64
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import structlog
import structlog.testing

from portal.app import Resources, create_app
from portal.identity.service import Role, Staff, add_staff
from portal.settings import Settings
from sheetal.ledger import assets
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.schema import upgrade
from sheetal.readings.connect import open_readings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx`")
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from pathlib import Path

    from fastapi import FastAPI
    from httpx import Response

    from sheetal.ledger.connect import Ledger
    from sheetal.readings.port import ReadingsStore

NOW_MS = 1_795_425_631_000  # 2026-11-23 14:20:31 IST
PASSWORD = "a long enough password"
ORIGIN = "http://testserver"


@dataclass
class Stage:
    app: FastAPI
    ledger: Ledger
    telemetry: Ledger
    readings: ReadingsStore
    cipher: FieldCipher
    settings: Settings
    now_ms: int = NOW_MS

    def clock(self) -> int:
        return self.now_ms

    def add_person(self, role: Role, facility_id: str = "F-101", user_name: str | None = None) -> Staff:
        name = user_name or role.value
        who = Staff("", f"Person {name}", role, facility_id, "en")
        with self.ledger.write() as conn:
            return add_staff(conn, who, user_name=name, password=PASSWORD, now_ms=self.now_ms)


class Browser(TestClient):
    def form_token(self, path: str = "/login") -> str:
        return str(self.get(path).text.split('name="csrf_token" value="')[1].split('"')[0])

    def send_form(self, path: str, *, seen_on: str = "/login", **fields: str) -> Response:
        return self.post(path, data=fields | {"csrf_token": self.form_token(seen_on)})

    def sign_in(self, user_name: str, password: str = PASSWORD) -> None:
        answer = self.send_form("/login", user_name=user_name, password=password)
        assert answer.status_code == 303, answer.text


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    upgrade(f"sqlite:///{folder / 'ledger.db'}", f"sqlite:///{folder / 'telemetry.db'}")
    return folder


@pytest.fixture
def stage(tmp_path: Path, migrated: Path) -> Iterator[Stage]:
    for name in ("ledger.db", "telemetry.db"):
        (tmp_path / name).write_bytes((migrated / name).read_bytes())
    key_file = tmp_path / "field.key"
    key_file.write_text("k1:" + base64.b64encode(bytes(range(32))).decode() + "\n")
    settings = Settings(
        ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
        telemetry_url=f"sqlite:///{tmp_path / 'telemetry.db'}",
        readings_url="memory:",
        field_key_file=key_file,
        portal_url=ORIGIN,
    )
    made = Stage(
        app=None,  # type: ignore[arg-type]  # set two lines below, once the clock exists
        ledger=open_ledger(settings.ledger_url),
        telemetry=open_telemetry(settings.telemetry_url),
        readings=open_readings("memory:"),
        cipher=FieldCipher.from_file(key_file),
        settings=settings,
    )
    resources = Resources(made.ledger, made.telemetry, made.readings, made.cipher, made.clock)
    made.app = create_app(settings, resources)
    with made.ledger.write() as conn:
        for number, district in ((101, "North"), (102, "South")):
            place = assets.Facility(
                id=f"F-{number}",
                name=f"Centre {number}",
                name_hindi=f"केंद्र {number}",
                kind="cold_chain_point",
                state_id=9,
                state_name="Sample State",
                district_id=number,
                district_name=district,
            )
            assets.add_facility(conn, place, NOW_MS - 10**9)
    yield made
    resources.close()


@pytest.fixture
def client(stage: Stage) -> Iterator[Browser]:
    with Browser(stage.app, base_url=ORIGIN, follow_redirects=False, headers={"Origin": ORIGIN}) as made:
        yield made
