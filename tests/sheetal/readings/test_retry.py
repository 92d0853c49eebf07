from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.problem import Unavailable
from sheetal.readings.retry import (
    ATTEMPTS_MAX,
    NO_ANSWER,
    TOTAL_SECONDS_MAX,
    WAIT_SECONDS_MAX,
    Answer,
    Retry,
    retry_after_seconds,
    rows_refused,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Patience:
    """A Retry on a clock of its own; `asking_seconds` is how long every request takes."""

    def __init__(self, *answers: Answer, jitter: float = 1.0, asking_seconds: float = 0.0) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.slept: list[float] = []
        self.now = 0.0
        self.closing = False
        self.asking_seconds = asking_seconds
        self.retry = Retry(self._sleep, jitter=lambda: jitter, clock=lambda: self.now)

    def run(self) -> Answer:
        return self.retry.until_settled(self._ask)

    def _ask(self) -> Answer:
        self.asked += 1
        self.now += self.asking_seconds
        return self.answers[min(self.asked, len(self.answers)) - 1]

    def _sleep(self, seconds: float) -> bool:
        self.slept.append(seconds)
        self.now += seconds
        return self.closing


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 413, 422])
def test_what_a_retry_would_not_change_is_returned_at_once(status: int) -> None:
    patience = Patience(Answer(status))
    assert patience.run().status == status
    assert (patience.asked, patience.slept) == (1, [])


@pytest.mark.parametrize("status", [NO_ANSWER, 408, 425, 429, 500, 502, 503, 504, 599])
def test_what_passes_is_tried_again(status: int) -> None:
    patience = Patience(Answer(status), Answer(status), Answer(204))
    assert patience.run().status == 204
    assert patience.slept == [0.2, 0.4]


def test_attempts_are_bounded_and_the_problem_says_when_to_come_back() -> None:
    patience = Patience(Answer(503, "busy"))
    with pytest.raises(Unavailable) as caught:
        patience.run()
    assert patience.asked == ATTEMPTS_MAX
    assert patience.slept == [0.2, 0.4, 0.8]
    assert caught.value.retry_after_seconds == 1.6
    assert caught.value.facts["status"] == 503
    assert "busy" in caught.value.message
    assert caught.value.next_step


def test_jitter_halves_a_wait_at_most() -> None:
    patience = Patience(Answer(500), jitter=0.0)
    with pytest.raises(Unavailable):
        patience.run()
    assert patience.slept == [0.1, 0.2, 0.4]


def test_a_short_wish_of_the_server_is_granted_here() -> None:
    patience = Patience(Answer(429, retry_after_seconds=1.0), Answer(204))
    assert patience.run().status == 204
    assert patience.slept == [1.0]


def test_a_long_wish_of_the_server_is_handed_to_the_caller() -> None:
    patience = Patience(Answer(429, retry_after_seconds=30.0), Answer(204))
    with pytest.raises(Unavailable) as caught:
        patience.run()
    assert (patience.asked, patience.slept) == (1, [])
    assert caught.value.retry_after_seconds == 30.0


def test_slow_time_outs_stop_before_all_attempts_are_used() -> None:
    patience = Patience(Answer(NO_ANSWER), asking_seconds=11.0)
    with pytest.raises(Unavailable):
        patience.run()
    assert patience.asked == 2
    assert patience.now < TOTAL_SECONDS_MAX + 11.0


def test_closing_ends_the_wait() -> None:
    patience = Patience(Answer(503))
    patience.closing = True
    with pytest.raises(Unavailable):
        patience.run()
    assert patience.asked == 1


@given(
    st.lists(
        st.builds(
            Answer,
            status=st.sampled_from([NO_ANSWER, 204, 400, 429, 503]),
            retry_after_seconds=st.none() | st.floats(0, 300),
        ),
        min_size=1,
        max_size=6,
    ),
    st.floats(0, 1),
    st.floats(0, 30),
)
def test_patience_always_ends(answers: list[Answer], jitter: float, asking_seconds: float) -> None:
    patience = Patience(*answers, jitter=jitter, asking_seconds=asking_seconds)
    with suppress(Unavailable):
        assert not patience.run().is_passing
    assert patience.asked <= ATTEMPTS_MAX
    assert all(seconds <= WAIT_SECONDS_MAX for seconds in patience.slept)
    assert sum(patience.slept) <= TOTAL_SECONDS_MAX


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("999999", 300.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("Sun, 23 Nov 2025 04:05:54 GMT", None),
    ],
)
def test_retry_after_is_read_or_left(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds


class Server:
    """Stores every good row of a request and refuses the request when one is bad, as InfluxDB 1.x does."""

    def __init__(self, bad: set[bytes], rows_max: int = 10_000) -> None:
        self.bad = bad
        self.rows_max = rows_max
        self.stored: set[bytes] = set()
        self.requests = 0

    def send(self, rows: Sequence[bytes]) -> Answer:
        self.requests += 1
        if len(rows) > self.rows_max:
            return Answer(413, "too large")
        self.stored |= set(rows) - self.bad
        return Answer(400, "partial write") if self.bad & set(rows) else Answer(204)


def test_no_rows_need_no_request() -> None:
    server = Server(set())
    rows_refused([], server.send)
    assert server.stored == set()


def test_one_bad_row_is_found_in_a_logarithm_of_requests() -> None:
    rows = [b"%d" % number for number in range(5_000)]
    server = Server({b"3210"})
    assert rows_refused(rows, server.send) == [(3_210, "partial write")]
    assert len(server.stored) == 4_999
    assert server.requests <= 2 * math.ceil(math.log2(5_000)) + 1


def test_a_body_that_is_too_large_is_cut_until_it_fits() -> None:
    rows = [b"%d" % number for number in range(100)]
    server = Server(set(), rows_max=10)
    assert rows_refused(rows, server.send) == []
    assert len(server.stored) == 100


def test_what_send_raises_goes_through() -> None:
    def send(rows: Sequence[bytes]) -> Answer:
        raise Unavailable(f"no server for {len(rows)} rows")

    with pytest.raises(Unavailable):
        rows_refused([b"a"], send)


@given(st.sets(st.integers(0, 199)), st.integers(1, 200))
def test_exactly_the_bad_rows_are_named_in_order(bad: set[int], size: int) -> None:
    rows = [b"%d" % number for number in range(size)]
    server = Server({b"%d" % number for number in bad})
    refused = rows_refused(rows, server.send)
    assert [index for index, _ in refused] == sorted(number for number in bad if number < size)
    assert server.stored == {b"%d" % number for number in range(size) if number not in bad}
    assert server.requests <= 2 * size - 1


def test_a_part_that_the_server_dropped_as_a_whole_is_not_halved() -> None:
    asked: list[int] = []

    def send(rows: Sequence[int]) -> Answer:
        asked.append(len(rows))
        old = sum(row < 512 for row in rows)
        return Answer(400, f"too old dropped={old}", rows_dropped=old) if old else Answer(204)

    refused = rows_refused(range(1_024), send)
    assert [index for index, _ in refused] == list(range(512))
    assert asked == [1_024, 512, 512]


def test_a_count_of_less_than_the_part_names_no_row() -> None:
    def send(rows: Sequence[int]) -> Answer:
        return Answer(400, "dropped=1", rows_dropped=1) if 5 in rows else Answer(204)

    assert [index for index, _ in rows_refused(range(8), send)] == [5]


def test_words_that_are_not_the_servers_refuse_no_row() -> None:
    assert not Answer(400, "<html>", is_foreign=True).refuses_rows
    assert Answer(413, "<html>", is_foreign=True).refuses_rows
    assert Answer(422, "unprocessable").refuses_rows
