from __future__ import annotations

import base64
import re
from urllib.parse import unquote

import pytest

from portal.errors import FieldProblem
from portal.orchestration import gateway_words
from portal.orchestration.gateways import Order
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.twin import Command, CommandKind, Outcome, TwinState
from sheetal.ledger.telemetry import SequenceGap
from sheetal.ledger.telemetry_holes import TIMES_MAX

NOW_MS = 1_795_425_631_000


def say(text: str, **facts: object) -> str:
    return text % facts if facts else text


def test_every_state_kind_and_field_has_words() -> None:
    assert set(gateway_words.TWINS) == set(TwinState)
    assert set(gateway_words.ORDERS) == set(CommandKind)
    assert set(gateway_words.ORDER_NOTES) == set(CommandKind) - {CommandKind.RESEND}
    assert set(gateway_words.CLOCKS) == {"none", "rtc", "ack", "ntp"}


@pytest.mark.parametrize(
    ("offset_ms", "said"), [(7 * MINUTE_MS, "7\u00a0min slow"), (-7 * MINUTE_MS, "7\u00a0min fast")]
)
def test_a_clock_behind_ours_is_slow(offset_ms: int, said: str) -> None:
    assert gateway_words.skew(offset_ms, "en", say) == said


@pytest.mark.parametrize(
    ("kind", "done", "detail", "line"),
    [
        (CommandKind.IDENTIFY, True, "shown on its page", ""),
        (CommandKind.SEND_LOG, True, "many lines", ""),
        (CommandKind.RESEND, True, "276", "276 readings go again"),
        (CommandKind.RESEND, True, "none kept", "none kept"),
        (CommandKind.TEST_ALARM, False, "no hook", "no hook"),
    ],
)
def test_an_outcome_says_what_its_state_does_not(kind: CommandKind, *, done: bool, detail: str, line: str) -> None:
    command = Command(id="c", gateway="g", kind=kind, issued_at_ms=0, expires_at_ms=1)
    outcome = Outcome(id="c", kind=kind, at_ms=0, done=done, detail=detail)
    assert gateway_words.outcome_line(Order(command, 0, outcome), say) == line
    assert gateway_words.outcome_line(Order(command, 0, None), say) == ""


def test_the_qr_code_is_an_image_that_needs_no_script_and_no_server() -> None:
    address = gateway_words.qr_svg(gateway_words.pairing("https://portal.example", "gw-01", "ABCDEFGHJK"))
    assert address.startswith("data:image/svg+xml")
    head, _, body = address.partition(",")
    drawn = base64.b64decode(body).decode() if "base64" in head else unquote(body)
    assert re.search(r"<svg[^>]*>", drawn)
    assert "<script" not in drawn


def test_the_qr_code_tells_three_words_and_no_address_with_a_secret() -> None:
    words = gateway_words.pairing("https://portal.example", "gw-01", "ABCDEFGHJK").split()
    assert words == ["gw-01", "ABCDEFGHJK", "https://portal.example"]
    assert "ABCDEFGHJK" not in gateway_words.command("https://portal.example", "gw-01")


def test_a_span_is_read_in_indias_time() -> None:
    from_ms, until_ms = gateway_words.span_of("2026-11-23T12:00", "2026-11-23T14:00", NOW_MS)
    assert until_ms - from_ms == 2 * HOUR_MS
    assert from_ms == gateway_words.span_of("2026-11-23T06:30+00:00", "2026-11-23T14:00", NOW_MS)[0]


@pytest.mark.parametrize(
    ("span", "field"),
    [
        (("", "2026-11-23T14:00"), "span_from"),
        (("2026-11-23T12:00", "yesterday"), "span_until"),
        (("2026-11-23T12:00", "2026-11-23T12:00"), "span_until"),
        (("2026-11-23T15:00", "2026-11-23T12:00"), "span_until"),
        (("2026-11-24T15:00", "2026-11-25T12:00"), "span_from"),
        (("2026-09-01T15:00", "2026-11-23T12:00"), "span_from"),
        (("9999-12-31T23:59", "2026-11-23T12:00"), "span_until"),
        (("0001-01-01T00:00+23:59", "2026-11-23T12:00"), "span_from"),
    ],
)
def test_a_span_that_cannot_be_meant_is_asked_again(span: tuple[str, str], field: str) -> None:
    with pytest.raises(FieldProblem) as problem:
        gateway_words.span_of(*span, NOW_MS)
    assert problem.value.field == field
    assert gateway_words.SPAN_MS_MAX == 60 * DAY_MS


def test_missing_numbers_are_named_by_the_counter_of_their_boot() -> None:
    gap = SequenceGap("gw-01", (3 << 32) + 99, 4, 1_205, 1_000)
    assert gateway_words.numbers_line(gap, say) == "start 3, numbers 4 to 1,205"
    assert gateway_words.numbers_line(gap._replace(last_sequence=4), say) == "start 3, number 4"


def test_what_was_asked_for_as_often_as_ever_counts_as_lost() -> None:
    gap = SequenceGap("gw-01", (3 << 32) + 99, 4, 1_205, 1_000, 2_000, TIMES_MAX - 1)
    assert not gateway_words.is_given_up(gap)
    assert gateway_words.is_given_up(gap._replace(times=TIMES_MAX))
