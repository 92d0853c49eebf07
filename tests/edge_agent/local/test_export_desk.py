from __future__ import annotations

import csv
import errno
import hashlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from edge_agent.local.export_desk import DOWNLOADS_MAX, Progress
from edge_agent.local.record import Entry
from edge_agent.local.usb import find_sticks
from tests.edge_agent.kit import MINUTE_MS, T0_MS, until
from tests.edge_agent.local.kit import Stage, probe, setting, stage

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.outbox.history import Told

SENSORS = ("gw-t.ilr1-tvc", "gw-t.b")


@pytest.fixture
def here(tmp_path: Path) -> Stage:
    (tmp_path / "STICK").mkdir()
    made = stage(tmp_path, [probe(460), probe(500, setting("b"))])
    for number in range(10):
        made.memory.put(SENSORS[0], T0_MS - number * MINUTE_MS, 400 + number)
        made.memory.put(SENSORS[1], T0_MS - 40 * 86_400_000 - number * MINUTE_MS, 700)
    made.memory.put(SENSORS[0], T0_MS - 70 * 86_400_000, 111)
    made.memory.missing = {(7, 3)}
    made.record._keep(SENSORS[0], [Entry(T0_MS - 1, T0_MS, 400, 409, 0, 10, T0_MS)])
    return made


def save(here: Stage, stick: str | None = None) -> Progress:
    token = here.token()
    if stick is None:
        stick = find_sticks(here.export._parts.roots, lambda path: path.name.startswith("STICK"))[0].id
    told = here.post("/gw/setup/export", f"{here.form(token)}&stick={stick}", token)
    assert told.status == 303
    until(lambda: here.export.progress.state != "running")
    return here.export.progress


def test_everything_of_sixty_days_lands_on_the_stick_with_its_sums(here: Stage, tmp_path: Path) -> None:
    progress = save(here)
    assert progress.state == "done"
    folder = tmp_path / "STICK" / progress.name
    assert progress.name == "sheetal-gw-t-20260921-1943"
    assert sorted(file.name for file in folder.iterdir()) == [
        "SHA256SUMS",
        "gw-t.b.csv",
        "gw-t.ilr1-tvc.csv",
        "record.csv",
    ]
    rows = list(csv.DictReader((folder / "gw-t.ilr1-tvc.csv").read_text().splitlines()))
    assert [row["celsius"] for row in rows] == [f"4.0{9 - number}" for number in range(10)]
    assert [row["received_by_portal"] for row in rows].count("no") == 1
    assert len((folder / "gw-t.b.csv").read_text().splitlines()) == 11
    assert "4.00,4.09" in (folder / "record.csv").read_text()
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    token = here.token()
    assert f"Saved as {progress.name}" in here.get("/gw/setup", token).body.decode()
    assert here.memory.rows[SENSORS[0]]


@pytest.mark.parametrize("stick", ["", "0" * 16, "../../etc", "/etc", "%2Fetc"])
def test_only_a_stick_that_is_there_is_written_to(here: Stage, tmp_path: Path, stick: str) -> None:
    assert save(here, stick) == Progress("gone")
    assert [path.name for path in (tmp_path / "STICK").iterdir()] == []
    assert "The stick was pulled out" in here.get("/gw/setup", here.token()).body.decode()


@pytest.mark.parametrize(("number", "word"), [(errno.ENOSPC, "full"), (errno.EROFS, "read_only"), (errno.EIO, "gone")])
def test_every_trouble_is_told_in_words(here: Stage, tmp_path: Path, number: int, word: str) -> None:
    def broken(*_: object) -> list[Told]:
        raise OSError(number, "trouble")

    here.memory.history = broken  # type: ignore[method-assign]  # the stick of this test
    assert save(here) == Progress(word)
    assert list((tmp_path / "STICK").iterdir()) == []
    assert 'role="alert"' in here.get("/gw/setup", here.token()).body.decode()


def test_readings_that_cannot_be_read_leave_no_half_truth(here: Stage, tmp_path: Path) -> None:
    def broken(*_: object) -> list[Told]:
        raise sqlite3.OperationalError("disk I/O error")

    here.memory.history = broken  # type: ignore[method-assign]  # the disk of this test
    assert save(here) == Progress("memory")
    assert list((tmp_path / "STICK").iterdir()) == []


def test_one_save_at_a_time_and_its_progress_is_shown(here: Stage) -> None:
    may_go, real = threading.Event(), here.memory.history

    def slow(*asked: object) -> list[Told]:
        may_go.wait(10)
        return real(*asked)  # type: ignore[arg-type]  # as it was asked

    here.memory.history = slow  # type: ignore[method-assign]  # a slow disk
    token = here.token()
    stick = find_sticks(here.export._parts.roots, lambda path: path.name == "STICK")[0].id
    for _ in range(3):
        here.post("/gw/setup/export", f"{here.form(token)}&stick={stick}", token)
    assert here.export.progress == Progress("running", 0, 120)
    told = here.get("/gw/setup", token).body.decode()
    assert "Saving: 0 of 120 days" in told
    assert '<progress max="120" value="0">' in told
    assert sum(thread.name == "export" for thread in threading.enumerate()) == 1
    may_go.set()
    until(lambda: here.export.progress.state == "done")


def test_the_browser_gets_the_same_readings(here: Stage) -> None:
    token = here.token()
    told = here.get("/gw/setup/readings.csv", token)
    assert told.kind.startswith("text/csv")
    assert 'attachment; filename="sheetal-gw-t-20260921-1943.csv"' in dict(told.headers)["Content-Disposition"]
    assert told.chunks is not None
    rows = list(csv.DictReader((told.body + b"".join(told.chunks)).decode().splitlines()))
    assert len(rows) == 20
    assert {row["sensor"] for row in rows} == set(SENSORS)


def test_downloads_are_few_at_a_time_and_give_their_place_back(here: Stage) -> None:
    token = here.token()
    going = [here.get("/gw/setup/readings.csv", token) for _ in range(DOWNLOADS_MAX)]
    assert here.get("/gw/setup/readings.csv", token).status == 503
    for told in going:
        assert told.chunks is not None
        told.chunks.close()
    assert here.get("/gw/setup/readings.csv", token).status == 200


def test_without_a_stick_it_says_so(tmp_path: Path) -> None:
    here = stage(tmp_path, [probe(460)])
    assert "No USB stick is plugged in" in here.get("/gw/setup", here.token()).body.decode()
    assert "USB" in here.get("/gw/setup?lang=hi", here.token()).body.decode()


def test_an_odd_name_of_a_stick_breaks_no_page(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/STICK\xff<script>")  # noqa: PTH102 - bytes that no text can name
    here = stage(tmp_path, [probe(460)])
    told = here.get("/gw/setup", here.token()).body.decode()
    assert "STICK\ufffd&lt;script&gt;" in told
