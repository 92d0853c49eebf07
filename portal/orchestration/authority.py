"""Makes and keeps the gateways' certificate authority from the command line.

    python -m portal.orchestration.authority make FOLDER [--demo] [--name NAME]
    python -m portal.orchestration.authority server FOLDER OUT HOST…
    python -m portal.orchestration.authority crl FOLDER [FILE]

`server` writes OUT/server.crt and OUT/server.key for a broker that gateways reach under these names. `crl` writes the
list of revoked certificates from the ledger at SHEETAL_LEDGER_URL, to FOLDER/gateways.crl unless a file is named.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings, SettingsConfigDict

from portal.orchestration.gateway_ca import LIST_NAME, Authority, make_authority, make_server_certificate
from portal.orchestration.revocations import write_list
from sheetal.contracts.clock import now_ms as clock_now_ms
from sheetal.contracts.problem import Problem
from sheetal.ledger import enrolment
from sheetal.ledger.connect import open_ledger
from sheetal.settings import PREFIX, checked

if TYPE_CHECKING:
    from collections.abc import Sequence


class LedgerSettings(BaseSettings):
    """Where the ledger is."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    ledger_url: str


def main(arguments: Sequence[str] | None = None) -> int:
    """One act; 0 when done, 2 with one line when not."""
    chosen = _parse(arguments)
    try:
        said = chosen.act(chosen, clock_now_ms())
    except Problem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 2
    sys.stdout.write(f"{said}\n")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m portal.orchestration.authority", description="The gateways' certificate authority."
    )
    acts = parser.add_subparsers(required=True, metavar="ACT")
    make = acts.add_parser("make", help="make a new authority")
    make.add_argument("folder", type=Path)
    make.add_argument("--demo", action="store_true", help="mark it as a demo one, refused outside a demo")
    make.add_argument("--name", default="Sheetal", help="the organisation whose gateways these are")
    make.set_defaults(act=_make)
    server = acts.add_parser("server", help="make a certificate for the broker itself")
    server.add_argument("folder", type=Path)
    server.add_argument("out", type=Path)
    server.add_argument("hosts", nargs="+", metavar="HOST", help="a name or address that gateways reach the broker by")
    server.set_defaults(act=_server)
    crl = acts.add_parser("crl", help="write the list of revoked certificates now")
    crl.add_argument("folder", type=Path)
    crl.add_argument("file", type=Path, nargs="?")
    crl.set_defaults(act=_crl)
    return parser.parse_args(arguments)


def _make(chosen: argparse.Namespace, now_ms: int) -> str:
    make_authority(chosen.folder, name=chosen.name, demo=chosen.demo, now_ms=now_ms)
    return f"The authority is in {chosen.folder}. Back ca.key up; give a broker only ca.pem and {LIST_NAME}."


def _server(chosen: argparse.Namespace, now_ms: int) -> str:
    authority = Authority.load(chosen.folder, demo_allowed=True, now_ms=now_ms)
    make_server_certificate(authority, chosen.out, chosen.hosts, now_ms)
    return f"server.crt and server.key are in {chosen.out}."


def _crl(chosen: argparse.Namespace, now_ms: int) -> str:
    authority = Authority.load(chosen.folder, demo_allowed=True, now_ms=now_ms)
    path = chosen.file or chosen.folder / LIST_NAME
    with closing(open_ledger(checked(LedgerSettings).ledger_url)) as ledger, ledger.read() as conn:
        revoked = enrolment.revoked_serials(conn, now_ms)
    write_list(authority, path, revoked, now_ms)
    return f"{path} names {len(revoked)} certificates. Tell the broker to read it again (SIGHUP)."


if __name__ == "__main__":
    sys.exit(main())
