"""A 1-Wire bus and GPIO lines as a Linux kernel shows them below /sys, in a folder of ordinary files.

    bus/w1/devices/28-…/w1_slave, temperature, name   one folder a probe that answers
    class/gpio/gpio<n>/value                          door of appliance p: n = 2p, 1 = open; mains: n = 2p + 1, 1 = on
    probes.json                                       which sensor has which folder (only for people and tests)

A file is replaced as a whole and a folder appears or vanishes as a whole, so a reader never sees half of one. A probe
with an open circuit and those of a restarting logger vanish; a garbled one has `NO` behind its CRC and an empty
`temperature` (where the kernel answers with an error); a shorted one reads 0 °C with a good CRC.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from firmware_sim.faults import Trouble
from firmware_sim.protocols.ds18b20 import POWER_ON_CELSIUS, SHORTED, device_id, millicelsius, scratchpad, w1_slave

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from firmware_sim.appliance import Sample
    from firmware_sim.probe import Report
    from firmware_sim.scenario import ApplianceSpec

_NEXT = ".next"


class Tree:
    """Files that are replaced as a whole, below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._next = root / _NEXT

    def clear(self) -> None:
        """Begins with nothing; raises OSError where the folder cannot be made."""
        if self._root.exists():
            shutil.rmtree(self._root)
        self._next.mkdir(parents=True)

    def put(self, name: str, text: str) -> None:
        """Makes or replaces one file; its folder must be there."""
        made = self._next / "file"
        made.write_text(text)
        made.replace(self._root / name)

    def put_folder(self, name: str, files: dict[str, str]) -> None:
        """Makes a folder with its files, or replaces them one by one where it is there."""
        folder = self._root / name
        if folder.is_dir():
            for file, text in files.items():
                self.put(f"{name}/{file}", text)
            return
        made = self._next / "folder"
        made.mkdir()
        for file, text in files.items():
            (made / file).write_text(text)
        folder.parent.mkdir(parents=True, exist_ok=True)
        made.rename(folder)

    def remove_folder(self, name: str) -> None:
        """Lets a folder vanish, if it is there."""
        folder = self._root / name
        if folder.is_dir():
            shutil.rmtree(folder.rename(self._next / "gone"))


class OneWireVoice:
    """One hub's bus and lines below `root`; only what a record changed is written."""

    def __init__(self, appliances: Sequence[ApplianceSpec], root: Path) -> None:
        self._root = root
        self._tree = Tree(root)
        self._positions = {one.serial: number for number, one in enumerate(appliances)}
        self._devices = {probe: device_id(one.serial, probe) for one in appliances for probe in one.probes}
        self._waiting: dict[str, tuple[ApplianceSpec, Sample]] = {}
        self._is_open = False

    async def open(self) -> str:
        """Makes the folder anew; raises OSError where it cannot."""
        self._tree.clear()
        self._tree.put("probes.json", json.dumps(self._devices, indent=1) + "\n")
        (self._root / "bus" / "w1" / "devices").mkdir(parents=True)
        self._is_open = True
        self.announce()
        return str(self._root)

    def tell(self, spec: ApplianceSpec, sample: Sample) -> None:
        """Takes the newest record of an appliance; older ones are past, a bus only shows the present."""
        self._waiting[spec.serial] = (spec, sample)

    def announce(self) -> None:
        """Writes what is new."""
        if not self._is_open:
            return
        for spec, sample in self._waiting.values():
            self._show(spec, sample)
        self._waiting.clear()

    async def close(self) -> None:
        """Leaves the files as they are: a dead simulator is a bus that stands still."""
        self._is_open = False

    def _show(self, spec: ApplianceSpec, sample: Sample) -> None:
        for probe, report in zip(spec.probes, sample.probes, strict=True):
            self._show_probe(f"bus/w1/devices/{self._devices[probe]}", report, recorded=sample.recorded)
        position = self._positions[spec.serial]
        for line, is_on in ((2 * position, sample.door_open), (2 * position + 1, sample.mains_on)):
            self._tree.put_folder(f"class/gpio/gpio{line}", {"value": f"{is_on:d}\n"})

    def _show_probe(self, folder: str, report: Report, *, recorded: bool) -> None:
        if not recorded or report.trouble is Trouble.OPEN_CIRCUIT:
            self._tree.remove_folder(folder)
            return
        self._tree.put_folder(folder, {"name": folder.rpartition("/")[2] + "\n", **_files(report)})


def _files(report: Report) -> dict[str, str]:
    if report.trouble is Trouble.CRC_ERROR:
        return {"w1_slave": w1_slave(scratchpad(report.true_celsius), is_garbled=True), "temperature": ""}
    pad = SHORTED
    if report.trouble is not Trouble.SHORT_CIRCUIT:
        pad = scratchpad(POWER_ON_CELSIUS if report.celsius is None else report.celsius)
    return {"w1_slave": w1_slave(pad), "temperature": f"{millicelsius(pad)}\n"}
