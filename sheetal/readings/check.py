"""Whether the readings store of the settings is fit for its duty, line by line."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sheetal.readings.check_probe import probe
from sheetal.readings.connect import influxdb_address, open_readings
from sheetal.readings.finding import Finding, Sign, problem, well

if TYPE_CHECKING:
    from collections.abc import Sequence

FIT, UNFIT = 0, 1


def check(url: str, token: str | None, nonce: int) -> list[Finding]:
    """All findings in the order of asking; `nonce` tells this check's probe row from an earlier one's.

    Raises:
        SettingProblem: the address or the secret is of no known form.
    """
    with closing(open_readings(url, token)) as store:
        if url == "memory:":
            return [problem("readings stand in memory and end with the process", "set SHEETAL_READINGS_URL to a store")]
        if url.startswith("sqlite:"):
            health = store.health()
            if not health.ok:
                return [problem(health.detail, "see that the folder is there, may be written to and has room")]
            return [well(health.detail), *probe(store, nonce)]
        # The client's import takes half a second: only those who use it pay.
        from sheetal.readings.check_server import server_findings  # noqa: PLC0415 - see above

        address = influxdb_address(url, token)
        found = server_findings(address, token)
        if found[0].sign is Sign.PROBLEM:
            return found
        return [*found, *probe(store, nonce, address.next_step_when_missing)]


def exit_code(findings: Sequence[Finding]) -> int:
    """0 when nothing has to be put right, 1 otherwise; what a person must look at does not count."""
    return UNFIT if any(finding.sign is Sign.PROBLEM for finding in findings) else FIT
