from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.protocols.ds18b20 import (
    POWER_ON_CELSIUS,
    SHORTED,
    crc,
    device_id,
    millicelsius,
    scratchpad,
    w1_slave,
)

CELSIUS = st.integers(-55 * 16, 125 * 16).map(lambda sixteenths: sixteenths / 16)
READ = re.compile(r"((?:[0-9a-f]{2} ){9}): crc=([0-9a-f]{2}) (YES|NO)\n\1t=(-?\d+)\n")


@pytest.mark.parametrize(
    ("pad", "millidegrees"),
    [
        ("50 05 4b 46 7f ff 0c 10 1c", 85_000),
        ("72 01 4b 46 7f ff 0e 10 57", 23_125),
        ("a3 01 4b 46 7f ff 0d 10 ce", 26_187),
    ],
)
def test_pads_are_those_that_real_parts_were_seen_to_send(pad: str, millidegrees: int) -> None:
    data = bytes.fromhex(pad)
    assert crc(data[:-1]) == data[-1]
    assert millicelsius(data) == millidegrees
    assert scratchpad(int.from_bytes(data[:2], "little") / 16) == data


def test_the_crc_of_the_makers_own_example_comes_out() -> None:
    """Maxim's application note 27: the eight bytes of a part's ROM, the CRC among them."""
    assert crc(bytes.fromhex("02 1c b8 01 00 00 00")) == 0xA2


def test_the_pad_after_power_on_is_the_one_that_everybody_knows() -> None:
    assert scratchpad(POWER_ON_CELSIUS).hex(" ") == "50 05 4b 46 7f ff 0c 10 1c"
    assert w1_slave(scratchpad(POWER_ON_CELSIUS)) == (
        "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n"
    )


@given(CELSIUS)
def test_a_temperature_survives_the_pad(celsius: float) -> None:
    pad = scratchpad(celsius)
    assert len(pad) == 9
    assert crc(pad) == 0
    assert millicelsius(pad) == int(celsius * 1_000), "cut toward zero"


@given(CELSIUS)
def test_hundredths_from_thousandths_are_those_of_the_temperature(celsius: float) -> None:
    assert round(millicelsius(scratchpad(celsius)) / 10) == round(celsius * 100)


@given(CELSIUS)
def test_the_file_has_the_kernels_two_lines(celsius: float) -> None:
    found = READ.fullmatch(w1_slave(scratchpad(celsius)))
    assert found is not None
    assert found[3] == "YES"
    assert int(found[4]) == int(celsius * 1_000)


@given(CELSIUS)
def test_a_garbled_line_never_has_a_fitting_crc(celsius: float) -> None:
    found = READ.fullmatch(w1_slave(scratchpad(celsius), is_garbled=True))
    assert found is not None
    assert found[3] == "NO"


def test_a_shorted_line_reads_as_zero_degrees_with_a_good_crc() -> None:
    assert w1_slave(SHORTED) == ("00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n")
    assert scratchpad(0.0) != SHORTED, "a real 0 °C can be told from it by the bytes behind the temperature"


def test_ids_are_of_the_right_family_and_belong_to_their_probe() -> None:
    ids = [device_id(serial, probe) for serial in ("ILR-1", "ILR-2") for probe in ("a", "b")]
    assert all(re.fullmatch(r"28-[0-9a-f]{12}", one) for one in ids)
    assert len(set(ids)) == 4
    assert device_id("ILR-1", "a") == ids[0]
