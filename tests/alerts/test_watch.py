from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete
from structlog.testing import capture_logs

from alerts import watch
from alerts.engine import LEASE, LEASE_MS
from alerts.watch import (
    AGAIN_MS,
    AWAY,
    SILENT,
    STANDS,
    WELL,
    Life,
    Memory,
    Watch,
    addresses_in,
    judge,
    look,
    told,
    turn,
)
from benchmarks.faults.alerts_stage import AlertsStage
from benchmarks.faults.child import Child
from benchmarks.faults.line import wait_for
from benchmarks.faults.nursery import Nursery
from benchmarks.faults.stub_channels import SECRET
from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.ledger import judgement_writes, lease
from sheetal.ledger.gate import AHEAD_MS_MAX
from sheetal.ledger.judgement_tables import lease as lease_table
from sheetal.ledger.judgements import ApplianceJudgement
from tests.alerts.given import FRIDGE, at
from tests.alerts.notify.told import FIRST, SECOND, Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.alerts.given import World

SILENT_MS = 100_000
SECOND_MS = 1_000


def memory() -> Memory:
    return Memory(began_ms=at(0))


def test_a_lease_that_is_renewed_and_judging_that_goes_on_are_well() -> None:
    assert judge(Life(at(9), at(9)), memory(), SILENT_MS, at(10)).name == WELL
    assert judge(Life(at(9), None), memory(), SILENT_MS, at(10)).name == WELL


def test_nobody_renews_the_lease() -> None:
    found = judge(Life(at(9), at(9)), memory(), SILENT_MS, at(9) + SILENT_MS)
    assert (found.name, found.since_ms) == (SILENT, at(9))
    assert judge(Life(at(9), at(9)), memory(), SILENT_MS, at(9) + SILENT_MS - 1).name == WELL


def test_a_service_that_never_began_is_silent_since_the_watch_began() -> None:
    assert judge(Life(None, None), memory(), SILENT_MS, at(0) + SILENT_MS - 1).name == WELL
    assert judge(Life(None, None), memory(), SILENT_MS, at(0) + SILENT_MS).name == SILENT


def test_a_process_that_is_there_and_does_not_judge_stands_still() -> None:
    found = judge(Life(at(20), at(5)), memory(), SILENT_MS, at(20))
    assert (found.name, found.since_ms) == (STANDS, at(5))
    # After a long stop the watch gives the evaluator its time, too.
    assert judge(Life(at(0), at(-99)), memory(), SILENT_MS, at(0) + SILENT_MS - 1).name == WELL


def test_a_sign_of_life_that_lies_ahead_is_a_clock_fault_and_hides_no_silence() -> None:
    ahead = at(5_000)
    assert judge(Life(at(10) + AHEAD_MS_MAX, at(10) + AHEAD_MS_MAX), memory(), SILENT_MS, at(10)).name == WELL
    assert judge(Life(ahead, ahead), memory(), SILENT_MS, at(0) + SILENT_MS - 1).name == WELL
    found = judge(Life(ahead, ahead), memory(), SILENT_MS, at(0) + SILENT_MS)
    assert (found.name, found.since_ms) == (SILENT, at(0))
    # One appliance that was judged by a wrong clock says nothing of the others.
    assert judge(Life(at(9), ahead), memory(), SILENT_MS, at(10)).name == WELL


def test_a_silence_is_told_once_then_each_half_hour_then_its_end() -> None:
    kept = memory()
    silent = Life(at(0), None)
    told_at = []
    for minute in range(75):
        state = turn(silent if minute < 70 else Life(at(minute), at(minute)), kept, SILENT_MS, at(minute))
        if state is not None:
            told_at.append((minute, state.name))
            told(kept, state, at(minute))
    assert told_at == [(2, SILENT), (32, SILENT), (62, SILENT), (70, WELL)]
    assert at(30) - at(0) == AGAIN_MS


def test_a_ledger_that_is_away_is_told_and_says_nothing_of_an_earlier_silence() -> None:
    kept = memory()
    told(kept, watch.State(SILENT, at(0)), at(2))
    assert turn(None, kept, SILENT_MS, at(3)) is None
    found = turn(None, kept, SILENT_MS, at(3) + SILENT_MS)
    assert found is not None
    assert (found.name, found.since_ms) == (AWAY, at(3))


def test_what_no_channel_took_is_told_at_the_next_look() -> None:
    kept = memory()
    assert turn(Life(at(0), None), kept, SILENT_MS, at(5)) == turn(Life(at(0), None), kept, SILENT_MS, at(5))


@given(st.lists(st.sampled_from([None, "well", "silent"]), max_size=60))
def test_whatever_happens_well_is_told_only_after_something_else(looks: list[str | None]) -> None:
    kept, before = memory(), WELL
    for number, said in enumerate(looks):
        at_ms = at(number)
        life = None if said is None else Life(at_ms if said == "well" else at(-9), None)
        state = turn(life, kept, SILENT_MS, at_ms)
        if state is not None:
            assert state.name != WELL or before != WELL
            told(kept, state, at_ms)
            before = state.name


def test_the_signs_of_life_are_read_from_the_ledger(world: World) -> None:
    assert look(world.ledger) == Life(None, None)
    judged = ApplianceJudgement(appliance_id=FRIDGE, judged_through_ms=at(3), known_through_ms=None, state="no_data")
    with world.ledger.write() as conn:
        lease.take(conn, LEASE, "one", at(4), LEASE_MS)
        judgement_writes.put_appliance_judgement(conn, judged)
    assert look(world.ledger) == Life(at(4), at(3))
    with world.ledger.write() as conn:
        conn.execute(delete(lease_table))
    assert look(world.ledger) == Life(None, at(3))


def test_every_channel_hears_and_one_that_takes_it_is_enough(world: World) -> None:
    send = Recorder(lambda address: "down" if address == FIRST else None)
    now = [at(0)]
    watching = Watch(world.ledger, [FIRST, SECOND], send, SILENT_MS, lambda: now[0])
    with capture_logs() as lines:
        for minute in (1, 2, 3):
            now[0] = at(minute)
            watching.step()
    assert [address for address, _ in send.heard] == [FIRST, SECOND]
    assert "Start alerts" in send.heard[0][1].body
    assert send.heard[0][1].is_urgent
    assert watching.says() == {"ok": True, "seen": SILENT}
    assert FIRST not in str(lines)


def test_a_page_that_no_channel_takes_is_tried_at_every_look(world: World) -> None:
    send = Recorder(lambda _address: "down")
    now = [at(0)]
    watching = Watch(world.ledger, [FIRST], send, SILENT_MS, lambda: now[0])
    with capture_logs():
        for minute in (2, 3):
            now[0] = at(minute)
            watching.step()
    assert len(send.heard) == 2


def test_a_ledger_that_is_away_is_no_reason_to_stop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_ledger: object) -> Life:
        raise Unavailable("the ledger is away")

    send = Recorder()
    now = [at(0)]
    watching = Watch(world.ledger, [FIRST], send, SILENT_MS, lambda: now[0])
    monkeypatch.setattr(watch, "look", away)
    with capture_logs():
        for seconds in (0, 60, 120):
            now[0] = at(0) + seconds * SECOND_MS
            watching.step()
    assert ["See the database" in message.body for _, message in send.heard] == [True]


def test_a_ledger_that_never_answers_is_away_and_asked_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stopped server does: it takes the question and says nothing."""
    answers, asked = threading.Event(), []

    def silent(_ledger: object) -> Life:
        asked.append(1)
        assert answers.wait(20)
        return Life(at(0), at(0))

    send = Recorder()
    now = [at(0)]
    watching = Watch(world.ledger, [FIRST], send, SILENT_MS, lambda: now[0])
    monkeypatch.setattr(watch, "look", silent)
    monkeypatch.setattr(watch, "ANSWER_SECONDS_MAX", 0.05)
    try:
        with capture_logs():
            for seconds in (0, 60, 120):
                now[0] = at(0) + seconds * SECOND_MS
                watching.step()
    finally:
        answers.set()
    assert ["See the database" in message.body for _, message in send.heard] == [True]
    assert len(asked) == 1


def test_an_answer_that_cannot_be_read_is_away_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_ledger: object) -> Life:
        raise ValueError("no such column")

    send = Recorder()
    now = [at(0)]
    watching = Watch(world.ledger, [FIRST], send, SILENT_MS, lambda: now[0])
    monkeypatch.setattr(watch, "look", broken)
    with capture_logs():
        for seconds in (0, 120):
            now[0] = at(0) + seconds * SECOND_MS
            watching.step()
    assert len(send.heard) == 1
    monkeypatch.undo()
    with world.ledger.write() as conn:
        lease.take(conn, LEASE, "one", now[0], LEASE_MS)
    watching.step()
    assert "judged again" in send.heard[-1][1].body


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1 to 10 channels"),
        ("# only a remark\n", "1 to 10 channels"),
        (f"{FIRST}\n\nfile:///etc/passwd\n", "line 3"),
        (f"rocket://{SECRET}\n", "line 1"),
        (f"{FIRST}\n" * 11, "1 to 10 channels"),
    ],
)
def test_a_wrong_file_is_named_by_its_line_alone(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "channels").write_text(text)
    with pytest.raises(SettingProblem) as problem:
        addresses_in(tmp_path / "channels")
    assert words in problem.value.message
    assert problem.value.message.startswith("SHEETAL_WATCH_CHANNELS_FILE")
    assert SECRET not in problem.value.message


def test_a_file_of_channels_may_have_remarks(tmp_path: Path) -> None:
    (tmp_path / "channels").write_text(f"# the officer on duty\n\n  {FIRST}  \n{SECOND}\n")
    assert addresses_in(tmp_path / "channels") == [FIRST, SECOND]
    with pytest.raises(SettingProblem):
        addresses_in(tmp_path / "missing")


def test_without_its_settings_it_ends_with_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "alerts.watch"],
        env={"PATH": "/usr/bin", "PYTHONPATH": ".", "SHEETAL_LEDGER_URL": f"sqlite:///{tmp_path}/x.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.strip().splitlines()[-1].startswith("SHEETAL_WATCH_CHANNELS_FILE")


@pytest.mark.timeout(180)
def test_a_killed_evaluator_is_paged_by_another_process_and_its_return_too(tmp_path: Path) -> None:
    """Real processes: alerts killed by SIGKILL, the watch pages a webhook, alerts comes back, the watch says so."""
    with AlertsStage(tmp_path) as stage, Nursery(stage.log, stage.environment) as nursery:
        hook = stage.channels.servers["webhook"]
        (tmp_path / "channels").write_text(stage.channels.address("webhook") + "\n")
        settings = {
            "SHEETAL_LEDGER_URL": stage.environment["SHEETAL_LEDGER_URL"],
            "SHEETAL_WATCH_CHANNELS_FILE": str(tmp_path / "channels"),
            "SHEETAL_WATCH_SILENT_SECONDS": "20",
        }
        log = tmp_path / "watch.log"
        child = Child(
            [sys.executable, "-m", "alerts.watch"], log, lambda: log.exists() and '"ready"' in log.read_text(), settings
        )
        nursery.start()
        assert wait_for(lambda: look(stage.ledger).leased_ms is not None, 30)
        try:
            child.start().wait_until_ready()
            nursery.kill()
            assert wait_for(lambda: any("Start alerts" in text for text in hook.taken), 60)
            nursery.start()
            assert wait_for(lambda: any("is judged again" in text for text in hook.taken), 60)
            process = child.process
            assert process is not None
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            child.kill()
        assert SECRET not in log.read_text()
