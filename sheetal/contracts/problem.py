"""The error tree: each problem carries its facts, says whether a retry can help and what to do next.

Problem
├── SettingProblem    a wrong setting: stops the start with one line
├── WireProblem       a message that must not be believed: goes to the dead letter
├── FileProblem       a logger file that cannot be read at a named line
├── Unavailable       a server or store that does not answer now: try again later
├── Rejected          a store refused rows for good
├── Refused           a rule of the house said no; the person is told the next step
└── NotFound          no such record, or none that this caller may see
"""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):
    """The root of every error that the project raises on purpose.

    `code` is a stable word for programs, `retry` says whether the same call may succeed later, `next_step`
    tells the person what to do, `facts` hold the data (never personal).
    """

    code: ClassVar[str] = "problem"
    retry: ClassVar[bool] = False

    def __init__(self, message: str, *, next_step: str = "", **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.facts = facts


class SettingProblem(Problem):
    """A setting is missing or wrong; `facts["variable"]` names it."""

    code = "setting"


class WireProblem(Problem):
    """A message is malformed, forged or not for us; `facts["reason"]` is one of `ingest`'s reasons."""

    code = "wire"


class FileProblem(Problem):
    """A file cannot be read; `facts["line"]` is the 1-based line number (0 for the file as a whole)."""

    code = "file"


class Unavailable(Problem):
    """A store or server did not answer; `retry_after_seconds` is its wish or our guess."""

    code = "unavailable"
    retry = True

    def __init__(
        self,
        message: str,
        *,
        next_step: str = "",
        retry_after_seconds: float = 1.0,
        **facts: object,
    ) -> None:
        super().__init__(message, next_step=next_step, **facts)
        self.retry_after_seconds = retry_after_seconds


class Rejected(Problem):
    """A store refused rows for good; sending them again cannot help."""

    code = "rejected"


class Refused(Problem):
    """A rule refused the act; `facts["reason"]` is the rule's own code."""

    code = "refused"


class NotFound(Problem):
    """No such record for this caller."""

    code = "not_found"
