from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.promises import Promises, Said, Word, broken, contents
from edge_agent.outbox import Outbox
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
    assert promises.broken_by(found) == [problem]


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
    assert promises.broken_by(found) == []


def test_the_real_outbox_is_booted_and_asked(tmp_path: Path) -> None:
    file = tmp_path / "outbox.db"
    with closing(Outbox(file)) as outbox:
        outbox.add_rows([Sample("gw.a", 1, 400, 0), Sample("gw.a", 2, 401, 0)])
        outbox.apply_ack(Ack(gateway="gw", boot=outbox.boot, stored=[(1, 1)]))
        boot = outbox.boot
    assert contents(file) == {ONE: 1, TWO: 0}
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
