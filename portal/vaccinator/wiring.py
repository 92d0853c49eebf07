"""The app's one `Vaccination`, which its requests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.language import marked
from portal.vaccinator.service import Vaccination
from sheetal.contracts.problem import Unavailable

if TYPE_CHECKING:
    from starlette.datastructures import State


def vaccination_of(state: State) -> Vaccination:
    """Made at the first dose; raises Unavailable without signing keys: no dose is recorded without a certificate."""
    if state.signing_keys is None:
        raise Unavailable(marked("Certificates are not set up here."))
    kept: Vaccination | None = getattr(state, "vaccination", None)
    if kept is None:
        kept = state.vaccination = Vaccination(state.ledger, state.cipher, state.signing_keys)
    return kept
