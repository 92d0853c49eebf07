from __future__ import annotations

import msgspec
import pytest

from edge_agent.settings.uplink import DepartureRule, RemoteSetting, UplinkSetting


def outside(setting: UplinkSetting | RemoteSetting) -> list[str]:
    return [key for key, value, lowest, highest in setting.bounds() if not lowest <= value <= highest]


def test_the_defaults_are_allowed_and_the_designs() -> None:
    assert outside(UplinkSetting()) == outside(RemoteSetting()) == []
    assert UplinkSetting().departure == DepartureRule()
    assert RemoteSetting().trial_seconds == 120


def test_every_number_has_its_bounds() -> None:
    for setting, section in ((UplinkSetting(), "uplink"), (RemoteSetting(), "remote")):
        assert {key for key, *_ in setting.bounds()} == {
            f"{section}.{field.name}" for field in msgspec.structs.fields(type(setting))
        }


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({"message_rows": 0}, ["uplink.message_rows"]),
        ({"resend_seconds": 5.0}, ["uplink.resend_jitter_seconds"]),
        ({"reconnect_seconds_min": 61}, ["uplink.reconnect_seconds_max"]),
        ({"message_age_seconds": float("nan")}, ["uplink.message_age_seconds"]),
        ({"batch_items_max": 501}, ["uplink.batch_items_max"]),
    ],
)
def test_a_wrong_number_is_named(fields: dict[str, object], keys: list[str]) -> None:
    assert outside(msgspec.convert(fields, UplinkSetting)) == keys


def test_a_departure_follows_its_setting() -> None:
    setting = UplinkSetting(message_rows=3, message_age_seconds=0.25, fresh_seconds=2.0, batch_items_max=7)
    assert setting.departure == DepartureRule(rows=3, age_ms=250, fresh_ms=2_000, items_max=7)
