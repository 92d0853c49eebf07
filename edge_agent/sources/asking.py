"""`python -m edge_agent probe --config FILE`: what every source says now, for a technician with the cover open.

It takes the place of the running gateway, which holds serial lines alone: stop that first. Nothing is kept or sent.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from edge_agent.settings.file import load_settings
from edge_agent.sources.connect import make_source
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.reading import Quality, celsius
from sheetal.contracts.topics import sensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.sample import AuxSample, Observation, Sample
    from edge_agent.settings.file import Settings
    from edge_agent.settings.source import SourceSetting
    from edge_agent.sources.port import Source

SECONDS = 10.0
LOOK_SECONDS = 0.05
NAME_CHARACTERS = 32


class Newest:
    """A sink that keeps the newest of everything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.samples: dict[str, Sample] = {}
        self.aux: dict[tuple[str, str], AuxSample] = {}
        self.days: dict[str, int] = {}

    def __call__(self, observations: Sequence[Observation]) -> None:
        """Takes what a source says."""
        with self._lock:
            for observation in observations:
                self.samples.update({sample.sensor: sample for sample in observation.samples})
                self.aux.update({(one.source, one.field): one for one in observation.aux})
                for day in observation.days:
                    self.days[day.sensor] = self.days.get(day.sensor, 0) + 1


def main(arguments: list[str], out: TextIO = sys.stdout) -> int:
    """The command line; 0 when every probe has a temperature, 1 when one has not, 2 for a wrong setting."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent probe", description="Says what every source says now.")
    parser.add_argument("--config", type=Path, required=True, help="the settings, see edge_agent/sample.toml")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long to wait for those that speak seldom")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        return ask(load_settings(asked.config), asked.seconds, out)
    except SettingProblem as problem:
        print(problem.message, file=sys.stderr)  # noqa: T201 - it speaks to the person at the terminal
        return 2


def ask(settings: Settings, seconds: float, out: TextIO) -> int:
    """Listens to all sources until each probe has said something, or for so long, and writes it down."""
    newest = Newest()
    sources = [make_source(settings.gateway, setting, lambda _name: None, now_ms) for setting in settings.sources]
    for source in sources:
        source.start(newest)
    until_seconds = time.monotonic() + seconds
    while time.monotonic() < until_seconds and not set(settings.sensors) <= {*newest.samples, *newest.days}:
        time.sleep(LOOK_SECONDS)
    connected = [source.is_connected() for source in sources]
    for source in sources:
        source.stop()
    for setting, source, is_connected in zip(settings.sources, sources, connected, strict=True):
        _tell(settings.gateway, setting, source, newest, out)
        out.write(f"  {'connected' if is_connected else 'NOT CONNECTED'}\n")
    good = {sensor for sensor, sample in newest.samples.items() if sample.quality == Quality.OK} | set(newest.days)
    return 0 if set(settings.sensors) <= good else 1


def _tell(gateway: str, setting: SourceSetting, source: Source, newest: Newest, out: TextIO) -> None:
    out.write(f"{setting.__struct_config__.tag} {_where(setting)}\n")
    for probe in setting.probe:
        sensor = sensor_of(gateway, probe.probe)
        out.write(f"  {sensor:<{NAME_CHARACTERS}} {_said(newest, sensor)}\n")
    appliances = {sensor_of(gateway, point.appliance) for point in (*setting.probe, *getattr(setting, "aux", ()))}
    for (appliance, field), one in sorted(newest.aux.items()):
        if appliance in appliances:
            out.write(f"  {appliance + ' ' + field:<{NAME_CHARACTERS}} {one.value:g}\n")
    out.writelines(f"  {report.name}: {report.why}\n" for report in getattr(source, "report", list)())


def _said(newest: Newest, sensor: str) -> str:
    days = f"{newest.days[sensor]} days" if sensor in newest.days else ""
    sample = newest.samples.get(sensor)
    if sample is None:
        return days or "nothing said"
    if sample.centi_celsius is None:
        return Quality(sample.quality).name
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(sample.measured_at_ms // 1_000))
    return f"{celsius(sample.centi_celsius):.2f} °C  {at}  {days}".rstrip()


def _where(setting: SourceSetting) -> str:
    """Its address, device or folder."""
    names = ("host", "port", "device", "root", "folder")
    return ":".join(str(getattr(setting, name)) for name in names if hasattr(setting, name))
