from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge_agent
from edge_agent.settings.file import load_settings
from edge_agent.settings.source import (
    AuxSetting,
    Ds01SerialSetting,
    Ds01TcpSetting,
    LoggerFolderSetting,
    LoggerProbe,
    ModbusProbe,
    ModbusRtuSetting,
    ModbusTcpSetting,
    OneWireSetting,
    ProbeSetting,
    Register,
    SourceSetting,
    check_sources,
    placed,
)
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.kit import write_settings

SAMPLE = Path(edge_agent.__file__).parent / "sample.toml"
DS01 = '[[source]]\nkind = "ds01_tcp"\nport = 9\n[[source.probe]]\nprobe = "a"\n'
SERIAL = '[[source]]\nkind = "ds01_serial"\ndevice = "/dev/ttyUSB0"\n[[source.probe]]\nprobe = "a"\n'
MODBUS = '[[source]]\nkind = "modbus_tcp"\n[[source.probe]]\nprobe = "a"\nregister = { address = 0 }\n'
RTU = MODBUS.replace('"modbus_tcp"', '"modbus_rtu"\ndevice = "ttyUSB0"')
MODBUS_AUX = MODBUS + '[[source.aux]]\nfield = "DORV"\nappliance = "ILR-1"\nregister = { address = 4, scale = 1 }\n'
ONE_WIRE = '[[source]]\nkind = "one_wire"\n[[source.probe]]\nprobe = "a"\ndevice = "28-0000072431ac"\n'
ONE_WIRE_AUX = (
    '[[source]]\nkind = "one_wire"\n[[source.aux]]\nfield = "DORV"\nappliance = "ILR-1"\nfile = "gpio/value"\n'
)
FOLDER = '[[source]]\nkind = "logger_folder"\nfolder = "usb"\n[[source.probe]]\nprobe = "a"\n'
EVERY = [DS01, SERIAL, MODBUS, RTU, MODBUS_AUX, ONE_WIRE, ONE_WIRE_AUX, FOLDER]


def load(folder: Path, text: str) -> tuple[SourceSetting, ...]:
    path = write_settings(folder)
    path.write_text(path.read_text() + text)
    return load_settings(path).sources


@pytest.mark.parametrize("text", EVERY)
def test_every_kind_can_be_written_shortly(tmp_path: Path, text: str) -> None:
    [source] = load(tmp_path, text)
    assert len(source.probe) + len(getattr(source, "aux", ())) in {1, 2}


def test_each_kind_is_its_own_struct_and_all_can_stand_in_one_file(tmp_path: Path) -> None:
    texts = [text.replace('probe = "a"', f'probe = "p{number}"') for number, text in enumerate(EVERY)]
    sources = load(tmp_path, "".join(texts))
    kinds = {
        Ds01TcpSetting,
        Ds01SerialSetting,
        ModbusTcpSetting,
        ModbusRtuSetting,
        OneWireSetting,
        LoggerFolderSetting,
    }
    assert {type(source) for source in sources} == kinds
    assert msgspec.convert(msgspec.to_builtins(sources), tuple[SourceSetting, ...]) == sources


def test_the_defaults_are_those_of_the_usual_device(tmp_path: Path) -> None:
    [source] = load(tmp_path, MODBUS)
    assert isinstance(source, ModbusTcpSetting)
    assert (source.host, source.port, source.timeout_seconds) == ("127.0.0.1", 502, 1.0)
    assert source.probe[0].register == Register(
        address=0, unit=1, function="input", type="int16", scale=0.1, offset=0.0, fault_values=(0x8000,)
    )
    assert load(tmp_path, FOLDER)[0].probe[0] == LoggerProbe(probe="a", serial="", file="*")


def test_paths_are_relative_to_the_settings_file(tmp_path: Path) -> None:
    [folder] = load(tmp_path, FOLDER)
    [serial] = load(tmp_path, SERIAL)
    [rtu] = load(tmp_path, RTU)
    [one_wire] = load(tmp_path, ONE_WIRE_AUX)
    assert isinstance(folder, LoggerFolderSetting)
    assert isinstance(serial, Ds01SerialSetting)
    assert isinstance(rtu, ModbusRtuSetting)
    assert isinstance(one_wire, OneWireSetting)
    assert folder.folder == str(tmp_path / "usb")
    assert serial.device == "/dev/ttyUSB0"
    assert rtu.device == str(tmp_path / "ttyUSB0")
    assert (one_wire.root, one_wire.aux[0].file) == ("/sys/bus/w1/devices", str(tmp_path / "gpio" / "value"))
    assert placed(Ds01TcpSetting(port=9), tmp_path) == Ds01TcpSetting(port=9)


def test_every_kind_of_the_sample_is_valid_when_its_signs_are_taken_away(tmp_path: Path) -> None:
    head, _, others = SAMPLE.read_text().partition("# ---- The other kinds")
    lines = [line.removeprefix("#").removeprefix(" ") for line in others.splitlines()]
    told = [line for line in lines if re.match(r"\[\[|[a-z_]+ = ", line)]
    first = head.partition("\n[[source]]")[2]
    sources = load(tmp_path, "\n[[source]]" + first + "\n".join(told))
    assert [type(source) for source in sources] == [
        Ds01TcpSetting,
        Ds01SerialSetting,
        ModbusTcpSetting,
        ModbusRtuSetting,
        OneWireSetting,
        LoggerFolderSetting,
    ]
    modbus, one_wire = sources[2], sources[4]
    assert isinstance(modbus, ModbusTcpSetting)
    assert isinstance(one_wire, OneWireSetting)
    assert modbus.probe[0].register == Register(address=0)
    assert [aux.field for aux in modbus.aux] == ["DORV", "SVA", "BEMD", "TAMB", "CMPR"]
    assert [aux.field for aux in one_wire.aux] == ["TAMB", "DORV", "SVA"]


def test_only_a_carried_logger_may_be_silent() -> None:
    assert ProbeSetting(probe="a").is_live
    assert ModbusProbe(probe="a", register=Register(address=0)).is_live
    assert not LoggerProbe(probe="a").is_live


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (DS01.replace("ds01_tcp", "ds02"), "source[0].kind"),
        (DS01.replace('kind = "ds01_tcp"\n', ""), "kind"),
        (DS01.replace('[[source.probe]]\nprobe = "a"\n', ""), "source[0].probe:"),
        (DS01 + SERIAL, "source.probe.probe"),
        (DS01.replace('"a"', '"a.b"'), "source[0].probe[0].probe"),
        (DS01 + 'field = "tvc"\n', "source[0].probe[0].field"),
        (DS01 + "interval_ms = 0\n", "source[0].probe[0].interval_ms"),
        (DS01 + "freeze_alarm_minutes = -1\n", "freeze_alarm_minutes"),
        (DS01 + "alarm_closing_centi_celsius = -1\n", "alarm_closing_centi_celsius"),
        (DS01 + "alarm_closing_centi_celsius = 501\n", "alarm_closing_centi_celsius"),
        (DS01 + "range_min_centi_celsius = 900\n", "range_min_centi_celsius"),
        (DS01 + "register = { address = 1 }\n", "register"),
        (DS01.replace("port = 9", "port = 0"), "source[0].port"),
        (DS01.replace("port = 9", 'port = 9\nhost = ""'), "source[0].host"),
        (DS01.replace("port = 9", 'port = 9\nhost = "a..b"'), "source[0].host"),
        (DS01.replace("port = 9", 'port = 9\nhost = "hub 1"'), "source[0].host"),
        (SERIAL.replace('device = "/dev/ttyUSB0"\n', ""), "device"),
        (SERIAL.replace("[[source.probe]]", "baud_rate = 1\n[[source.probe]]"), "source[0].baud_rate"),
        (SERIAL.replace("[[source.probe]]", 'parity = "X"\n[[source.probe]]'), "source[0].parity"),
        (MODBUS.replace("[[source.probe]]", "port = 70000\n[[source.probe]]"), "source[0].port"),
        (MODBUS.replace("[[source.probe]]", "timeout_seconds = 0\n[[source.probe]]"), "source[0].timeout_seconds"),
        (MODBUS.replace("register = { address = 0 }\n", ""), "register"),
        (MODBUS.replace("= 0 }", "= 65536 }"), "source[0].probe[0].register.address"),
        (MODBUS.replace("= 0 }", '= 65535, type = "int32" }'), "source[0].probe[0].register.address"),
        (MODBUS.replace("= 0 }", "= 0, unit = 0 }"), "source[0].probe[0].register.unit"),
        (MODBUS.replace("= 0 }", "= 0, unit = 248 }"), "source[0].probe[0].register.unit"),
        (MODBUS.replace("= 0 }", "= 0, scale = 0 }"), "source[0].probe[0].register.scale"),
        (MODBUS.replace("= 0 }", "= 0, scale = nan }"), "source[0].probe[0].register.scale"),
        (MODBUS.replace("= 0 }", "= 0, scale = -inf }"), "source[0].probe[0].register.scale"),
        (MODBUS.replace("= 0 }", "= 0, offset = nan }"), "source[0].probe[0].register.offset"),
        (MODBUS.replace("= 0 }", "= 0, fault_values = [65536] }"), "source[0].probe[0].register.fault_values"),
        (MODBUS.replace("= 0 }", "= 0, fault_values = [-1] }"), "source[0].probe[0].register.fault_values"),
        (MODBUS.replace("= 0 }", '= 0, function = "coil" }'), "source[0].probe[0].register.function"),
        (MODBUS.replace("= 0 }", '= 0, type = "int8" }'), "source[0].probe[0].register.type"),
        (MODBUS + "interval_ms = 99\n", "source[0].probe[0].interval_ms"),
        (MODBUS_AUX.replace('"DORV"', '"door"'), "source[0].aux[0].field"),
        (MODBUS_AUX.replace('"ILR-1"', '""'), "source[0].aux[0].appliance"),
        (MODBUS_AUX.replace("= 4,", "= 70000,"), "source[0].aux[0].register.address"),
        (ONE_WIRE.replace('device = "28-0000072431ac"\n', ""), "device"),
        (ONE_WIRE.replace("28-0000072431ac", "../../etc/passwd"), "source[0].probe[0].device"),
        (ONE_WIRE_AUX + 'device = "28-0000072431ac"\n', "source[0].aux[0].device"),
        (ONE_WIRE_AUX.replace('file = "gpio/value"\n', ""), "source[0].aux[0].device"),
        (FOLDER.replace("[[source.probe]]", 'time_zone = "Moon/Dark"\n[[source.probe]]'), "source[0].time_zone"),
        (FOLDER.replace("[[source.probe]]", 'time_zone = "../x"\n[[source.probe]]'), "source[0].time_zone"),
        (FOLDER.replace("[[source.probe]]", "interval_seconds = 0\n[[source.probe]]"), "source[0].interval_seconds"),
    ],
)
def test_what_cannot_work_is_one_line_that_names_its_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingProblem) as caught:
        load(tmp_path, text)
    assert "\n" not in caught.value.message
    assert named in caught.value.message
    assert "gateway.toml" in caught.value.message


@given(st.integers(-70_000, 140_000), st.sampled_from(["int16", "float32"]))
def test_an_address_is_good_exactly_when_its_registers_exist(address: int, kind: str) -> None:
    register = msgspec.convert({"address": address, "type": kind}, Register)
    source = ModbusTcpSetting(probe=(ModbusProbe(probe="a", register=register),))
    last = address + (1 if kind == "float32" else 0)
    if address >= 0 and last <= 65_535:
        check_sources([source], "gw")
    else:
        with pytest.raises(SettingProblem, match=r"register\.address"):
            check_sources([source], "gw")


def test_an_aux_value_names_its_appliance() -> None:
    with pytest.raises(msgspec.ValidationError, match="appliance"):
        msgspec.convert({"field": "TAMB"}, AuxSetting)
