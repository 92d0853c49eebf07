"""`python -m ingest replay [--reason R] [--gateway G] [--dry-run]`: takes dead letters through today's ingest."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from ingest.app import SETTING_EXIT_CODE, key_finder
from ingest.keys import KeyRing
from ingest.latest import Latest
from ingest.reasons import Reason
from ingest.replay import Replay, Wanted
from ingest.settings import read_settings
from ingest.writer import Writer
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import Problem, SettingProblem
from sheetal.contracts.topics import IDENTIFIER
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.schema import check_schema
from sheetal.logs import set_up_logs
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.replay import Outcome
    from ingest.settings import Settings

AWAY_EXIT_CODE = 1


def main(arguments: Sequence[str]) -> int:
    """Says what became of the letters of each reason; 0 when done, 1 when a store is away, 2 for a wrong setting."""
    wanted = wanted_of(arguments)
    set_up_logs("ingest", "replay")
    try:
        found = replay(read_settings(), wanted)
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return SETTING_EXIT_CODE
    except Problem as problem:
        sys.stderr.write(f"{problem.message}; what went through is stored, repeat the command for the rest\n")
        return AWAY_EXIT_CODE
    sys.stdout.write("".join(f"{line}\n" for line in lines(found, is_dry=wanted.is_dry)))
    return 0


def wanted_of(arguments: Sequence[str]) -> Wanted:
    """Which letters the command line asks for; ends the program with usage for anything else."""
    parser = argparse.ArgumentParser(prog="python -m ingest replay", description="Takes dead letters in once more.")
    parser.add_argument("--reason", choices=sorted(reason.value for reason in Reason))
    parser.add_argument("--gateway", type=_gateway)
    parser.add_argument("--dry-run", action="store_true", help="only say what would go through")
    asked = parser.parse_args(arguments)
    return Wanted(asked.reason, asked.gateway, asked.dry_run)


def replay(settings: Settings, wanted: Wanted) -> dict[str, Outcome]:
    """Opens the stores and walks over the letters; raises SettingProblem, Unavailable and Rejected."""
    cipher = FieldCipher.from_file(settings.field_key_file)
    token = settings.readings_token.get_secret_value() if settings.readings_token else None
    with ExitStack() as stores:
        readings = stores.enter_context(closing(open_readings(settings.readings_url, token)))
        ledger = stores.enter_context(closing(open_ledger(settings.ledger_url)))
        telemetry = stores.enter_context(closing(open_telemetry(settings.telemetry_url)))
        for store in (ledger, telemetry):
            check_schema(store)
        return Replay(
            key_of=KeyRing(key_finder(ledger, cipher)).key_of,
            writer=Writer(readings, lambda: False),
            telemetry=telemetry,
            latest=Latest(telemetry, now_ms),
            clock=now_ms,
        ).run(wanted)


def lines(found: Mapping[str, Outcome], *, is_dry: bool) -> list[str]:
    """What is said of each reason."""
    went = "would be replayed" if is_dry else "replayed"
    told = []
    for reason, outcome in sorted(found.items()):
        why = ", ".join(f"{count} {word}" for word, count in sorted(outcome.refused.items()))
        still = f"{outcome.refused.total()} still refused" + (f" ({why})" if why else "")
        told.append(
            f"{reason}: {outcome.replayed} {went}, {still}, {outcome.cut} cut (only the gateway has them whole)"
        )
    return told or ["There is no such letter."]


def _gateway(text: str) -> str:
    if not IDENTIFIER.fullmatch(text):
        message = "not a gateway's id"
        raise argparse.ArgumentTypeError(message)
    return text
