from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from demo import screen
from demo.district import District
from demo.plan import Plan, Ports
from demo.story import STEPS, Played

if TYPE_CHECKING:
    from pathlib import Path

ROWS_MAX = 24
COLUMNS_MAX = 100


def test_the_first_screen_fits_and_says_where_who_and_what(tmp_path: Path) -> None:
    district = District(Plan(tmp_path, Ports(), broker="embedded", readings="embedded"))
    shown = screen.first_screen(district)
    lines = shown.splitlines()
    assert len(lines) <= ROWS_MAX
    assert max(len(line) for line in lines if "Logs:" not in line) <= COLUMNS_MAX
    for address in ("http://127.0.0.1:8000/cc", "http://127.0.0.1:8000/v/today", "http://127.0.0.1:8001/verify"):
        assert address in shown
    assert "http://127.0.0.1:7200/gw" in shown
    assert f"Password of every log-in: {district.password}" in shown
    assert f"set-up code demo-{district.scenario.hubs[0].gateway}" in shown
    assert shown.count("log-in officer") == shown.count("log-in vaccinator") == 1
    for login in ("officer", "vaccinator", "medical", "manager", "handler", "admin", "auditor"):
        assert login in shown
    assert "embedded broker (not for production)" in shown
    assert "Readings: embedded SQLite" in shown
    assert "Ledger: SQLite" in shown
    assert district.freezing_holding in shown
    assert f"{district.freezing_name} at {district.freezing_place} freezes" in shown
    assert str(tmp_path / "logs") in shown


def test_a_step_has_its_number_outcome_time_and_detail() -> None:
    well = screen.step_line(3, Played("A dose is given", ok=True, detail="dose from H-1011", seconds=1.6))
    assert well == "  3 ok     A dose is given (2 s)\n           dose from H-1011"
    assert screen.step_line(10, Played("No", ok=False, detail="why", seconds=0)).startswith(" 10 failed No")


def test_the_last_line_counts_what_came_true() -> None:
    played = [cast("Played", SimpleNamespace(ok=ok)) for ok in (True, True, False)]
    assert screen.end_line(played, len(STEPS)) == f"2 of {len(STEPS)} steps ok"


def test_who_stays_is_told_how_to_stop_and_to_send_a_file() -> None:
    assert "Ctrl-C" in screen.staying_up()
    assert "python -m edge_agent replay" in screen.staying_up()
