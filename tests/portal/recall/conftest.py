from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.clinic import Clinic, open_clinic
from tests.portal.given_certificates import demo_keys

if TYPE_CHECKING:
    from portal.certificate.keys import SigningKeys
    from tests.portal.conftest import Stage


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return demo_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def clinic(stage: Stage, keys: SigningKeys) -> Clinic:
    stage.app.state.signing_keys = keys
    return open_clinic(stage.ledger, stage.cipher, keys, stage.now_ms)
