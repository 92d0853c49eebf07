from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from benchmarks import soak
from benchmarks.faults import restore_backup
from benchmarks.faults.backup_line import BackedUpLine
from benchmarks.faults.line import EMBEDDED, SERVER, Programs
from benchmarks.faults.restore_backup import FILES, SERVERS, Day
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.lasting_tables import resend_wish

if TYPE_CHECKING:
    from pathlib import Path

BRISK = Programs(ingest="tests.benchmarks.faults.brisk_ingest")
SHORT = Day(history_minutes=240, rows_per_second=100, programs=BRISK)


@pytest.mark.timeout(600)
def test_what_came_after_a_backup_comes_again_after_its_restore() -> None:
    assert restore_backup.run(0, 1, FILES, EMBEDDED, SHORT) == 0


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_it_comes_again_into_new_servers() -> None:
    assert restore_backup.run(1, 1, SERVERS, SERVER, SHORT) == 0


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_a_restore_that_asks_nobody_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = BackedUpLine.back_up

    def forgetful(line: BackedUpLine, *words: str, **more: str) -> str:
        said = done(line, *words, **more)  # type: ignore[arg-type]
        if words[0] == "restore":
            with closing(open_ledger(line.places.ledger)) as ledger, ledger.write() as conn:
                conn.execute(delete(resend_wish))
        return said

    monkeypatch.setattr(BackedUpLine, "back_up", forgetful)
    report = restore_backup.attempt(tmp_path, 0, FILES, EMBEDDED, SHORT._replace(seconds_max=20))
    assert "what was lost did not come again" in report.problems
    assert any("kept and not stored" in problem for problem in report.problems)


def test_the_suite_is_known_by_its_name() -> None:
    assert soak.SUITES["restore.backup"].count >= 1
    assert "restored" in soak.SUITES["restore.backup"].how
