from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.keeper import sensing as sensing_module
from edge_agent.keeper.keeper import Keeper, ProbeView
from edge_agent.keeper.sensing import INTERVALS, STILL_SECONDS, Sensing
from edge_agent.settings.file import load_settings
from edge_agent.settings.source import ProbeSetting
from edge_agent.sources.connect import make_source
from sheetal.contracts.clock import now_ms
from tests.edge_agent.kit import GATEWAY, sample, until, write_settings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from edge_agent.outbox.outbox import Outbox

POLLED = {"gw-t.a", "gw-t.b"}


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def view(sensor: str, number: int | None, interval_ms: int = 10_000) -> ProbeView:
    newest = None if number is None else sample(number, None, sensor=sensor)
    return ProbeView(sensor, "", ProbeSetting(probe="a", interval_ms=interval_ms), newest, [], None)


def test_a_probe_that_says_every_time_that_it_is_dead_gets_on() -> None:
    clock = Clock()
    sensing = Sensing(clock)
    for number in range(100):
        clock.seconds += 60
        assert sensing.gets_on([view("gw-t.a", number)], POLLED, 0)


def test_one_that_hangs_is_found_out_and_forgiven_when_it_goes_on() -> None:
    clock = Clock()
    sensing = Sensing(clock)
    assert sensing.gets_on([view("gw-t.a", 1), view("gw-t.b", 1)], POLLED, 0)
    clock.seconds = STILL_SECONDS
    assert sensing.gets_on([view("gw-t.a", 1), view("gw-t.b", 2)], POLLED, 0)
    clock.seconds = STILL_SECONDS + 1
    assert not sensing.gets_on([view("gw-t.a", 1), view("gw-t.b", 3)], POLLED, 0)
    assert sensing.gets_on([view("gw-t.a", 2), view("gw-t.b", 3)], POLLED, 0)


def test_one_that_never_says_anything_hangs_too() -> None:
    clock = Clock()
    sensing = Sensing(clock)
    assert sensing.gets_on([view("gw-t.a", None)], POLLED, 0)
    clock.seconds = STILL_SECONDS + 1
    assert not sensing.gets_on([view("gw-t.a", None)], POLLED, 0)


def test_a_logger_hub_may_be_silent_for_as_long_as_it_likes() -> None:
    clock = Clock()
    sensing = Sensing(clock)
    for _ in range(3):
        assert sensing.gets_on([view("gw-t.hub", 1)], POLLED, 0)
        clock.seconds += 10 * STILL_SECONDS


def test_a_full_outbox_that_refuses_is_no_reason_to_start_anew() -> None:
    clock = Clock()
    sensing = Sensing(clock)
    for refused in range(10):
        assert sensing.gets_on([view("gw-t.a", 1)], POLLED, refused)
        clock.seconds += STILL_SECONDS + 1


@given(st.integers(100, 86_400_000), st.floats(0, 2_000_000))
def test_a_rarely_asked_probe_has_ten_of_its_intervals(interval_ms: int, seconds: float) -> None:
    clock = Clock()
    sensing = Sensing(clock)
    sensing.gets_on([view("gw-t.a", 1, interval_ms)], POLLED, 0)
    clock.seconds = seconds
    allowed = max(STILL_SECONDS, INTERVALS * interval_ms / 1_000)
    assert sensing.gets_on([view("gw-t.a", 1, interval_ms)], POLLED, 0) is (seconds <= allowed)


def test_a_real_source_that_hangs_in_its_driver_is_found_out_and_one_beside_it_is_not_blamed(
    tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a pipe that nobody writes to blocks for ever, as a driver below the kernel's tree can."""
    monkeypatch.setattr(sensing_module, "STILL_SECONDS", 0.8)
    well, hung = ("28-00000000000a", "28-00000000000b")
    for device in (well, hung):
        (tmp_path / device).mkdir()
    (tmp_path / well / "temperature").write_text("4250\n")
    os.mkfifo(tmp_path / hung / "w1_slave")
    path = write_settings(tmp_path)
    text = path.read_text()
    for device in (well, hung):
        text += f'[[source]]\nkind = "one_wire"\nroot = "{tmp_path}"\n'
        text += f'[[source.probe]]\nprobe = "{device[-1]}"\ndevice = "{device}"\ninterval_ms = 100\n'
    path.write_text(text)
    settings = load_settings(path)
    keeper = Keeper(settings, outbox, lambda: None, lambda: None)
    sources = [make_source(GATEWAY, one, outbox.mark, now_ms) for one in settings.sources]
    for source in sources:
        source.start(keeper.keep)
    sensing = Sensing()

    def gets_on(sensor: str) -> bool:
        return sensing.gets_on([one for one in keeper.view() if one.sensor == sensor], keeper.local_sensors(), 0)

    try:
        assert gets_on("gw-t.b")
        until(lambda: gets_on("gw-t.a") and not gets_on("gw-t.b"))
        # Whoever writes lets the driver go: the source goes on by itself.
        with (tmp_path / hung / "w1_slave").open("w") as pipe:
            (tmp_path / hung / "w1_slave").unlink()
            (tmp_path / hung / "temperature").write_text("4250\n")
            pipe.write("nothing of use")
        until(lambda: gets_on("gw-t.b"))
    finally:
        for source in sources:
            source.stop()
