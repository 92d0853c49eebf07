from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.promises import Found, Promises, Said, Word, broken, contents, covered_by
from edge_agent.outbox.outbox import Outbox
from edge_agent.sample import Sample
from sheetal.contracts.batch import Ack

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = ("gw.a", 1, 400), ("gw.a", 2, 401)


def said(*events: Said) -> Promises:
    promises = Promises()
    for event in events:
        promises.note(event)
    return promises


OFFERED = Said(Word.OFFERED, frozenset({ONE, TWO}))
KEPT = [OFFERED, Said(Word.KEPT)]
SETTLING = Said(Word.SETTLING, frozenset({ONE}))


@pytest.mark.parametrize(
    ("promises", "found", "problem"),
    [
        (said(*KEPT), {ONE: 0}, "1 kept and lost"),
        (said(*KEPT, SETTLING), {TWO: 0}, "1 kept and lost"),
        (said(*KEPT, Said(Word.FORGETTING), SETTLING), {TWO: 0}, "1 kept and lost"),
        (said(), {ONE: 0}, "1 there and never offered"),
        (said(OFFERED), {ONE: 0}, "1 of an unfinished add, without the rest of it"),
        (said(*KEPT), {ONE: 1, TWO: 0}, "1 settled and never acknowledged"),
    ],
)
def test_a_broken_promise_is_named(promises: Promises, found: dict[tuple[str, int, int], int], problem: str) -> None:
    assert promises.broken_by(Found(found)) == [problem]


@pytest.mark.parametrize(
    ("promises", "found"),
    [
        (said(), {}),
        (said(OFFERED), {}),
        (said(OFFERED), {ONE: 0, TWO: 0}),
        (said(*KEPT), {ONE: 0, TWO: 0}),
        (said(*KEPT, SETTLING), {ONE: 1, TWO: 0}),
        (said(*KEPT, SETTLING), {ONE: 0, TWO: 0}),
        (said(*KEPT, SETTLING, Said(Word.FORGETTING)), {TWO: 0}),
    ],
)
def test_a_promise_allows_what_it_must(promises: Promises, found: dict[tuple[str, int, int], int]) -> None:
    assert promises.broken_by(Found(found)) == []


def test_a_calm_reading_may_be_told_by_a_span_and_no_other() -> None:
    promises = said(OFFERED, Said(Word.KEPT, calm={ONE: (7, 1)}))
    assert promises.broken_by(Found({TWO: 0}, frozenset({(7, 1)}))) == []
    assert promises.broken_by(Found({TWO: 0}, frozenset({(7, 2)}))) == ["1 kept and lost"]
    assert promises.broken_by(Found({ONE: 0}, frozenset({(7, 1), (7, 2)}))) == ["1 kept and lost"]


def test_what_a_full_outbox_refused_must_not_be_there() -> None:
    promises = said(OFFERED, Said(Word.REFUSED))
    assert promises.broken_by(Found({})) == []
    assert promises.broken_by(Found({ONE: 0})) == ["1 there and never offered"]


def test_spans_tell_what_they_stand_for(tmp_path: Path) -> None:
    file = tmp_path / "outbox.db"
    with closing(Outbox(file, rows_max=1_000, clock=lambda: 1_790_000_000_000)) as outbox:
        for number in range(1_100):
            outbox.add_rows([Sample("gw.a", 1_780_000_000_000 + number * 10_000, 400, 0)])
        boot = outbox.boot
    found = contents(file)
    assert len(found.names) < 1_000
    gone = 1_100 - len(found.names)
    assert len(found.covered) == gone > 50
    assert {key[0] for key in found.covered} == {boot}
    with closing(sqlite3.connect(file)) as connection:
        (body,) = connection.execute("SELECT body FROM item WHERE kind = 'thinned' LIMIT 1").fetchone()
    assert set(covered_by(body)) <= found.covered


def test_the_real_outbox_is_booted_and_asked(tmp_path: Path) -> None:
    file = tmp_path / "outbox.db"
    with closing(Outbox(file)) as outbox:
        outbox.add_rows([Sample("gw.a", 1, 400, 0), Sample("gw.a", 2, 401, 0)])
        outbox.apply_ack(Ack(gateway="gw", boot=outbox.boot, stored=[(1, 1)]))
        boot = outbox.boot
    assert contents(file) == Found({ONE: 1, TWO: 0})
    assert broken(file, said(*KEPT, SETTLING, Said(Word.BOOTED, boot=boot))) == []
    promises = said(*KEPT, SETTLING, Said(Word.BOOTED, boot=1 << 50))
    assert broken(file, promises) == [
        "1 there and never offered",
        "its boot is not larger than an earlier one",
        "it takes no reading",
    ]


def test_a_file_that_is_no_outbox_does_not_open(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"no database" * 100)
    (problem,) = broken(tmp_path / "outbox.db", Promises())
    assert problem.startswith("it does not open")
