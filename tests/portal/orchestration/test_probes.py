from __future__ import annotations

from copy import deepcopy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from portal.errors import FieldProblem
from portal.orchestration.probes import EDITED, PROBES_MAX, Probe, changed, checked, probe_named, probes_of
from sheetal.contracts.problem import NotFound
from tests.portal.given_gateways import CONFIG

RAW = msgspec.json.encode(CONFIG)
FIRST, SECOND = "a-101-1-tvc", "a-101-2-tvc"


def first() -> Probe:
    return probe_named(RAW, FIRST)


def typed(**changes: str) -> dict[str, str]:
    return first().typed() | changes


def test_probes_are_told_with_what_may_be_changed_of_each() -> None:
    one, other = probes_of(RAW)
    assert (one.name, one.appliance, one.field, one.kind) == (FIRST, "ILR-101-1", "TVC", "ds01_tcp")
    assert tuple(one.values) == EDITED
    assert one.signs == {"freeze": "≤", "heat": ">"}
    assert other.values == {"interval_ms": 10_000}


def test_values_are_typed_as_people_read_them() -> None:
    assert first().typed() == {
        "interval_ms": "60",
        "range_min_centi_celsius": "2.0",
        "range_max_centi_celsius": "8.0",
        "freeze_alarm_centi_celsius": "−0.5",
        "heat_alarm_centi_celsius": "8.0",
        "freeze_alarm_minutes": "60",
        "heat_alarm_minutes": "600",
    }


@given(
    some.fixed_dictionaries(
        {
            "interval_ms": some.integers(100, 3_600_000),
            "range_min_centi_celsius": some.integers(-10_000, 0),
            "range_max_centi_celsius": some.integers(1, 10_000),
            "freeze_alarm_centi_celsius": some.integers(-10_000, 0),
            "heat_alarm_centi_celsius": some.integers(1, 10_000),
            "freeze_alarm_minutes": some.integers(0, 2_880),
            "heat_alarm_minutes": some.integers(0, 2_880),
        }
    )
)
def test_what_is_shown_in_a_form_and_sent_back_is_unchanged(values: dict[str, int]) -> None:
    one = Probe("p", "", "", "", values, {})
    assert checked(one.typed(), one) == values


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("range_max_centi_celsius", "7,5", 750),
        ("range_max_centi_celsius", " +7.25 ", 725),
        ("freeze_alarm_centi_celsius", "-0.5", -50),
        ("freeze_alarm_centi_celsius", "−0.50", -50),
        ("freeze_alarm_centi_celsius", "0", 0),
        ("interval_ms", "0.5", 500),
        ("interval_ms", "3600", 3_600_000),
        ("heat_alarm_minutes", "0", 0),
    ],
)
def test_numbers_are_read_as_people_type_them(name: str, text: str, value: int) -> None:
    assert checked(typed(**{name: text}), first())[name] == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("interval_ms", ""),
        ("interval_ms", "0"),
        ("interval_ms", "3601"),
        ("interval_ms", "-5"),
        ("interval_ms", "1e3"),
        ("interval_ms", "१०"),
        ("range_min_centi_celsius", "warm"),
        ("range_min_centi_celsius", "101"),
        ("range_min_centi_celsius", "-100.01"),
        ("range_min_centi_celsius", "1.234"),
        ("range_max_centi_celsius", "2.0"),
        ("heat_alarm_centi_celsius", "-0.5"),
        ("freeze_alarm_minutes", "1.5"),
        ("freeze_alarm_minutes", "2881"),
        ("heat_alarm_minutes", "-1"),
    ],
)
def test_what_cannot_be_meant_is_asked_again(name: str, text: str) -> None:
    with pytest.raises(FieldProblem) as problem:
        checked(typed(**{name: text}), first())
    assert problem.value.field == name


def test_an_alarm_that_is_off_binds_nothing() -> None:
    values = checked(typed(freeze_alarm_minutes="0", heat_alarm_centi_celsius="-15.0"), first())
    assert values["heat_alarm_centi_celsius"] == -1_500


def test_a_change_leaves_everything_else_as_it_was() -> None:
    whole = changed(RAW, FIRST, {"interval_ms": 30_000, "range_max_centi_celsius": 750})
    expected = deepcopy(CONFIG)
    expected["source"][0]["probe"][0] |= {"interval_ms": 30_000, "range_max_centi_celsius": 750}
    assert whole == expected
    assert msgspec.json.decode(RAW) == CONFIG


def test_what_the_gateway_does_not_tell_is_not_put_into_its_mouth() -> None:
    whole = changed(RAW, SECOND, {"interval_ms": 20_000, "heat_alarm_minutes": 5})
    assert whole["source"][0]["probe"][1] == {**CONFIG["source"][0]["probe"][1], "interval_ms": 20_000}
    assert checked({"interval_ms": "20", "heat_alarm_minutes": "nonsense"}, probe_named(RAW, SECOND)) == {
        "interval_ms": 20_000
    }


def test_a_probe_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        probe_named(RAW, "none")
    with pytest.raises(NotFound):
        changed(RAW, "none", {})


@pytest.mark.parametrize(
    "config",
    [
        b"{}",
        b"not json",
        b"[1]",
        b'{"source":1}',
        b'{"source":[1,null]}',
        b'{"source":[{"probe":{}}]}',
        b'{"source":[{"probe":[1,{"probe":7},{"x":1}]}]}',
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    ],
    ids=range(8),
)
def test_a_configuration_of_another_shape_has_no_probes(config: bytes) -> None:
    assert probes_of(config) == []


def test_words_and_numbers_of_another_kind_are_left_out() -> None:
    strange = {"probe": "p", "appliance": 5, "field": "x" * 999, "interval_ms": True, "range_min_centi_celsius": 1.5}
    (one,) = probes_of(msgspec.json.encode({"source": [{"kind": None, "probe": [strange]}]}))
    assert (one.appliance, len(one.field), one.kind, one.values) == ("", 64, "", {})


def test_the_number_of_probes_shown_is_bounded() -> None:
    many = [{"probe": f"p{number}"} for number in range(PROBES_MAX + 5)]
    assert len(probes_of(msgspec.json.encode({"source": [{"probe": many}]}))) == PROBES_MAX


@pytest.mark.parametrize("name", ["", "a/b", "../../gw-02", "a b", "a?x=1", "a#b", "x" * 65, "\u202egnorw", "a\n"])
def test_a_name_that_no_gateway_takes_makes_no_address(name: str) -> None:
    assert probes_of(msgspec.json.encode({"source": [{"probe": [{"probe": name, "interval_ms": 1_000}]}]})) == []


def test_a_number_that_nothing_can_show_is_left_out() -> None:
    for number in ("9" * 400, "-" + "9" * 400, "2147483648"):
        config = b'{"source":[{"probe":[{"probe":"p","interval_ms":%s}]}]}' % number.encode()
        assert probes_of(config)[0].values == {}


def test_a_deep_configuration_is_changed_like_any() -> None:
    deep = b"[" * 400 + b"]" * 400
    whole = changed(b'{"x":%s,"source":[{"probe":[{"probe":"p","interval_ms":1}]}]}' % deep, "p", {"interval_ms": 2})
    assert whole["source"][0]["probe"][0]["interval_ms"] == 2
    assert msgspec.json.encode(whole["x"]) == deep
