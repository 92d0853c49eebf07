from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.remote.log_ring import LINE_LENGTH_MAX, LINES_MAX, STRUCK_OUT, LogRing
from sheetal.contracts.twin import LOG_BYTES_MAX

if TYPE_CHECKING:
    import pytest


def ring_with(*lines: str, secrets: tuple[str, ...] = ()) -> LogRing:
    ring = LogRing(secrets)
    for line in lines:
        ring.handle(logging.LogRecord("edge_agent.x", logging.WARNING, "x.py", 1, "%s", (line,), None))
    return ring


def test_the_newest_lines_come_in_their_order() -> None:
    told = ring_with("first", "second").newest().splitlines()
    assert [line.rsplit(": ", 1)[1] for line in told] == ["first", "second"]
    assert "WARNING edge_agent.x" in told[0]


def test_a_file_name_that_is_no_text_does_not_keep_the_log_back() -> None:
    ring = ring_with("\udcff.csv: cannot be read", "second")
    assert "?.csv: cannot be read" in ring.newest()
    assert "second" in ring.newest()


def test_it_hears_what_the_process_logs() -> None:
    ring, log = LogRing(), logging.getLogger("edge_agent.test_log_ring")
    log.addHandler(ring)
    try:
        log.error("the disk is full")
        log.debug("a trifle")
    finally:
        log.removeHandler(ring)
    assert "the disk is full" in ring.newest()
    assert "trifle" not in ring.newest()


def test_only_the_newest_are_kept() -> None:
    told = ring_with(*[f"line {number}" for number in range(LINES_MAX + 50)]).newest(10**9).splitlines()
    assert len(told) == LINES_MAX
    assert told[-1].endswith(f"line {LINES_MAX + 49}")


def test_a_traceback_stays_one_bounded_line() -> None:
    ring = LogRing()
    try:
        {}["x" * 10_000]
    except KeyError:
        logging.getLogger("edge_agent.test_log_ring").addHandler(ring)
        logging.getLogger("edge_agent.test_log_ring").exception("it failed")
        logging.getLogger("edge_agent.test_log_ring").removeHandler(ring)
    [line] = ring.newest().splitlines()
    assert len(line) == LINE_LENGTH_MAX
    assert "it failed | Traceback" in line


def test_secrets_are_struck_out() -> None:
    ring = ring_with("the key is 00ff00ff and so is x00ff00ffx", "nothing here", secrets=("00ff00ff", ""))
    assert "00ff00ff" not in ring.newest()
    assert ring.newest().count(STRUCK_OUT) == 2


@given(st.lists(st.text(max_size=400), max_size=80), st.integers(10, LOG_BYTES_MAX))
def test_it_fits_as_json_whatever_was_logged(lines: list[str], bytes_max: int) -> None:
    ring = ring_with(*lines)
    told = ring.newest(bytes_max)
    assert len(msgspec.json.encode(told)) <= bytes_max + 2


def test_a_line_that_cannot_be_written_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    ring = LogRing()
    ring.handle(logging.LogRecord("x", logging.ERROR, "x.py", 1, "%d", ("not a number",), None))
    assert ring.newest() == ""
    assert "not a number" in capsys.readouterr().err
