"""The states of a holding and the moves that people and the engine may make between them."""

from __future__ import annotations

from enum import StrEnum


class Disposition(StrEnum):
    """Where a holding stands; only the three usable states open the gate."""

    AVAILABLE = "AVAILABLE"
    QUARANTINED = "QUARANTINED"
    UNDER_ASSESSMENT = "UNDER_ASSESSMENT"
    RELEASED = "RELEASED"
    RELEASED_USE_FIRST = "RELEASED_USE_FIRST"
    CONDEMNED = "CONDEMNED"
    DESTROYED = "DESTROYED"


USABLE = frozenset({Disposition.AVAILABLE, Disposition.RELEASED, Disposition.RELEASED_USE_FIRST})

MOVES: dict[Disposition, frozenset[Disposition]] = {
    Disposition.AVAILABLE: frozenset({Disposition.QUARANTINED}),
    Disposition.QUARANTINED: frozenset({Disposition.UNDER_ASSESSMENT}),
    Disposition.UNDER_ASSESSMENT: frozenset(
        {Disposition.RELEASED, Disposition.RELEASED_USE_FIRST, Disposition.CONDEMNED, Disposition.QUARANTINED},
    ),
    Disposition.RELEASED: frozenset({Disposition.QUARANTINED}),
    Disposition.RELEASED_USE_FIRST: frozenset({Disposition.QUARANTINED}),
    Disposition.CONDEMNED: frozenset({Disposition.DESTROYED}),
    Disposition.DESTROYED: frozenset(),
}


class EvidenceKind(StrEnum):
    """How we know what a stay was like."""

    TELEMETRY = "telemetry"
    LOGGER_FILE = "logger_file"
    TWICE_DAILY = "twice_daily"
    PACKED_CARRIER = "packed_carrier"


class RefusalReason(StrEnum):
    """Why the gate did not open, worst first; each has a sentence and a next step in every language."""

    UNKNOWN_HOLDING = "unknown_holding"
    OTHER_FACILITY = "other_facility"
    OTHER_PRODUCT = "other_product"
    HELD = "held"
    CONDEMNED = "condemned"
    EXPIRED = "expired"
    NO_DOSES_LEFT = "no_doses_left"
    GAP = "gap"
    NOT_REJUDGED = "not_rejudged"
    NO_STAY = "no_stay"
    ENGINE_SILENT = "engine_silent"
    DATA_TOO_OLD = "data_too_old"


def may_move(current: Disposition, target: Disposition) -> bool:
    """Whether the workflow knows this step."""
    return target in MOVES[current]
