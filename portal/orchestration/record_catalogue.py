"""Records the catalogue's files in the ledger at SHEETAL_LEDGER_URL.

    python -m portal.orchestration.record_catalogue [FOLDER]

Recorded versions stay as they are; a product with a new one has all its stock judged again. Safe to repeat.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from portal.orchestration.authority import LedgerSettings
from sheetal.contracts import clock
from sheetal.contracts.problem import Problem
from sheetal.ledger.catalogue import load_catalogue, record_products
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.programme import SHIPPED_FOLDER
from sheetal.ledger.schema import check_schema
from sheetal.settings import checked

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 2 with one line for a file, a version or an address that is wrong."""
    said = "Record the catalogue in the ledger."
    parser = argparse.ArgumentParser(prog="python -m portal.orchestration.record_catalogue", description=said)
    parser.add_argument("folder", type=Path, nargs="?", default=SHIPPED_FOLDER)
    try:
        sys.stdout.write(record(parser.parse_args(arguments).folder, clock.now_ms()) + "\n")
    except Problem as problem:
        product = problem.facts.get("product")
        named = f"{product}: " if product else ""
        sys.stderr.write(f"{named}{problem.message}; {problem.next_step or 'correct it and try again'}\n")
        return 2
    return 0


def record(folder: Path, now_ms: int) -> str:
    """Record what is new, all of it or nothing; raises FileProblem, Refused, SettingProblem and Unavailable."""
    products = load_catalogue(folder)
    with closing(open_ledger(checked(LedgerSettings).ledger_url)) as ledger:
        check_schema(ledger)
        with ledger.write() as conn:
            renewed = record_products(conn, products, now_ms)
    return f"{len(products)} products read, {len(renewed)} with a new version: {', '.join(renewed) or 'none'}."


if __name__ == "__main__":
    sys.exit(main())
