from __future__ import annotations

import pytest

from edge_agent.clock.timeline import ROUND_TRIP_MS_MAX, Answer, ClockSource
from edge_agent.outbox.parcel import Moment
from edge_agent.settings.clock import ClockSetting
from edge_agent.uplink.clock_questions import QUESTIONS_MAX, ClockQuestions
from sheetal.contracts.batch import Ack

BOOT = 7
NOW_MS = 1_800_000_000_000


class SetTime:
    def __init__(self) -> None:
        self.source = ClockSource.NONE
        self.at_ms = 1_000
        self.heard: list[Answer] = []

    def now_ms(self) -> int:
        return NOW_MS + self.at_ms

    def monotonic_ms(self) -> int:
        return self.at_ms

    def hear(self, answer: Answer) -> None:
        self.heard.append(answer)


@pytest.fixture
def time() -> SetTime:
    return SetTime()


@pytest.fixture
def questions(time: SetTime) -> ClockQuestions:
    return ClockQuestions(time, ClockSetting(ask_seconds=600, ask_unanchored_seconds=30), BOOT)


def ack(monotonic_ms: int | None, boot: int = BOOT, at_ms: int | None = NOW_MS) -> Ack:
    return Ack(gateway="g", boot=boot, at_ms=at_ms, monotonic_ms=monotonic_ms)


def test_the_clock_is_asked_at_once_then_every_thirty_seconds_and_once_anchored_every_ten_minutes(
    questions: ClockQuestions, time: SetTime
) -> None:
    assert questions.is_due()
    assert questions.moment(BOOT) == Moment(NOW_MS + 1_000, 1_000, "none")
    assert not questions.is_due()
    time.at_ms += 29_999
    assert not questions.is_due()
    time.at_ms += 1
    assert questions.is_due()
    time.source = ClockSource.ACK
    questions.moment(BOOT)
    time.at_ms += 599_999
    assert not questions.is_due()
    time.at_ms += 1
    assert questions.is_due()
    questions.moment(BOOT)
    questions.connected()
    assert questions.is_due(), "a new connection asks at once"


def test_a_synchronised_system_needs_no_question(questions: ClockQuestions, time: SetTime) -> None:
    time.source = ClockSource.NTP
    assert not questions.is_due()
    assert questions.moment(BOOT).clock_source == "ntp"


def test_an_answer_names_a_question_and_is_taken_once(questions: ClockQuestions, time: SetTime) -> None:
    questions.moment(BOOT)
    time.at_ms += 400
    assert questions.take(ack(1_000))
    assert time.heard == [Answer(NOW_MS, 1_000, 1_400)]
    assert not questions.take(ack(1_000)), "a repetition measures nothing"
    assert len(time.heard) == 1


@pytest.mark.parametrize(
    "told",
    [ack(None), ack(999), ack(1_000, boot=BOOT - 1), ack(1_000, at_ms=None)],
    ids=["asks nothing", "never asked", "another boot", "no time"],
)
def test_other_acks_say_nothing_of_the_time(questions: ClockQuestions, time: SetTime, told: Ack) -> None:
    questions.moment(BOOT)
    assert not questions.take(told)
    assert time.heard == []


def test_a_message_of_an_earlier_boot_asks_nothing(questions: ClockQuestions, time: SetTime) -> None:
    assert questions.moment(BOOT - 1) == Moment(NOW_MS + 1_000, 1_000, "none")
    assert questions.is_due()
    assert not questions.take(ack(1_000))
    assert not questions.take(ack(1_000, boot=BOOT - 1))
    assert time.heard == []


def test_an_answer_that_took_too_long_is_no_answer(questions: ClockQuestions, time: SetTime) -> None:
    questions.moment(BOOT)
    time.at_ms += ROUND_TRIP_MS_MAX + 1
    assert not questions.take(ack(1_000))
    questions.moment(BOOT)
    time.at_ms += ROUND_TRIP_MS_MAX
    assert questions.take(ack(1_000 + ROUND_TRIP_MS_MAX + 1))


def test_the_newest_question_stands_for_those_before_it(questions: ClockQuestions, time: SetTime) -> None:
    for _ in range(3):
        questions.moment(BOOT)
        time.at_ms += 100
    assert questions.take(ack(1_100))
    assert not questions.take(ack(1_000)), "an older answer would only measure worse"
    assert questions.take(ack(1_200))


def test_what_was_asked_on_a_lost_connection_is_not_waited_for(questions: ClockQuestions, time: SetTime) -> None:
    questions.moment(BOOT)
    questions.connected()
    assert not questions.take(ack(1_000))
    assert time.heard == []


def test_open_questions_are_bounded(questions: ClockQuestions, time: SetTime) -> None:
    for _ in range(QUESTIONS_MAX + 50):
        time.at_ms += 1
        questions.moment(BOOT)
    assert not questions.take(ack(1_050))
    assert questions.take(ack(1_051))


def test_an_alarm_waits_for_its_instant_only_while_the_first_answer_may_come(
    questions: ClockQuestions, time: SetTime
) -> None:
    assert questions.is_worth_waiting()
    questions.moment(BOOT)
    time.at_ms += ROUND_TRIP_MS_MAX - 1
    assert questions.is_worth_waiting()
    time.at_ms += 1
    assert not questions.is_worth_waiting(), "an absent ingest must not silence a freezing refrigerator"
    questions.moment(BOOT)
    assert not questions.is_worth_waiting(), "it waits once a connection"
    questions.connected()
    assert questions.is_worth_waiting()
    time.source = ClockSource.ACK
    assert not questions.is_worth_waiting()
