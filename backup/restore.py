"""Puts a backup in the place of lost stores, and has every gateway asked for what came after it.

What gateways sent since the backup comes again by itself: each keeps it for weeks. Acts of people since then, doses
among them, were nowhere else: where an outside seal is at hand, how many there were is told.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete

from backup import postgres, readings, sqlite_copy
from backup.make import together, urls_of
from backup.manifest import Kind, PartKind, instant
from backup.verify import verify
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import Refused, SettingProblem
from sheetal.ledger import audit, resend_wishes
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.judgement_tables import lease
from sheetal.ledger.schema import knows_revision, upgrade
from sheetal.readings.connect import open_readings
from sheetal.readings.port import YEAR_2100_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL

    from backup.manifest import Manifest, Part
    from backup.settings import DataSettings
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.seals import Seal

    Say = Callable[[str], None]

MARGIN_MS = HOUR_MS
"""So much further back than the backup's beginning gateways are asked for: their clocks may be wrong."""
FACILITIES_A_TRANSACTION = 500
ACTOR = "backup"


class Wanted(NamedTuple):
    """How to restore: over what stands there, and how many gateways a minute are asked."""

    replaces: bool = False
    gateways_a_minute: int = 600
    seal: Seal | None = None


def restore(folder: Path, settings: DataSettings, wanted: Wanted, clock: Clock, say: Say) -> Manifest:
    """Verify, put back, upgrade, and mark what is to be asked for; raises SettingProblem, Refused and Unavailable.

    Nothing is touched before all targets are known to be unused, and empty unless `replaces` allows them not to be.
    Broken off, it is begun anew with `replaces`.
    """
    found = verify(folder, say, wanted.seal)
    if found.kind is not Kind.DATA:
        raise Refused(f"{folder} holds keys", next_step="use restore-keys", reason="kind")
    if not knows_revision(found.revision):
        raise Refused(
            f"the backup is of schema {found.revision}, which this program does not know",
            next_step="restore with the release that made it, or a newer one",
            reason="schema",
        )
    urls = urls_of(settings)
    databases = [(found.part(stores[0]), stores) for stores in together(urls)]
    _check_targets(folder, databases, settings, wanted)
    for part, stores in databases:
        if part.kind is PartKind.SQLITE:
            sqlite_copy.put_back(folder / part.name, Path(urls[stores[0]].database or ""))
        else:
            postgres.put_back(folder / part.name, urls[stores[0]], stores)
        say(f"{part.name} is back")
    upgrade(settings.ledger_url, settings.telemetry_url)
    _restore_readings(folder, found, settings, wanted, say)
    asked = _have_gateways_asked(found, settings, wanted, clock())
    say(f"{asked} gateways will be asked for everything since {instant(found.began_at_ms - MARGIN_MS)}")
    return found


def _check_targets(
    folder: Path, databases: list[tuple[Part, list[str]]], settings: DataSettings, wanted: Wanted
) -> None:
    urls = urls_of(settings)
    for part, stores in databases:
        if sorted(part.stores) != sorted(stores) or urls[stores[0]].get_backend_name() != part.kind.value:
            raise SettingProblem(
                f"SHEETAL_{stores[0].upper()}_URL names another kind of database than {part.name} was made of",
                next_step="restore into the same kind, SQLite or one PostgreSQL database",
                variable=f"SHEETAL_{stores[0].upper()}_URL",
            )
    with closing(open_readings(settings.readings_url, settings.token)) as store:
        readings.check_answers(store)
        if not wanted.replaces and not readings.is_empty(store, folder / "readings.jsonl.gz"):
            raise _not_empty("readings")
    for part, stores in databases:
        _check_target(part, urls[stores[0]], stores, wanted)


def _check_target(part: Part, url: URL, stores: list[str], wanted: Wanted) -> None:
    file = Path(url.database or "")
    is_sqlite = part.kind is PartKind.SQLITE
    if not wanted.replaces and not (sqlite_copy.is_empty(file) if is_sqlite else postgres.is_empty(url, stores)):
        raise _not_empty(" and ".join(stores))
    if is_sqlite:
        sqlite_copy.check_unused(file)
    else:
        postgres.check_unused(url)


def _restore_readings(folder: Path, found: Manifest, settings: DataSettings, wanted: Wanted, say: Say) -> None:
    with closing(open_readings(settings.readings_url, settings.token)) as store:
        if wanted.replaces:
            store.expire(YEAR_2100_MS)
        readings.restore(store, folder / found.part("readings").name, say)


def _have_gateways_asked(found: Manifest, settings: DataSettings, wanted: Wanted, now_ms: int) -> int:
    """Marks the gateways, ends leases of processes that are gone, and says so in every facility's chain."""
    with closing(open_ledger(settings.ledger_url)) as ledger:
        with ledger.write() as conn:
            conn.execute(delete(lease))
            since_ms = found.began_at_ms - MARGIN_MS
            asked = resend_wishes.wish_all(conn, since_ms, now_ms, wanted.gateways_a_minute)
            places = [head.facility_id for head in audit.heads(conn)]
        for first in range(0, len(places), FACILITIES_A_TRANSACTION):
            with ledger.write() as conn:
                for place in places[first : first + FACILITIES_A_TRANSACTION]:
                    told = {"backup_began_at_ms": found.began_at_ms, "backup_ended_at_ms": found.ended_at_ms}
                    audit.append(conn, place, AuditEntry(now_ms, ACTOR, "restored_backup", place, told))
    return asked


def _not_empty(what: str) -> Refused:
    return Refused(f"the {what} to restore into hold rows", next_step="add --replace to lose them", reason="not_empty")
