from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks import outbox_ratio
from benchmarks.__main__ import BENCHES
from benchmarks.outbox_ratio import BareWriter, OutboxWriter, grouped, measure, run, take_turns

if TYPE_CHECKING:
    from pathlib import Path


def test_the_figure_is_measured_and_says_what_it_is_held_against(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_ratio, "run", lambda readings, shape: run(readings, shape, 5))
    figure = measure(readings=200)
    assert (figure.goal, figure.better, len(figure.runs)) == (0.5, "higher", 5)
    assert 0.0 < figure.value < 2.0
    assert figure.limit_value > 0
    assert "commits of 5" in figure.limit
    assert BENCHES["edge.outbox_over_sqlite_full"] is measure


def test_every_group_is_one_probes_and_no_two_readings_share_a_key() -> None:
    groups = grouped(400, 5)
    assert {len(group) for group in groups} == {5}
    assert all(len({row.sensor for row in group}) == 1 for group in groups)
    assert len({(row.sensor, row.measured_at_ms) for group in groups for row in group}) == 400
    assert len({row.sensor for group in groups for row in group}) == outbox_ratio.PROBES
    assert sum(map(len, grouped(13, 5))) == 13


def test_both_keep_the_same_readings(tmp_path: Path) -> None:
    groups = grouped(123, 5)
    with closing(OutboxWriter(tmp_path, 10)) as outbox, closing(BareWriter(tmp_path)) as bare:
        both = take_turns(groups, outbox, bare, outbox_first=True)
        assert both.outbox > 0
        assert both.bare > 0
    ours, theirs = (sqlite3.connect(tmp_path / name) for name in ("outbox.db", "bare.db"))
    with closing(ours), closing(theirs):
        kept = ours.execute("SELECT sequence, source, measured_at_ms, value, quality FROM item ORDER BY sequence")
        limit = theirs.execute("SELECT sequence, sensor, measured_at_ms, centi_celsius, quality FROM reading")
        assert kept.fetchall() == limit.fetchall()
        assert ours.execute("SELECT count(*) FROM item WHERE state = 1").fetchone() == (120,)


@pytest.mark.parametrize("outbox_first", [True, False])
def test_each_goes_first_in_every_second_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, outbox_first: bool
) -> None:
    order: list[str] = []
    for writer in (OutboxWriter, BareWriter):
        monkeypatch.setattr(writer, "write", lambda self, _groups: order.append(type(self).__name__))
        monkeypatch.setattr(writer, "kept", lambda _self: 20)
    monkeypatch.setattr(outbox_ratio, "SLICES", 2)
    with closing(OutboxWriter(tmp_path, 10)) as outbox, closing(BareWriter(tmp_path)) as bare:
        take_turns(grouped(20, 5), outbox, bare, outbox_first=outbox_first)
    one, other = ("OutboxWriter", "BareWriter") if outbox_first else ("BareWriter", "OutboxWriter")
    assert order == [one, other, other, one]


def test_a_writer_that_lost_something_is_no_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BareWriter, "kept", lambda _self: 19)
    with (
        closing(OutboxWriter(tmp_path, 10)) as outbox,
        closing(BareWriter(tmp_path)) as bare,
        pytest.raises(RuntimeError, match="BareWriter kept 19 of 20"),
    ):
        take_turns(grouped(20, 5), outbox, bare, outbox_first=True)


def test_other_shapes_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(outbox_ratio, "REPEATS", 1)
    assert outbox_ratio.main(["40"]) == 0
    assert "commits of 500, acks of 500" in capsys.readouterr().out
