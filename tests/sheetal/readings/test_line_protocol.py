from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Reading
from sheetal.readings.line_protocol import MEASUREMENT, body_of, centi_celsius_of
from sheetal.readings.sift import refusal_of

GOOD = Reading("gw-01.tvc", 1_700_000_000_000, 452, 0, 7, 17)
LINE = re.compile(
    r"reading,sensor=(?P<sensor>(?:[^ ,=]|\\[ ,=])+) (?:t=(?P<t>-?\d+\.\d+),)?"
    r"q=(?P<q>\d+)i,b=(?P<b>\d+)i,seq=(?P<seq>\d+)i (?P<ms>\d+)"
)


def test_a_line_by_hand() -> None:
    assert body_of([GOOD]) == b"reading,sensor=gw-01.tvc t=4.52,q=0i,b=7i,seq=17i 1700000000000"
    assert body_of([GOOD]).startswith(MEASUREMENT.encode())


@pytest.mark.parametrize(
    ("centi_celsius", "text"), [(0, b"t=0.0,"), (400, b"t=4.0,"), (-1, b"t=-0.01,"), (-10_000, b"t=-100.0,")]
)
def test_a_temperature_is_always_a_float(centi_celsius: int, text: bytes) -> None:
    assert text in body_of([GOOD._replace(centi_celsius=centi_celsius)])


def test_a_fault_carries_no_temperature() -> None:
    fault = GOOD._replace(centi_celsius=None, quality=2)
    assert body_of([fault]) == b"reading,sensor=gw-01.tvc q=2i,b=7i,seq=17i 1700000000000"


def test_a_name_is_escaped() -> None:
    line = body_of([GOOD._replace(sensor="b c,d=é\"'")])
    assert line.startswith("reading,sensor=b\\ c\\,d\\=é\"' t=4.52,".encode())


def test_a_boot_of_63_bits_is_written_out() -> None:
    assert b",b=9223372036854775807i," in body_of([GOOD._replace(boot=2**63 - 1)])


def test_an_odd_name_in_a_batch_leaves_the_others_as_they_are() -> None:
    first, second = body_of([GOOD, GOOD._replace(sensor="a b")]).split(b"\n")
    assert first == body_of([GOOD])
    assert second.startswith(b"reading,sensor=a\\ b t=4.52,")


def test_lines_keep_their_order_and_the_last_has_no_end() -> None:
    lines = body_of([GOOD._replace(sequence=number) for number in range(5)]).split(b"\n")
    assert [b"seq=%di" % number in line for number, line in enumerate(lines)] == [True] * 5
    assert body_of([]) == b""


def test_every_temperature_comes_back_exactly() -> None:
    for value in range(CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX + 1):
        line = body_of([GOOD._replace(centi_celsius=value)])
        written = float(line.split(b"t=")[1].split(b",")[0])
        assert centi_celsius_of(written, 0) == value


def test_a_temperature_left_under_a_fault_is_not_believed() -> None:
    assert centi_celsius_of(4.52, 2) is None
    assert centi_celsius_of(None, 0) is None


@given(
    sensor=st.text(min_size=1, max_size=20),
    centi_celsius=st.integers(CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX),
    sequence=st.integers(0, 2**63 - 1),
)
def test_any_line_can_be_taken_apart_again(sensor: str, centi_celsius: int, sequence: int) -> None:
    reading = GOOD._replace(sensor=sensor, centi_celsius=centi_celsius, sequence=sequence)
    if refusal_of(reading) is not None:
        return
    parsed = LINE.fullmatch(body_of([reading]).decode())
    assert parsed is not None
    assert re.sub(r"\\([ ,=])", r"\1", parsed["sensor"]) == sensor
    assert (round(float(parsed["t"]) * 100), int(parsed["seq"]), int(parsed["ms"])) == (
        centi_celsius,
        sequence,
        GOOD.measured_at_ms,
    )
