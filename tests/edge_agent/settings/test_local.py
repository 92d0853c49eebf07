from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from edge_agent.settings import local as local_settings
from edge_agent.settings.local import Local, LocalSetting, check_local, digest_of, normal_code
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path


def code_file(folder: Path, code: str, mode: int = 0o600) -> str:
    (folder / "gw.code").write_text(code)
    (folder / "gw.code").chmod(mode)
    return "gw.code"


def test_the_defaults_are_those_of_an_indian_clinic_without_a_code(tmp_path: Path) -> None:
    local = check_local(LocalSetting(), tmp_path)
    assert local.code_digest is None
    assert (local.no_data_alarm_minutes, local.record_hours, local.alarm_command) == (30, (9, 16), ())
    assert [str(folder) for folder in local.export_folders] == ["/media", "/run/media"]
    assert str(local.zone) == "Asia/Kolkata"


def test_names_and_folders_are_taken_over(tmp_path: Path) -> None:
    local = check_local(
        LocalSetting(facility_name="PHC", export_folders=("usb",), host_names=("GW.Example",)), tmp_path
    )
    assert (local.facility_name, local.facility_name_hindi) == ("PHC", "PHC")
    assert local.export_folders == (tmp_path / "usb",)
    assert local.host_names == ("gw.example",)


def test_a_code_is_compared_without_its_spaces_hyphens_and_case(tmp_path: Path) -> None:
    local = check_local(LocalSetting(device_code_file=code_file(tmp_path, "abcd-2345 xy\n")), tmp_path)
    assert local.code_digest == digest_of("ABCD2345XY") == digest_of(" abcd 2345-xy ")
    assert local.code_digest != digest_of("ABCD2345XZ")
    assert normal_code(" ab-c ") == "ABC"


def test_the_code_stands_in_no_representation(tmp_path: Path) -> None:
    local = check_local(LocalSetting(device_code_file=code_file(tmp_path, "abcd2345")), tmp_path)
    assert "ABCD2345" not in repr(local).upper()


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        (LocalSetting(facility_name="x" * 81), "facility_name"),
        (LocalSetting(facility_name_hindi="x" * 81), "facility_name_hindi"),
        (LocalSetting(no_data_alarm_minutes=-1), "no_data_alarm_minutes"),
        (LocalSetting(no_data_alarm_minutes=1_441), "no_data_alarm_minutes"),
        (LocalSetting(alarm_command=("",)), "alarm_command"),
        (LocalSetting(alarm_command=("a",) * 21), "alarm_command"),
        (LocalSetting(record_hours=(16, 9)), "record_hours"),
        (LocalSetting(record_hours=(9, 24)), "record_hours"),
        (LocalSetting(record_hours=(9, 9)), "record_hours"),
        (LocalSetting(time_zone="Mars/Olympus"), "time_zone"),
        (LocalSetting(time_zone="../etc/passwd"), "time_zone"),
        (LocalSetting(device_code_file="none"), "device_code_file"),
    ],
)
def test_a_wrong_value_names_its_key(tmp_path: Path, setting: LocalSetting, named: str) -> None:
    with pytest.raises(SettingProblem, match=rf"^local\.{named}: "):
        check_local(setting, tmp_path)


@pytest.mark.parametrize(
    ("code", "mode", "told"),
    [("abcd2345", 0o644, "chmod 600"), ("abcd-234", 0o600, "fewer than 8"), ("äbcd2345", 0o600, "cannot read")],
)
def test_a_bad_code_file_is_refused_without_telling_the_code(tmp_path: Path, code: str, mode: int, told: str) -> None:
    with pytest.raises(SettingProblem, match=told) as caught:
        check_local(LocalSetting(device_code_file=code_file(tmp_path, code, mode)), tmp_path)
    assert code not in caught.value.message


def test_india_needs_no_time_zone_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise local_settings.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(local_settings, "ZoneInfo", missing)
    local = check_local(LocalSetting(), tmp_path)
    assert local.zone.utcoffset(None) == timedelta(hours=5, minutes=30)
    with pytest.raises(SettingProblem):
        check_local(LocalSetting(time_zone="Europe/Paris"), tmp_path)


def test_nothing_set_up_is_a_usable_section() -> None:
    assert Local().zone.utcoffset(None) == timedelta(0)
