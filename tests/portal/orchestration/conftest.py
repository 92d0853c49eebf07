from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal import district

if TYPE_CHECKING:
    from tests.portal.conftest import Stage


@pytest.fixture
def seeded(stage: Stage) -> Stage:
    district.seed(district.Stores(stage.ledger, stage.telemetry, stage.readings, stage.cipher), stage.now_ms)
    return stage
