from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING

import pytest

from firmware_sim.faults import Trouble
from firmware_sim.probe import Report
from firmware_sim.protocols.ds18b20 import device_id, scratchpad, w1_slave
from firmware_sim.protocols.sysfs import OneWireVoice, Tree
from firmware_sim.scenario import ApplianceSpec, ExtraProbe, Place
from tests.firmware_sim.given import appliance_spec, one_sample

if TYPE_CHECKING:
    from pathlib import Path

SPEC = appliance_spec(extra_probes=[ExtraProbe(probe="room", field="TAMB", place=Place.AMBIENT)])
OTHER = appliance_spec(serial="ILR-2", probe="ilr2-tvc")
MAIN, ROOM = device_id("ILR-1", "ilr1-tvc"), device_id("ILR-1", "room")
GOOD = (Report(4.31, 4.3125, None), Report(31.0, 31.0, None))


@pytest.fixture
def voice(tmp_path: Path) -> OneWireVoice:
    made = OneWireVoice([SPEC, OTHER], tmp_path / "sys")
    assert asyncio.run(made.open()) == str(tmp_path / "sys")
    return made


def show(voice: OneWireVoice, spec: ApplianceSpec = SPEC, **changes: object) -> None:
    voice.tell(spec, one_sample(**({"probes": GOOD} | changes)))
    voice.announce()


def devices(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "sys" / "bus" / "w1" / "devices").iterdir())


def read(folder: Path, device: str, file: str) -> str:
    return (folder / "sys" / "bus" / "w1" / "devices" / device / file).read_text()


def gpio(folder: Path, line: int) -> str:
    return (folder / "sys" / "class" / "gpio" / f"gpio{line}" / "value").read_text()


def test_an_open_bus_without_probes_is_an_empty_folder(voice: OneWireVoice, tmp_path: Path) -> None:
    del voice
    assert devices(tmp_path) == []


def test_every_probe_has_a_folder_as_the_kernel_makes_it(voice: OneWireVoice, tmp_path: Path) -> None:
    show(voice)
    assert devices(tmp_path) == sorted([MAIN, ROOM])
    assert read(tmp_path, MAIN, "w1_slave") == w1_slave(scratchpad(4.3125))
    assert read(tmp_path, MAIN, "temperature") == "4312\n"
    assert read(tmp_path, MAIN, "name") == MAIN + "\n"
    assert read(tmp_path, ROOM, "temperature") == "31000\n"


def test_people_find_out_which_folder_is_which_sensor(voice: OneWireVoice, tmp_path: Path) -> None:
    del voice
    told = json.loads((tmp_path / "sys" / "probes.json").read_text())
    assert told == {"ilr1-tvc": MAIN, "room": ROOM, "ilr2-tvc": device_id("ILR-2", "ilr2-tvc")}


def test_a_disconnected_probe_vanishes_alone_and_comes_back(voice: OneWireVoice, tmp_path: Path) -> None:
    show(voice)
    show(voice, probes=(Report(4.3, None, Trouble.OPEN_CIRCUIT), GOOD[1]))
    assert devices(tmp_path) == [ROOM]
    show(voice)
    assert devices(tmp_path) == sorted([MAIN, ROOM])


def test_all_probes_of_a_logger_that_restarts_vanish_and_say_85_degrees_first(
    voice: OneWireVoice, tmp_path: Path
) -> None:
    show(voice)
    show(voice, recorded=False)
    assert devices(tmp_path) == []
    show(voice, probes=(Report(4.3, None, Trouble.POWER_ON), Report(31.0, None, Trouble.POWER_ON)))
    assert read(tmp_path, MAIN, "temperature") == read(tmp_path, ROOM, "temperature") == "85000\n"


def test_a_garbled_line_says_no_and_has_no_temperature(voice: OneWireVoice, tmp_path: Path) -> None:
    show(voice, probes=(Report(4.3, None, Trouble.CRC_ERROR), GOOD[1]))
    assert " NO\n" in read(tmp_path, MAIN, "w1_slave")
    assert read(tmp_path, MAIN, "temperature") == ""
    assert " YES\n" in read(tmp_path, ROOM, "w1_slave")


def test_a_shorted_line_is_zero_degrees_that_nobody_measured(voice: OneWireVoice, tmp_path: Path) -> None:
    show(voice, probes=(Report(4.3, None, Trouble.SHORT_CIRCUIT), GOOD[1]))
    assert read(tmp_path, MAIN, "w1_slave").startswith("00 00 00 00 00 00 00 00 00 : crc=00 YES")
    assert read(tmp_path, MAIN, "temperature") == "0\n"


@pytest.mark.parametrize(("door_open", "mains_on"), [(True, False), (False, True)])
def test_door_and_mains_are_lines_of_their_own_for_each_appliance(
    voice: OneWireVoice, tmp_path: Path, *, door_open: bool, mains_on: bool
) -> None:
    show(voice, door_open=door_open, mains_on=mains_on)
    show(voice, OTHER, probes=GOOD[:1], door_open=mains_on, mains_on=door_open)
    assert [gpio(tmp_path, line) for line in range(4)] == [
        f"{state:d}\n" for state in (door_open, mains_on, mains_on, door_open)
    ]


def test_only_the_newest_record_is_shown_and_nothing_before_the_bus_is_open(tmp_path: Path) -> None:
    early = OneWireVoice([SPEC], tmp_path / "sys")
    for celsius in (4.0, 5.0):
        show(early, probes=(Report(celsius, celsius, None), GOOD[1]))
    assert not (tmp_path / "sys").exists()
    asyncio.run(early.open())
    assert read(tmp_path, MAIN, "temperature") == "5000\n"


def test_a_bus_begins_with_nothing_of_an_earlier_one(voice: OneWireVoice, tmp_path: Path) -> None:
    show(voice)
    asyncio.run(OneWireVoice([SPEC], tmp_path / "sys").open())
    assert devices(tmp_path) == []


def test_a_reader_never_sees_half_a_file(voice: OneWireVoice, tmp_path: Path) -> None:
    whole = {w1_slave(scratchpad(celsius)) for celsius in (4.0, -20.0625)}
    show(voice)
    show(voice, probes=(Report(4.0, 4.0, None), GOOD[1]))
    path = tmp_path / "sys" / "bus" / "w1" / "devices" / MAIN / "w1_slave"
    done = threading.Event()

    def write() -> None:
        for turn in range(200):
            celsius = (4.0, -20.0625)[turn % 2]
            show(voice, probes=(Report(celsius, celsius, None), GOOD[1]))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(path.read_text())
    writer.join()
    assert seen == whole


def test_a_folder_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Tree(tmp_path / "file" / "sys").clear()
