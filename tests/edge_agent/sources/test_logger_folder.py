from __future__ import annotations

import hashlib
import json
import os
import shutil
import tracemalloc
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from edge_agent.settings.source import LoggerFolderSetting, LoggerProbe
from edge_agent.sources import logger_folder
from edge_agent.sources.csv_file import CsvOptions
from edge_agent.sources.logger_file import parse_logger_file
from edge_agent.sources.logger_folder import FileReport, LoggerFolderSource
from sheetal.contracts.reading import Quality
from tests.edge_agent.exports import REAL
from tests.edge_agent.kit import GATEWAY, until
from tests.edge_agent.sources.rigs import KeepingSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.sources.logged_file import LoggedFile

CSV = "time,celsius\n2026-09-01T00:00:00Z,4.5\n2026-09-01T00:10:00Z,4.6\n"
ODD = "time,celsius\n2026-09-01T00:00:00Z,--.-\n2026-09-01T00:10:00Z,85.0\n2026-09-01T00:20:00Z,-127\nsoon,4\n"
TWO = "time,top,bottom\n2026-09-01 00:00,4.5,41\n2026-09-01 00:10,4.6,42\n"


class Stick:
    """A folder with a source that looks at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks: dict[str, str] = {}
        self.sink = KeepingSink()
        self.sources: list[LoggerFolderSource] = []

    def watch(self, *probes: LoggerProbe) -> LoggerFolderSource:
        setting = LoggerFolderSetting(
            folder=str(self.folder), interval_seconds=0.05, probe=probes or (LoggerProbe(probe="p"),)
        )
        made = LoggerFolderSource(GATEWAY, setting, self.marks.get)
        made.start(self._keep)
        self.sources.append(made)
        return made

    def _keep(self, observations: object) -> None:
        self.sink(observations)  # type: ignore[arg-type] # passed on
        for observation in self.sink.seen:
            self.marks.update(observation.marks)

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Stick]:
    made = Stick(tmp_path / "usb")
    made.folder.mkdir()
    yield made
    for source in made.sources:
        source.stop()


def test_a_csv_is_taken_in_once_under_whatever_name(stick: Stick) -> None:
    stick.put("a.csv", CSV)
    stick.watch()
    until(lambda: len(stick.sink.values()) == 2)
    stick.put("copy.csv", CSV)
    stick.put("deep/er/b.CSV", CSV.replace("4.6", "4.7"))
    until(lambda: len(stick.sink.values()) == 4)
    assert stick.sink.values() == [450, 460, 450, 470]
    assert all(observation.repeated and not observation.local for observation in stick.sink.seen)
    [mark] = stick.marks
    assert mark == f"logger_folder/{stick.folder}"
    assert hashlib.sha256(CSV.encode()).hexdigest() in json.loads(stick.marks[mark])


def test_after_a_restart_it_is_still_known(stick: Stick) -> None:
    stick.put("a.csv", CSV)
    stick.watch()
    until(lambda: len(stick.sink.values()) == 2)
    stick.sources[-1].stop()
    stick.watch()
    stick.put("b.csv", CSV.replace("4.6", "4.7"))
    until(lambda: len(stick.sink.values()) > 2)
    assert stick.sink.values() == [450, 460, 450, 470]


def test_a_probe_that_is_added_gets_what_the_old_files_hold(stick: Stick) -> None:
    stick.put("a.csv", TWO)
    stick.watch(LoggerProbe(probe="top", column="top"))
    until(lambda: len(stick.sink.values()) == 2)
    stick.sources[-1].stop()
    stick.watch(LoggerProbe(probe="top", column="top"), LoggerProbe(probe="bottom", column="bottom", fahrenheit=True))
    until(lambda: len(stick.sink.values()) == 6)
    assert stick.sink.values()[-2:] == [500, 556]


def test_a_file_whose_name_is_no_text_is_named_all_the_same(stick: Stick) -> None:
    stick.put(os.fsdecode(b"\xff.csv"), b"")
    source = stick.watch()
    until(lambda: len(source.report()) == 1)
    assert source.report()[0].name.encode() == "\ufffd.csv".encode()


def test_a_file_that_grows_is_taken_again_when_it_is_quiet(stick: Stick) -> None:
    path = stick.put("a.csv", CSV)
    stick.watch()
    until(lambda: len(stick.sink.values()) == 2)
    path.write_text(CSV + "2026-09-01T00:20:00Z,4.7\n")
    until(lambda: len(stick.sink.values()) == 5)
    assert stick.sink.values()[-1] == 470


def test_faults_are_named_and_a_bad_line_is_in_the_report(stick: Stick) -> None:
    stick.put("odd.csv", ODD)
    source = stick.watch()
    until(source.report)
    until(lambda: len(stick.sink.samples()) == 3)
    assert [(sample.centi_celsius, sample.quality) for sample in stick.sink.samples()] == [
        (None, Quality.NO_VALUE),
        (None, Quality.POWER_ON_VALUE),
        (None, Quality.OPEN_CIRCUIT),
    ]
    [report] = source.report()
    assert report.name == "odd.csv"
    assert "line 5" in report.why


def test_columns_and_names_map_to_probes(stick: Stick) -> None:
    stick.put("walkin-1.csv", TWO)
    stick.put("other.csv", CSV)
    source = stick.watch(
        LoggerProbe(probe="top", file="walkin-*.csv", column="top"),
        LoggerProbe(probe="bottom", file="walkin-*.csv", column="bottom", fahrenheit=True),
    )
    until(lambda: len(stick.sink.samples()) == 4)
    until(source.report)
    by_probe = {sample.sensor.partition(".")[2]: sample.centi_celsius for sample in stick.sink.samples()}
    assert by_probe == {"top": 460, "bottom": 556}
    assert source.report() == [FileReport("other.csv", "belongs to no probe of the settings")]
    # The settings' zone is India's: half past five hours before midnight.
    assert stick.sink.samples()[0].measured_at_ms % 86_400_000 == (18 * 60 + 30) * 60_000


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"\x00\x01\x02" * 100, "not a text file"),
        ("a.txt", b"hello\n", "no row below the header"),
        ("a.csv", TWO.encode(), "--column"),
    ],
)
def test_a_file_that_cannot_be_read_is_put_aside_and_named(stick: Stick, name: str, content: bytes, why: str) -> None:
    stick.put(name, content)
    source = stick.watch()
    until(source.report)
    [report] = source.report()
    assert report.name == name
    assert why in report.why
    stick.put("good.csv", CSV)
    until(lambda: stick.sink.values() == [450, 460])
    assert (stick.folder / name).read_bytes() == content


def test_a_file_that_is_too_large_is_put_aside(stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger_folder, "FILE_BYTES_MAX", 10)
    stick.put("a.csv", CSV)
    source = stick.watch()
    until(source.report)
    assert "larger than" in source.report()[0].why
    assert stick.sink.seen == []


def test_links_pipes_and_other_files_are_left_alone(stick: Stick, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(CSV.replace("4.5", "1.0"))
    (stick.folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(stick.folder / "pipe.csv")
    stick.put("report.pdf", b"%PDF")
    stick.put(".hidden.csv", CSV.replace("4.5", "2.0"))
    stick.put("a.csv", CSV)
    stick.watch()
    until(lambda: len(stick.sink.values()) == 2)
    assert stick.sink.values() == [450, 460]


def test_a_folder_of_thousands_is_bounded(stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger_folder, "FILES_MAX", 3)
    monkeypatch.setattr(logger_folder, "REPORT_MAX", 2)
    monkeypatch.setattr(logger_folder, "TAKEN_MAX", 2)
    for number in range(5):
        stick.put(f"{number}.csv", CSV.replace("4.6", f"{number}"))
    source = stick.watch()
    until(lambda: len(stick.sink.values()) == 6)
    for number in range(5):
        stick.put(f"{number}.csv", "")
    until(lambda: len(source.report()) == 2 and source.report()[-1].name == "2.csv")
    # Beside the files' marks stands the one of the settings that they were read under.
    assert {
        len(json.loads(observation.marks[mark])) - 1 for observation in stick.sink.seen for mark in observation.marks
    } == {1, 2}


def test_a_large_file_comes_in_pieces_and_is_known_only_when_all_are_kept(
    stick: Stick, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger_folder, "ROWS_AT_ONCE", 10)
    rows = "".join(f"2026-09-01T{minute // 60:02}:{minute % 60:02}:00Z,4.5\n" for minute in range(95))
    stick.put("a.csv", "time,celsius\n" + rows)
    stick.watch()
    until(lambda: len(stick.sink.values()) == 95)
    assert [bool(observation.marks) for observation in stick.sink.seen] == [False] * 9 + [True]


def test_what_one_probe_has_of_a_file_is_handed_over_before_it_is_read_for_the_next(
    stick: Stick, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_before: list[int] = []

    def parse(data: bytes, options: CsvOptions) -> LoggedFile:
        kept_before.append(len(stick.sink.values()))
        return parse_logger_file(data, options)

    monkeypatch.setattr(logger_folder, "parse_logger_file", parse)
    monkeypatch.setattr(logger_folder, "ROWS_AT_ONCE", 10)
    rows = "".join(f"2026-09-01T00:{minute:02}:00Z,4.5\n" for minute in range(45))
    stick.put("a.csv", "time,celsius\n" + rows)
    stick.watch(LoggerProbe(probe="p"), LoggerProbe(probe="q"), LoggerProbe(probe="r"))
    until(lambda: len(stick.sink.values()) == 135)
    assert kept_before[0] == 0
    assert kept_before[1] >= 40
    assert kept_before[2] >= 85


def test_the_largest_file_fits_into_the_memory_that_the_unit_allows() -> None:
    share = 4
    line = "2026-{:02}-{:02}T{:02}:{:02}:00Z,4.5\n"
    minutes = range(logger_folder.FILE_BYTES_MAX // share // len(line.format(1, 1, 1, 1)))
    lines = (line.format(1 + n // 40_320, 1 + n // 1_440 % 28, n // 60 % 24, n % 60) for n in minutes)
    data = ("time,celsius\n" + "".join(lines)).encode()
    tracemalloc.start()
    try:
        file = parse_logger_file(data, CsvOptions(ZoneInfo("Asia/Kolkata"), None, fahrenheit=False))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(file.rows) == len(minutes)
    assert most * share < 48e6


@pytest.mark.stack
def test_real_exports_of_fridge_tags_are_taken_in(stick: Stick) -> None:
    exports = sorted(REAL.rglob("*.txt"))
    assert exports
    source = stick.watch()
    for number, export in enumerate(exports):
        shutil.copy(export, stick.folder / f"{number}-{export.name}")
    known = f"logger_folder/{stick.folder}"
    until(lambda: len(json.loads(stick.marks.get(known, "[]"))) + len(source.report()) >= len(exports), seconds=60)
    assert any(observation.days for observation in stick.sink.seen)
    assert {sample.sensor for sample in stick.sink.samples()} <= {f"{GATEWAY}.p"}
