from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from edge_agent.outbox.outbox import Outbox
from edge_agent.replay import replay
from edge_agent.replay.replay import main, probe_name
from edge_agent.sources.logged_file import LoggedFile
from sheetal.contracts.batch import Ack, Batch, RefusedRange
from sheetal.contracts.topics import Channel
from tests.edge_agent.exports import KOLKATA, NEW_YORK, REAL, Day, export
from tests.edge_agent.kit import GATEWAY, FakeIngest, everything, nothing, sequences, write_settings
from tests.edge_agent.portal_kit import FakePortal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.broker import EmbeddedBroker

ROOT = Path(__file__).parents[3]
FROZEN = "time,celsius\n" + "".join(
    f"2026-03-01 {10 + minute // 60}:{minute % 60:02d},{4.5 if minute < 10 else -1.2}\n" for minute in range(100)
)


class Stage:
    """Broker, ingest, portal and a gateway's settings: all that replay talks to."""

    def __init__(self, folder: Path, broker_url: str, ingest: FakeIngest, portal: FakePortal) -> None:
        self.folder = folder
        self.ingest = ingest
        self.portal = portal
        self.config = write_settings(folder, broker_url, gateway=f'portal_url = "{portal.url}"')

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def play(self, *arguments: str) -> int:
        return main([*arguments, "--config", str(self.config)])

    def stored(self) -> dict[tuple[str, int], int | None]:
        return {key: told[2] for key, told in self.ingest.stored.items()}


@pytest.fixture
def stage(tmp_path: Path, broker: EmbeddedBroker) -> Iterator[Stage]:
    with FakeIngest(broker.port) as ingest, FakePortal(ingest.batches) as portal:
        yield Stage(tmp_path, broker.url, ingest, portal)


def local_ms(text: str, zone: ZoneInfo = KOLKATA) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1_000)


def test_a_csv_goes_the_whole_way_and_comes_back_as_a_verdict(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage.play(stage.file("frozen.csv", FROZEN)) == 0
    stored = stage.stored()
    assert len(stored) == 100
    assert stored[f"{GATEWAY}.frozen", local_ms("2026-03-01 10:00")] == 450
    assert stored[f"{GATEWAY}.frozen", local_ms("2026-03-01 11:39")] == -120
    told = capsys.readouterr().out
    assert "frozen.csv: rows 100, day summaries 0, sensor gw-t.frozen" in told
    assert "local times are read as Asia/Kolkata" in told
    assert "all 100 are stored and acknowledged by ingest" in told
    assert "at or below -0.5 °C  2026-03-01 10:10 to 2026-03-01 11:39 (89 min): confirmed 89 min" in told
    assert "what-if, written nowhere" in told
    assert "HOLD: at or below -0.5 °C for 89 min confirmed" in told


def test_a_fridge_tag_export_goes_by_its_serial_with_rows_and_days(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "\t2026-03-01 10:00\t4.1\n\t2026-03-01 10:05\t--.-\tx\n\t2026-03-01 10:10\t4.3\n"
    below = "t Acc: 95, TS A: 03:30, C A: 0"
    assert stage.play(stage.file("any name.txt", export(Day(), Day("2026-03-01", below=below), rows=rows))) == 0
    sensor = f"{GATEWAY}.990000000001"
    assert [value for (name, _), value in sorted(stage.stored().items()) if name == sensor] == [410, None, 430]
    days = {day.starts_at_ms: day for batch in stage.ingest.batches for day in batch.days}
    assert days[local_ms("2026-03-01 00:00")].low_alarm_at_ms == local_ms("2026-03-01 03:30")
    assert days[local_ms("2026-03-02 00:00")].ends_at_ms == local_ms("2026-03-02 17:00")
    told = capsys.readouterr().out
    assert "2026-03-01  min +2.4 °C, max +6.1 °C; 95 min below" in told
    assert "low alarm 03:30" in told


def test_a_file_of_summaries_only_gets_its_days_and_a_verdict_from_them(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = Day("2026-03-01", low="-3.0", below="t Acc: 200, TS A: 03:30, C A: 0")
    assert stage.play(stage.file("tag.txt", export(Day(), frozen))) == 0
    told = capsys.readouterr().out
    assert "rows 0, day summaries 2" in told
    assert "all 2 are stored" in told
    assert "readings       none" in told
    assert "HOLD: " in told


def test_doing_it_again_changes_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    file = stage.file("tag.txt", export(Day(), rows="\t2026-03-01 10:00\t4.1\n\t2026-03-01 10:05\t4.2\n"))
    assert stage.play(file) == 0
    stored, batches = stage.stored(), len(stage.ingest.batches)
    _, _, report = capsys.readouterr().out.partition("\n\n")
    assert stage.play(file) == 0
    assert stage.stored() == stored
    assert stage.ingest.clashes == []
    assert len(stage.ingest.batches) == batches, "what is known to be stored is not sent again"
    assert capsys.readouterr().out.endswith(f"all 3 are stored and acknowledged by ingest\n\n{report}")


def test_a_damaged_file_is_named_by_its_line_and_its_good_part_is_sent(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    text = FROZEN.replace("10:05,4.5", "10:05,broken")
    assert stage.play(stage.file("damaged.csv", text)) == 1
    assert len(stage.stored()) == 99
    told = capsys.readouterr().out
    assert "problem: line 7: 'broken' is not a temperature" in told
    assert "HOLD: " in told


def test_a_file_with_nothing_good_in_it_sends_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage.play(stage.file("empty.txt", "")) == 1
    assert "problem: the file is empty" in capsys.readouterr().out
    assert stage.stored() == {}


def test_one_bad_file_does_not_stop_another(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage.play(stage.file("none.csv", "hello"), stage.file("frozen.csv", FROZEN), str(stage.folder / "x")) == 1
    assert len(stage.stored()) == 100
    told = capsys.readouterr().out
    assert "No such file" in told
    assert "HOLD: " in told


def test_options_say_what_the_file_does_not(stage: Stage) -> None:
    text = "clock,left,right\n2026-07-01 10:00,50.0,32.0\n2026-07-01 11:00,50.0,33.8\n"
    file = stage.file("two.csv", text)
    assert stage.play(file, "--column", "right", "--fahrenheit", "--time-zone", "America/New_York") == 0
    assert stage.play(file, "--column", "left", "--fahrenheit", "--sensor", "probe-7", "--time-zone", "UTC") == 0
    stored = stage.stored()
    assert stored[f"{GATEWAY}.two-right", local_ms("2026-07-01 11:00", NEW_YORK)] == 100
    assert stored[f"{GATEWAY}.probe-7", local_ms("2026-07-01 11:00", ZoneInfo("UTC"))] == 1_000


def test_an_unreliable_ingest_only_makes_it_slower(stage: Stage) -> None:
    heard: set[int] = set()

    def forgetful(batch: Batch) -> list[int]:
        """Answers each batch at its second coming only."""
        numbers = sequences(batch)
        known = heard.issuperset(numbers)
        heard.update(numbers)
        return numbers if known else []

    stage.ingest.mood = forgetful
    assert stage.play(stage.file("frozen.csv", FROZEN)) == 0
    assert len(stage.stored()) == 100
    assert stage.ingest.clashes == []


def test_a_silent_ingest_is_given_up_and_everything_is_kept_for_the_next_time(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.ingest.mood = nothing
    file = stage.file("frozen.csv", FROZEN)
    assert stage.play(file, "--patience-seconds", "0.7") == 1
    told = capsys.readouterr().out
    assert "no answer for 1 s: 100 stay in the outbox" in told
    assert "HOLD: " not in told
    stage.ingest.mood = everything
    assert stage.play(file) == 0
    assert len(stage.stored()) == 100


def test_what_ingest_refuses_is_told(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    def refusing(batch: Batch) -> list[int]:
        numbers = sequences(batch)
        refused = RefusedRange(numbers[0], numbers[0], "implausible")
        stage.ingest.publish(Channel.ACK, Ack(gateway=GATEWAY, boot=batch.boot, refused=[refused]))
        return numbers[1:]

    stage.ingest.mood = refusing
    assert stage.play(stage.file("frozen.csv", FROZEN)) == 1
    assert "problem: ingest refused 1: implausible" in capsys.readouterr().out


def test_a_portal_that_is_away_costs_the_report_and_not_the_data(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.portal.status = 503
    assert stage.play(stage.file("frozen.csv", FROZEN)) == 1
    assert len(stage.stored()) == 100
    assert "everything is stored, but there is no report: the portal answered 503" in capsys.readouterr().out


def test_without_a_portal_in_the_settings_nobody_is_asked(
    stage: Stage, broker: EmbeddedBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.config = write_settings(stage.folder, broker.url)
    assert stage.play(stage.file("frozen.csv", FROZEN)) == 0
    assert "nobody to ask" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--time-zone", "Mars/Olympus"], "--time-zone 'Mars/Olympus'"),
        (["--time-zone", "../etc/passwd"], "--time-zone"),
        (["--column", "missing"], "--column 'missing' is not there"),
        (["--sensor", "no/slash"], "--sensor"),
    ],
)
def test_a_wrong_setting_is_one_line_and_sends_nothing(
    stage: Stage, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert stage.play(stage.file("frozen.csv", FROZEN), *arguments) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
    assert stage.stored() == {}


def test_settings_are_looked_for_in_the_environment_and_then_where_the_demo_puts_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = stage.file("frozen.csv", FROZEN)
    monkeypatch.delenv(replay.CONFIG_VARIABLE, raising=False)
    monkeypatch.chdir(stage.folder)
    assert main([file]) == 2
    assert replay.CONFIG_VARIABLE in capsys.readouterr().err
    monkeypatch.setenv(replay.CONFIG_VARIABLE, str(stage.folder / "nowhere.toml"))
    assert main([file]) == 2
    monkeypatch.setenv(replay.CONFIG_VARIABLE, str(stage.config))
    assert main([file]) == 0
    monkeypatch.delenv(replay.CONFIG_VARIABLE)
    demo = stage.folder / ".demo" / "gateways"
    demo.mkdir(parents=True)
    (demo / "gw-replay.toml").write_text(stage.config.read_text())
    key = demo / "gateway.key"
    key.write_bytes((stage.folder / "gateway.key").read_bytes())
    key.chmod(0o600)
    assert main([file]) == 0


@pytest.mark.parametrize(
    ("path", "serial", "column", "name"),
    [
        ("a/b/log.csv", None, None, "log"),
        ("a/b/log.csv", "1604", None, "1604"),
        ("a/b/log.csv", None, "freezer 2", "log-freezer-2"),
        ("my log (1).csv", None, None, "my-log--1-"),
        ("_log.csv", None, None, "log"),
        ("ठंडा.csv", None, None, "file"),
        ("x" * 100 + ".csv", None, None, "x" * 64),
    ],
)
def test_a_probe_is_named_by_serial_or_file(path: str, serial: str | None, column: str | None, name: str) -> None:
    assert probe_name(Path(path), LoggedFile(kind="csv", sha256="", serial=serial, column=column)) == name


def test_a_terminal_gets_a_bar_and_a_file_gets_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen, log = Terminal(), io.StringIO()
    for out in (screen, log):
        progress = replay._Progress(out, 200)
        progress.show(150)
        progress.show(100)
        progress.done()
    assert "\r  [#######.......................] 50 / 200 acknowledged" in screen.getvalue()
    assert "\r  [##############################] 200 / 200 acknowledged \n" in screen.getvalue()
    assert log.getvalue() == "  50 / 200 acknowledged\n  all 200 are stored and acknowledged by ingest\n"


def test_an_outbox_that_holds_more_than_the_file_counts_it_all() -> None:
    out = io.StringIO()
    replay._Progress(out, 10).show(40)
    assert out.getvalue() == "  0 / 40 acknowledged\n"


def test_the_command_line_reaches_it_and_survives_being_killed_in_the_middle(stage: Stage) -> None:
    stage.ingest.mood = nothing
    file = stage.file("frozen.csv", FROZEN)
    command = [sys.executable, "-m", "edge_agent", "replay", file, "--config", str(stage.config)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        deadline = threading.Timer(30, process.kill)
        deadline.start()
        while not stage.ingest.batches and process.poll() is None:
            time.sleep(0.02)
        process.kill()
        deadline.cancel()
    stage.ingest.mood = everything
    again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 0, again.stderr
    assert len(stage.stored()) == 100
    assert stage.ingest.clashes == []


def test_rows_stand_in_the_outbox_before_anything_is_sent(tmp_path: Path) -> None:
    config = write_settings(tmp_path, "mqtt://127.0.0.1:1")
    path = tmp_path / "frozen.csv"
    path.write_text(FROZEN)
    assert main([str(path), "--config", str(config), "--patience-seconds", "0.3"]) == 1
    outbox = Outbox(tmp_path / "outbox.db")
    try:
        assert outbox.pending_count() == 100
    finally:
        outbox.close()


@pytest.mark.stack
@pytest.mark.parametrize(
    ("name", "options", "rows", "says"),
    [
        ("transport-logger-5min.csv", [], 3_091, "above +8.0 °C"),
        ("freezer-1min.csv", [], 20_186, "at or below -0.5 °C"),
        ("fridge-tag-2L-excerpt.txt", [], 24, "above +8.0 °C"),
        ("ambient-hourly-fahrenheit.csv", ["--fahrenheit"], 7_267, "above +8.0 °C"),
        (
            "coldstore-15min.csv",
            ["--column", "cooling_2", "--time-zone", "America/New_York"],
            31_648,
            "in an hour that the clock showed twice",
        ),
    ],
)
def test_a_real_file_goes_the_whole_way(
    stage: Stage, capsys: pytest.CaptureFixture[str], name: str, options: list[str], rows: int, says: str
) -> None:
    assert stage.play(str(REAL / name), *options) == 0
    assert len(stage.stored()) == rows
    told = capsys.readouterr().out
    assert says in told
    assert "what-if, written nowhere" in told
