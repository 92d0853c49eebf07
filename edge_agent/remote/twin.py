"""What becomes of a configuration from afar (pure).

as installed ─┐                      ┌─ proved ──────────► applied
applied       ├─ desired, version ► ─┤ trial
rolled back   │  above the last one  ├─ no ack in time,
refused     ──┘         │            │  or a restart ────► rolled back, the last good one again
                        └─ does not hold ───────────────► refused, nothing changes
"""

from __future__ import annotations

import msgspec

from sheetal.contracts.twin import TwinState

VERSION_MAX = 2**53
"""Larger numbers lose digits in some readers of JSON."""
RESTARTED = "the gateway restarted before the link had proved itself under it"


class Twin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered; configurations are JSON texts, empty for the settings file's own.

    `version` is the newest decided on, `good` the last configuration that held its link, `trial` one that has yet to.
    """

    version: int = 0
    state: TwinState = TwinState.AS_INSTALLED
    problem: str = ""
    good: str = ""
    trial: str = ""

    @property
    def config(self) -> str:
        """What the gateway is to run under."""
        return self.trial or self.good


def is_new(twin: Twin, version: int) -> bool:
    """Whether a desired version has yet to be decided on."""
    return twin.version < version <= VERSION_MAX


def refused(twin: Twin, version: int, problem: str) -> Twin:
    """The configuration does not hold; what runs goes on."""
    return msgspec.structs.replace(twin, version=version, state=TwinState.REFUSED, problem=problem)


def tried(twin: Twin, version: int, config: str) -> Twin:
    """The configuration holds: from now on it has to prove itself."""
    return msgspec.structs.replace(twin, version=version, state=TwinState.TRIAL, problem="", trial=config)


def proved(twin: Twin) -> Twin:
    """The link holds under the trial."""
    return msgspec.structs.replace(twin, state=TwinState.APPLIED, problem="", good=twin.trial, trial="")


def rolled_back(twin: Twin, problem: str) -> Twin:
    """The link did not hold, or nobody knows: the last good one runs again."""
    return msgspec.structs.replace(twin, state=TwinState.ROLLED_BACK, problem=problem, trial="")


def awoken(twin: Twin) -> Twin:
    """The twin at the start of the process: a trial that was not proved before is over."""
    return rolled_back(twin, RESTARTED) if twin.trial else twin
