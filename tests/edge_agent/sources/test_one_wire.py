from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.settings.source import OneWireAux, OneWireProbe, OneWireSetting
from edge_agent.sources.one_wire import OneWireBus, milli_celsius, one_wire_source, scratchpad
from edge_agent.sources.polled import Answer, worth
from sheetal.contracts.reading import Quality
from tests.edge_agent.kit import GATEWAY, T0_MS, until
from tests.edge_agent.sources.rigs import DEVICE, KeepingSink, w1_slave

if TYPE_CHECKING:
    from pathlib import Path

PROBE = OneWireProbe(probe="p", device=DEVICE)


def put(root: Path, text: str, name: str = "w1_slave") -> None:
    (root / DEVICE).mkdir(parents=True, exist_ok=True)
    (root / DEVICE / name).write_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (w1_slave(4_562), (456, Quality.OK)),
        (w1_slave(-62), (-6, Quality.OK)),
        (w1_slave(0), (0, Quality.OK)),
        (w1_slave(85_000), (None, Quality.POWER_ON_VALUE)),
        (w1_slave(-127_000), (None, Quality.OPEN_CIRCUIT)),
        (w1_slave(4_562, good=False), (None, Quality.NO_VALUE)),
        (w1_slave(0, pad="00 00 00 00 00 00 00 00 00"), (None, Quality.NO_VALUE)),
        (w1_slave(0, pad="ff ff ff ff ff ff ff ff ff", good=False), (None, Quality.NO_VALUE)),
        ("", (None, Quality.NO_VALUE)),
        ("YES\nt=4562\n", (None, Quality.NO_VALUE)),
        (w1_slave(4_562).partition("t=")[0], (None, Quality.NO_VALUE)),
        (w1_slave(4_562).replace("t=4562", "t=4562x"), (None, Quality.NO_VALUE)),
    ],
)
def test_a_scratchpad_is_a_temperature_or_a_fault_with_a_name(
    tmp_path: Path, text: str, expected: tuple[int | None, Quality]
) -> None:
    put(tmp_path, text)
    assert worth(PROBE, OneWireBus(tmp_path).read(PROBE)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4562\n", (456, Quality.OK)),
        ("85000\n", (None, Quality.POWER_ON_VALUE)),
        ("-127000\n", (None, Quality.OPEN_CIRCUIT)),
        ("", (None, Quality.NO_VALUE)),
        ("4562 C\n", (None, Quality.NO_VALUE)),
    ],
)
def test_newer_kernels_have_a_temperature_file(tmp_path: Path, text: str, expected: tuple[int | None, Quality]) -> None:
    put(tmp_path, text, "temperature")
    assert worth(PROBE, OneWireBus(tmp_path).read(PROBE)) == expected


def test_a_missing_folder_is_a_probe_that_is_gone(tmp_path: Path) -> None:
    answer = OneWireBus(tmp_path).read(PROBE)
    assert answer.quality is Quality.DISCONNECTED
    assert DEVICE in answer.why
    assert OneWireBus(tmp_path / "none").read(PROBE).quality is Quality.DISCONNECTED


def test_a_folder_in_the_place_of_the_file_is_a_probe_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / DEVICE / "w1_slave").mkdir(parents=True)
    assert OneWireBus(tmp_path).read(PROBE).quality is Quality.DISCONNECTED


def test_a_garbled_scratchpad_is_read_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_agent.sources import one_wire  # noqa: PLC0415 - patched in this test only

    texts = [w1_slave(4_562, good=False), w1_slave(4_500), w1_slave(1, good=False), w1_slave(2, good=False)]
    put(tmp_path, "")
    monkeypatch.setattr(one_wire, "_text", lambda _path: texts.pop(0))
    assert OneWireBus(tmp_path).read(PROBE) == Answer(4.5)
    assert OneWireBus(tmp_path).read(PROBE).why == "bad CRC"
    assert texts == []


@pytest.mark.parametrize(
    ("text", "low", "expected"),
    [
        ("1\n", "", Answer(10.0)),
        ("0\n", "", Answer(0.0)),
        ("1", "on", Answer(0.0)),
        ("0", "on", Answer(10.0)),
        ("", "", Answer(quality=Quality.NO_VALUE, why="neither 0 nor 1")),
        ("on", "", Answer(quality=Quality.NO_VALUE, why="neither 0 nor 1")),
    ],
)
def test_a_switch_counts_the_seconds_of_its_interval(tmp_path: Path, text: str, low: str, expected: Answer) -> None:
    (tmp_path / "value").write_text(text)
    door = OneWireAux(
        field="DORV", appliance="A", interval_ms=10_000, file=str(tmp_path / "value"), active_low=low == "on"
    )
    assert OneWireBus(tmp_path).read(door) == expected


def test_a_switch_that_is_gone_says_which(tmp_path: Path) -> None:
    answer = OneWireBus(tmp_path).read(OneWireAux(field="SVA", appliance="A", file=str(tmp_path / "none")))
    assert answer.quality is Quality.DISCONNECTED
    assert str(tmp_path / "none") in answer.why


def test_doors_mains_and_ambient_come_beside_the_temperature(tmp_path: Path) -> None:
    put(tmp_path, w1_slave(4_500))
    other = "28-000000000001"
    (tmp_path / other).mkdir()
    (tmp_path / other / "temperature").write_text("31250\n")
    (tmp_path / "door").write_text("0\n")
    setting = OneWireSetting(
        root=str(tmp_path),
        probe=(OneWireProbe(probe="p", device=DEVICE, interval_ms=100),),
        aux=(
            OneWireAux(field="DORV", appliance="A", file=str(tmp_path / "door"), interval_ms=100),
            OneWireAux(field="SVA", appliance="A", file=str(tmp_path / "none"), interval_ms=100),
            OneWireAux(field="TAMB", appliance="A", device=other, interval_ms=100),
        ),
    )
    source, sink = one_wire_source(GATEWAY, setting, lambda: T0_MS), KeepingSink()
    source.start(sink)
    until(lambda: len(sink.seen) > 2)
    (tmp_path / "door").write_text("1\n")
    until(lambda: ("DORV", 0.1) in sink.aux())
    source.stop()
    assert sink.aux() == [("DORV", 0.0), ("TAMB", 31.25), ("DORV", 0.1)]
    assert sink.values()[0] == 450


@given(st.integers(-55_000, 125_000).filter(lambda value: value not in {85_000, 0}))
def test_whatever_a_probe_can_measure_is_read_as_it_stands(millicelsius: int) -> None:
    assert scratchpad(w1_slave(millicelsius)) == Answer(millicelsius / 1_000)
    assert milli_celsius(f"{millicelsius}\n") == Answer(millicelsius / 1_000)


@given(st.text(max_size=200))
def test_no_text_does_harm(text: str) -> None:
    assert scratchpad(text).quality in {Quality.OK, Quality.NO_VALUE}
    assert milli_celsius(text).quality in {Quality.OK, Quality.NO_VALUE}
