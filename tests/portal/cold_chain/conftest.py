from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.identity.service import Role
from tests.portal import district

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage


@pytest.fixture
def seeded(stage: Stage) -> Stage:
    district.seed(district.Stores(stage.ledger, stage.telemetry, stage.readings, stage.cipher), stage.now_ms)
    return stage


@pytest.fixture
def officer(seeded: Stage, client: Browser) -> Browser:
    seeded.add_person(Role.COLD_CHAIN_OFFICER)
    client.sign_in("cold_chain_officer")
    return client


@pytest.fixture
def handler(seeded: Stage, client: Browser) -> Browser:
    seeded.add_person(Role.HANDLER, "F-101")
    client.sign_in("handler")
    return client
