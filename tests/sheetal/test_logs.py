from __future__ import annotations

import ast
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from sheetal import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ("sheetal", "ingest", "alerts", "portal")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
PERSONAL = {
    "name",
    "phone",
    "mobile",
    "contact",
    "birth_date",
    "person",
    "citizen",
    "password",
    "token",
    "key",
    "payload",
}


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield
    root.handlers, root.level = before[0], before[1]
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_who_when_how_bad_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs("ingest", "ingest-7")
    structlog.get_logger().warning("A store is away", step="write", tries=3)
    (line,) = lines(capsys)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "service": "ingest",
        "worker": "ingest-7",
        "event": "A store is away",
        "level": "warning",
        "step": "write",
        "tries": 3,
    }


def test_without_a_name_the_worker_is_this_process_on_this_host(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs("portal")
    structlog.get_logger().info("ready")
    (line,) = lines(capsys)
    assert str(line["worker"]).startswith("portal-")
    assert str(line["worker"]).endswith(f"-{os.getpid()}")


def test_hindi_is_readable_and_odd_values_end_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs("portal")
    structlog.get_logger().info("ready", word="शीतल", place=Path("/srv"))
    assert {"word": "शीतल", "place": "/srv"}.items() <= lines(capsys)[0].items()


def test_debug_is_not_told_and_every_line_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs("alerts")
    before = dict(logs.lines_by_level())
    structlog.get_logger().debug("Nothing")
    structlog.get_logger().error("Something")
    assert [line["event"] for line in lines(capsys)] == ["Something"]
    assert dict(logs.lines_by_level()).get("error", 0) == before.get("error", 0) + 1


def fail() -> None:
    try:
        int("Asha Devi, +91 98765 43210")
    except ValueError as cause:
        raise RuntimeError("could not seal Asha Devi") from cause


def test_an_error_is_told_by_type_and_way_and_never_by_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs("portal")
    try:
        fail()
    except RuntimeError as error:
        structlog.get_logger().exception("A page failed")
        structlog.get_logger().error("A page failed", exc_info=error)
    text = capsys.readouterr().err
    assert "Asha" not in text
    for line in map(json.loads, text.splitlines()):
        assert line["error"] == ["RuntimeError", "ValueError"]
        assert line["trace"][-1].startswith("test_logs.py:")
        assert line["trace"][-1].endswith(" fail")
        assert "exc_info" not in line


def test_libraries_speak_in_our_lines_without_what_they_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs("portal")
    logging.getLogger("uvicorn.error").warning("Refused %s", "/citizens?phone=9876543210")
    logging.getLogger("apscheduler").info("Job %s done", "sweep")
    logging.getLogger("sqlalchemy").critical("Lost\nAsha Devi")
    told = lines(capsys)
    assert [(line["library"], line["said"], line["level"]) for line in told] == [
        ("uvicorn.error", "Refused %s", "warning"),
        ("sqlalchemy", "Lost", "error"),
    ]
    assert "9876543210" not in json.dumps(told)


def test_setting_up_twice_tells_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs("portal")
    logs.set_up_logs("portal")
    logging.getLogger("x").warning("Once")
    assert len(lines(capsys)) == 1


FULL = ["sys.stderr = open('/dev/full', 'w', 1)"] if Path("/dev/full").exists() else []


@pytest.mark.parametrize("way", ["os.close(2)", "sys.stderr.close()", *FULL])
def test_standard_error_that_is_gone_ends_nothing(way: str) -> None:
    program = (
        "import os, sys, logging, structlog\nfrom sheetal.logs import set_up_logs\nset_up_logs('t')\n"
        f"{way}\nfor _ in range(3): structlog.get_logger().error('Lost'); logging.getLogger('x').warning('Lost')\n"
        "print('alive', flush=True); os._exit(0)"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "alive\n")


def log_calls() -> list[tuple[str, ast.Call]]:
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node)
        for package in SERVERS
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_log(node.func)
    ]


def _is_log(function: ast.Attribute) -> bool:
    return function.attr in LEVELS and isinstance(function.value, ast.Name) and function.value.id in {"log", "logger"}


def test_every_sentence_of_the_log_is_fixed() -> None:
    calls = log_calls()
    assert len(calls) > 50
    loose = [
        place
        for place, call in calls
        if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant) or not isinstance(call.args[0].value, str)
    ]
    assert loose == []


def test_no_field_of_the_log_is_meant_for_a_person_or_a_secret() -> None:
    named = {(keyword.arg, place) for place, call in log_calls() for keyword in call.keywords}
    assert sorted(place for field, place in named if field in PERSONAL) == []


def test_only_one_module_sets_logs_up() -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for package in SERVERS
        for path in (ROOT / package).rglob("*.py")
        if "structlog.configure" in path.read_text() or "logging.basicConfig" in path.read_text()
    ]
    assert guilty == ["sheetal/logs.py"]
