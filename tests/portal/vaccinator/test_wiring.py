from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.vaccinator.wiring import vaccination_of
from sheetal.contracts.problem import Unavailable

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic
    from tests.portal.conftest import Stage


def test_every_request_shares_one(clinic: Clinic, stage: Stage) -> None:
    found = vaccination_of(stage.app.state)
    assert found is vaccination_of(stage.app.state)
    assert (found.ledger, found.cipher, found.keys) == (clinic.ledger, clinic.cipher, clinic.keys)


def test_without_signing_keys_there_is_none(clinic: Clinic, stage: Stage) -> None:
    del clinic
    vaccination_of(stage.app.state)
    stage.app.state.signing_keys = None
    with pytest.raises(Unavailable):
        vaccination_of(stage.app.state)
