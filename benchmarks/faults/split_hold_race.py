"""Holds against splits, transfers, receipts and releases, at once, on PostgreSQL: afterwards nothing is usable.

Each try has a lot and a holding of its own. In threads, each in its own transaction: a hold (by verdict, or by an order
on the whole lot), and what could let stock escape it. A hold that the server refuses for a deadlock is tried again, as
the engine does; the others need not come through. Then every holding of the lot must be unusable, refuse a dose, and no
dose may be made or lost.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.disposition import USABLE, Disposition, EvidenceKind
from sheetal.contracts.problem import Refused, Unavailable
from sheetal.ledger import decisions, holdings, judgement_writes, lot_orders, rejudge, schema, stock
from sheetal.ledger.attachments import attach
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.decision_rules import ReasonCode, Signature, Wish
from sheetal.ledger.proofs import OtherFacts
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, NOW_MS, OTHER_FACILITY, PRODUCT
from tests.stack.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

FULL = 10_000
GROUP = 500
HOW = (
    "on PostgreSQL, each try in 3 or 4 threads: a hold by verdict or by an order on the lot against splits, splits of "
    "a split, a move to another facility, a receipt, a signed release; afterwards every holding of the lot unusable "
    "and refusing a dose, no dose made or lost"
)
DOSES = 10
TRIES_MAX = 20
HEAD_START_SECONDS = 0.004
FILES, SERVER = "sqlite", "postgresql"
BY = Signature(actor="dr-asha", role="medical_officer", facility_id=FACILITY, at_ms=NOW_MS)


class Try(NamedTuple):
    """One try: its labels, and the acts that meet; the first is the hold."""

    lot: str
    root: str
    received: int
    acts: tuple[Callable[[Connection], object], ...]


def run(first: int, count: int, kind: str = SERVER) -> int:
    """Races number `first` and on; after how many something was usable."""
    failed = 0
    for start in range(first, first + count, GROUP):
        size = min(GROUP, first + count - start)
        with furnished(kind) as ledger, ThreadPoolExecutor(4) as threads:
            failed += sum(not holds(ledger, threads, start + number) for number in range(size))
    return failed


def holds(ledger: Ledger, threads: ThreadPoolExecutor, number: int) -> bool:
    """Whether the hold of this race let nothing escape."""
    made = prepared(ledger, number)
    chance = random.Random(f"race {number}")
    start = threading.Barrier(len(made.acts))

    def play(place: int, late_seconds: float) -> None:
        start.wait()
        time.sleep(late_seconds)
        for _ in range(TRIES_MAX if place == 0 else 1):
            if attempt(ledger, made.acts[place]):
                return

    waits = [chance.random() * HEAD_START_SECONDS for _ in made.acts]
    for done in [threads.submit(play, place, wait) for place, wait in enumerate(waits)]:
        done.result()
    told = wrong(ledger, made)
    if told:
        print(f"  race {number}: {'; '.join(told)}", flush=True)
    return not told


def attempt(ledger: Ledger, act: Callable[[Connection], object]) -> bool:
    """Play one act in a transaction of its own; False when the server could not serve it now."""
    try:
        with ledger.write() as conn:
            act(conn)
    except Unavailable:
        return False
    except Refused:
        return True
    return True


def wrong(ledger: Ledger, made: Try) -> list[str]:
    """What stands of the lot that should not."""
    seeds.judge(ledger)
    with ledger.read() as conn:
        all_of_it = stock.holdings_of_lot(conn, made.lot)
    told = [f"{one.id} is {one.disposition}" for one in all_of_it if one.disposition in USABLE]
    told += [f"{one.id} gave a dose" for one in all_of_it if gives(ledger, one)]
    left = sum(one.doses_left for one in all_of_it if one.id != f"{made.root}-R")
    return told if left == made.received else [*told, f"{made.received} doses became {left}"]


def gives(ledger: Ledger, one: stock.Holding) -> bool:
    """Whether the gate opens for a dose; it is put back."""
    try:
        with ledger.write() as conn:
            holdings.take_dose(conn, one.id, one.facility_id, PRODUCT, NOW_MS)
            conn.rollback()
    except Refused:
        return False
    return True


def prepared(ledger: Ledger, number: int) -> Try:
    """The stock of one race, judged and usable (or under assessment, for a release), and its acts."""
    root, lot = f"H-{number}", f"{PRODUCT}/B-{number}"
    with ledger.write() as conn:
        stock.add_lot(conn, seeds.lot(lot), NOW_MS)
        args = (DOSES, seeds.APPLIANCE, EvidenceKind.TELEMETRY, NOW_MS - 9, NOW_MS - 9, ACTOR)
        stock.receive_holding(conn, root, lot, FACILITY, *args)
        split(conn, root, f"{root}-C", seeds.APPLIANCE, NOW_MS - 5)
        rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 100)])
    return KINDS[number % len(KINDS)](ledger, lot, root)


def _hold_and_split(_ledger: Ledger, lot: str, root: str) -> Try:
    parts = (
        lambda conn: split(conn, root, f"{root}-D", seeds.APPLIANCE),
        lambda conn: split(conn, f"{root}-C", f"{root}-E", seeds.CARRIER),
    )
    return Try(lot, root, DOSES, (lambda conn: hold(conn, root), *parts))


def _hold_and_transfer(_ledger: Ledger, lot: str, root: str) -> Try:
    def go_on(conn: Connection) -> None:
        split(conn, f"{root}-C", f"{root}-D", seeds.OTHER_APPLIANCE)
        split(conn, f"{root}-D", f"{root}-E", seeds.OTHER_APPLIANCE, doses=1)

    return Try(lot, root, DOSES, (lambda conn: hold(conn, root), lambda conn: move(conn, f"{root}-C"), go_on))


def _order_and_arrivals(_ledger: Ledger, lot: str, root: str) -> Try:
    args = (DOSES, seeds.OTHER_APPLIANCE, EvidenceKind.TELEMETRY, NOW_MS, NOW_MS, ACTOR)
    acts = (
        lambda conn: order(conn, lot),
        lambda conn: stock.receive_holding(conn, f"{root}-R", lot, OTHER_FACILITY, *args),
        lambda conn: split(conn, f"{root}-C", f"{root}-D", seeds.APPLIANCE),
        lambda conn: move(conn, root),
    )
    return Try(lot, root, DOSES, acts)


def _order_and_release(ledger: Ledger, lot: str, root: str) -> Try:
    """A release that is signed just before the order is overtaken by it, one after it is refused."""
    wish = _assessed(ledger, root)
    acts = (
        lambda conn: order(conn, lot),
        lambda conn: decisions.propose(conn, root, wish, BY, DOSES),
        lambda conn: split(conn, root, f"{root}-D", seeds.APPLIANCE),
    )
    return Try(lot, root, DOSES, acts)


def _verdict_and_release(ledger: Ledger, lot: str, root: str) -> Try:
    """As `_order_and_release`, with a verdict that nobody has seen in place of the order."""
    wish = _assessed(ledger, root)
    acts = (
        lambda conn: hold(conn, root, judgement_writes.append_verdict(conn, seeds.verdict(root), NOW_MS)),
        lambda conn: decisions.propose(conn, root, wish, BY, DOSES),
        lambda conn: split(conn, f"{root}-C", f"{root}-D", seeds.APPLIANCE),
    )
    return Try(lot, root, DOSES, acts)


def _assessed(ledger: Ledger, root: str) -> Wish:
    """A holding under assessment with its proof, and the release that somebody is about to sign."""
    with ledger.write() as conn:
        holdings.set_disposition(conn, root, Disposition.QUARANTINED, ACTOR, "smudged", NOW_MS)
        holdings.set_disposition(conn, root, Disposition.UNDER_ASSESSMENT, ACTOR, "smudged", NOW_MS)
        proof = attach(conn, root, OtherFacts(text="the label reads well"), None, BY).id
        doses = stock.holding_by_id(conn, root).doses_left
    return Wish(
        target=Disposition.RELEASED,
        reason=ReasonCode.NOT_EXPOSED,
        comment="reads well",
        doses=doses,
        seen_verdict_id=None,
        attachments=(proof,),
    )


KINDS: tuple[Callable[[Ledger, str, str], Try], ...] = (
    _hold_and_split,
    _hold_and_transfer,
    _order_and_arrivals,
    _order_and_release,
    _verdict_and_release,
)


def hold(conn: Connection, root: str, verdict_id: int | None = None) -> None:
    """As the engine holds."""
    holdings.hold(conn, root, verdict_id, "engine", "frozen", NOW_MS)


def order(conn: Connection, lot: str) -> None:
    """As an authority holds."""
    words = lot_orders.Order(authority="drug controller", reference="DC/1", reason="particles")
    lot_orders.hold_lot(conn, lot, words, BY)


def split(conn: Connection, of: str, into: str, appliance: str, at_ms: int = NOW_MS, doses: int = 2) -> None:
    """Give part of a holding a label of its own."""
    kind = EvidenceKind.PACKED_CARRIER if appliance == seeds.CARRIER else EvidenceKind.TELEMETRY
    part = holdings.Split(holding_id=into, doses=doses, appliance_id=appliance, evidence_kind=kind, at_ms=at_ms)
    holdings.split_holding(conn, of, part, NOW_MS, ACTOR)


def move(conn: Connection, one: str) -> None:
    """Take a holding to the other facility."""
    holdings.move_holding(conn, one, seeds.OTHER_APPLIANCE, EvidenceKind.TELEMETRY, NOW_MS, NOW_MS, ACTOR)


@contextmanager
def furnished(kind: str) -> Iterator[Ledger]:
    """A fresh ledger with two facilities and their appliances."""
    with tempfile.TemporaryDirectory(prefix="sheetal-race-") as name, _address(Path(name), kind) as url:
        schema.upgrade(url, url if kind == SERVER else f"sqlite:///{name}/telemetry.db")
        with closing(open_ledger(url)) as ledger:
            seeds.furnish(ledger)
            yield ledger


@contextmanager
def _address(folder: Path, kind: str) -> Iterator[str]:
    if kind == FILES:
        yield f"sqlite:///{folder}/ledger.db"
        return
    with postgresql_server(folder) as url:
        yield url
