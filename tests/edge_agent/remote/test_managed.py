from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.remote.managed import CONFIG_BYTES_MAX, config_of, under
from edge_agent.settings.file import Settings, load_settings
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.kit import KEY, write_settings

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = '[[source]]\nkind = "logger_folder"\nfolder = "stick"\n[[source.probe]]\nprobe = "tag"\n'
SERIAL = '[[source]]\nkind = "ds01_serial"\ndevice = "/dev/ttyUSB0"\n[[source.probe]]\nprobe = "hub"\n'


@pytest.fixture
def installed(tmp_path: Path) -> Settings:
    path = write_settings(tmp_path, hub_port=9)
    path.write_text(path.read_text() + FOLDER + SERIAL)
    return load_settings(path)


def config(settings: Settings) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(config_of(settings))
    return told


def test_what_is_reported_can_be_desired(installed: Settings) -> None:
    assert under(installed, config_of(installed).decode()) == installed
    assert under(installed, "") == installed


def test_no_secret_and_no_place_of_the_gateway_is_reported(installed: Settings) -> None:
    told = config_of(installed).decode()
    assert set(config(installed)) == {"uplink", "source"}
    assert KEY.hex() not in told
    assert "gateway.key" not in told
    assert "outbox" not in told


def test_interval_limits_and_uplink_can_be_changed(installed: Settings) -> None:
    wanted = config(installed)
    wanted["source"][0]["probe"][0] |= {"interval_ms": 5_000, "range_max_centi_celsius": 900}
    wanted["uplink"]["message_rows"] = 3
    changed = under(installed, json.dumps(wanted))
    assert changed.sources[0].probe[0].interval_ms == 5_000
    assert changed.sources[0].probe[0].range_max_centi_celsius == 900
    assert changed.uplink.message_rows == 3
    assert changed._replace(uplink=installed.uplink, sources=installed.sources) == installed


def test_sources_can_come_and_go(installed: Settings) -> None:
    wanted = config(installed)
    modbus = {"kind": "modbus_tcp", "port": 502, "probe": [{"probe": "wic", "register": {"address": 4}}]}
    wanted["source"] = [wanted["source"][1], modbus]
    assert under(installed, json.dumps(wanted)).sensors == ["gw-t.tag", "gw-t.wic"]
    wanted["source"] = []
    assert under(installed, json.dumps(wanted)).sensors == []


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("gateway",), {"broker_url": "mqtt://evil"}, "gateway"),
        (("uplink", "broker_url"), "mqtt://evil", "broker_url"),
        (("uplink", "message_rows"), 0, "uplink.message_rows"),
        (("uplink", "resend_seconds"), "soon", "resend_seconds"),
        (("source", 0, "kind"), "telnet", "telnet"),
        (("source", 0, "port"), 0, "source[0].port"),
        (("source", 0, "probe"), [], "source[0].probe"),
        (("source", 0, "probe", 0, "probe"), "../x", "source[0].probe[0].probe"),
        (("source", 0, "probe", 0, "range_min_centi_celsius"), 900, "range_min_centi_celsius"),
        (("source", 0, "probe", 0, "interval_ms"), 1.5, "interval_ms"),
        (("source", 0, "probe", 0, "interval_ms"), 10**30, "interval_ms"),
        (("source", 0, "probe", 0, "range_max_centi_celsius"), 10**30, "range_max_centi_celsius"),
        (("source", 0, "probe", 0, "heat_alarm_minutes"), 10**9, "heat_alarm_minutes"),
        (("source", 0, "probe", 0, "freeze_alarm_centi_celsius"), -27_316, "freeze_alarm_centi_celsius"),
        (("source", 1, "folder"), "/etc", "/etc"),
        (("source", 1, "folder"), "stick", "stick"),
        (("source", 2, "device"), "/dev/sda", "/dev/sda"),
        (("source", 1, "probe", 0, "probe"), "ilr1-tvc", "there twice"),
    ],
)
def test_what_does_not_hold_is_one_line_that_says_why(
    installed: Settings, path: tuple[str | int, ...], value: object, named: str
) -> None:
    wanted: Any = config(installed)
    place = wanted
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(SettingProblem) as caught:
        under(installed, json.dumps(wanted))
    assert named in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("section", ["uplink", "source"])
def test_a_section_that_was_left_out_empties_nothing(installed: Settings, section: str) -> None:
    wanted = config(installed)
    del wanted[section]
    with pytest.raises(SettingProblem, match=section):
        under(installed, json.dumps(wanted))


@pytest.mark.parametrize("text", ["{", "[]", "7", "null", "{" * 30_000, '{"x":1}', " " * (CONFIG_BYTES_MAX + 1)])
def test_what_is_no_configuration_is_refused(installed: Settings, text: str) -> None:
    with pytest.raises(SettingProblem):
        under(installed, text)


def test_the_one_wire_tree_is_the_kernels(installed: Settings) -> None:
    probe = {"probe": "ds", "device": "28-0000072431ac"}
    wanted: dict[str, Any] = {"uplink": {}, "source": [{"kind": "one_wire", "probe": [probe]}]}
    assert under(installed, json.dumps(wanted)).sensors == ["gw-t.ds"]
    wanted["source"][0]["aux"] = [{"field": "DORV", "appliance": "a", "file": "/etc/shadow"}]
    with pytest.raises(SettingProblem, match="/etc/shadow"):
        under(installed, json.dumps(wanted))


def test_what_is_too_long_to_be_told_back_is_refused(installed: Settings) -> None:
    source = {"kind": "ds01_tcp", "port": 9, "probe": [{"probe": f"p{number}"} for number in range(300)]}
    short = json.dumps({"uplink": {}, "source": [source]})
    assert len(short) < CONFIG_BYTES_MAX
    with pytest.raises(SettingProblem, match="with its defaults"):
        under(installed, short)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return [leaf for name, one in value.items() for leaf in leaves(one, (*path, name))]
    if isinstance(value, list):
        return [leaf for index, one in enumerate(value) for leaf in leaves(one, (*path, index))]
    return [path]


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.just([]),
    st.just({}),
    st.just(10**40),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_whatever_is_desired_either_holds_and_can_be_told_or_is_refused(
    installed: Settings, data: st.DataObject
) -> None:
    wanted = config(installed)
    for path in data.draw(st.lists(st.sampled_from(leaves(wanted)), min_size=1, max_size=3)):
        place = wanted
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = data.draw(ODD)
    try:
        changed = under(installed, json.dumps(wanted))
    except SettingProblem:
        return
    assert under(installed, config_of(changed).decode()) == changed
    assert changed._replace(uplink=installed.uplink, sources=installed.sources) == installed
