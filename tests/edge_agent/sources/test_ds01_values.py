from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.ds01_values import duration_ms, instant_ms, number, parse_record, temperature, text
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.reading import Quality, Reading, is_plausible


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("TVC", 4.3, (430, Quality.OK)),
        ("TVC", -0.5, (-50, Quality.OK)),
        ("TVC", 0, (0, Quality.OK)),
        ("TVC", 8, (800, Quality.OK)),
        ("TVC", 4.299999, (430, Quality.OK)),
        ("TVC", -55.0, (-5_500, Quality.OK)),
        ("TVC", 60.0, (6_000, Quality.OK)),
        ("TVC", None, (None, Quality.NO_VALUE)),
        ("TVC", "4.3", (None, Quality.NO_VALUE)),
        ("TVC", True, (None, Quality.NO_VALUE)),
        ("TVC", [4.3], (None, Quality.NO_VALUE)),
        ("TVC", -127, (None, Quality.OPEN_CIRCUIT)),
        ("TVC", -127.0, (None, Quality.OPEN_CIRCUIT)),
        ("TVC", 85, (None, Quality.POWER_ON_VALUE)),
        ("TCON", 85.0, (None, Quality.POWER_ON_VALUE)),
        ("TVC", 60.01, (None, Quality.OUT_OF_DEVICE_RANGE)),
        ("TVC", -55.01, (None, Quality.OUT_OF_DEVICE_RANGE)),
        ("TVC", 1e308, (None, Quality.OUT_OF_DEVICE_RANGE)),
        ("TVC", -1e308, (None, Quality.OUT_OF_DEVICE_RANGE)),
        ("TFRZ", -80.0, (-8_000, Quality.OK)),
        ("TFRZ", -99.9, (-9_990, Quality.OK)),
        ("TFRZ", -100.0, (None, Quality.OUT_OF_DEVICE_RANGE)),
        ("TCON", 120.5, (12_050, Quality.OK)),
        ("ZVIAL", 149.0, (14_900, Quality.OK)),
        ("ZVIAL", 151.0, (None, Quality.OUT_OF_DEVICE_RANGE)),
    ],
)
def test_a_value_becomes_centi_degrees_or_a_named_fault(
    field: str, value: object, expected: tuple[int | None, Quality]
) -> None:
    assert temperature(field, value) == expected


anything = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.sampled_from(["TVC", "TFRZ", "TAMB", "TCON", "ZVIAL"]), anything)
def test_whatever_comes_is_a_plausible_reading(field: str, value: object) -> None:
    centi_celsius, quality = temperature(field, value)
    assert is_plausible(Reading("gw.s", 1, centi_celsius, quality, 1, 1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("P3DT12H5M32S", 302_732_000),
        ("PT0S", 0),
        ("P1D", 86_400_000),
        ("PT15M", 900_000),
        ("PT1.9S", 1_000),
        ("PT900S", 900_000),
        ("P", None),
        ("PT", None),
        ("P1DT", None),
        ("", None),
        ("1D", None),
        ("P1M", None),
        ("P1Y", None),
        ("-PT1S", None),
        ("PT1S ", None),
        ("PT99999999999S", None),
        ("PT\u0661S", None),
        (5, None),
        (None, None),
    ],
)
def test_a_duration(value: object, expected: int | None) -> None:
    assert duration_ms(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20200115T040554Z", 1_579_061_154_000),
        ("19700101T000000Z", 0),
        ("20240229T235959Z", 1_709_251_199_000),
        ("20230229T000000Z", None),
        ("20201315T040554Z", None),
        ("20200115T246060Z", None),
        ("2020-01-15T04:05:54Z", None),
        ("20200115T040554", None),
        ("20200115T040554+0530", None),
        (None, None),
        (20200115, None),
    ],
)
def test_an_instant(value: object, expected: int | None) -> None:
    assert instant_ms(value) == expected


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"4.5", b"null", b'{"TVC":NaN}', b'{"TVC":\xff}', b"[" * 5_000, b'{"a":' * 5_000, b"\x00"],
)
def test_a_line_that_is_no_record_is_named_as_such(line: bytes) -> None:
    with pytest.raises(WireProblem) as caught:
        parse_record(line)
    assert caught.value.facts["reason"] == "bad_json"


def test_unknown_fields_are_kept_and_do_no_harm() -> None:
    assert parse_record(b'{"TVC":1,"zcell_info":{"a":[1]}}')["TVC"] == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3.0), (2.5, 2.5), (None, None), (True, None), ("3", None), (1e10, None), (10**400, None)],
)
def test_an_aux_number(value: object, expected: float | None) -> None:
    assert number(value) == expected


def test_text_is_bounded() -> None:
    assert text("x" * 100) == "x" * 64
    assert text(None) == text(5) == ""
