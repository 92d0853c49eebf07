from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firmware_sim.kinds import CABINETS, Kind
from firmware_sim.scenario import SCENARIOS, HubProtocol, Place, load_scenario, named_scenario
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.topics import SENSOR_IDENTIFIER, gateway_of
from tests.firmware_sim.given import DISTRICT, SMALL, small

if TYPE_CHECKING:
    from pathlib import Path


PROBE = 'probe = "ilr1-tvc"'
EXTRA = PROBE + '\nextra_probes = [{ probe = "basket", field = "TVC2" }]'
MAINS_CUT = '{ kind = "mains_cut", begins_minutes_before_now = 5 }'


def four_extra() -> list[str]:
    return [f'{{ probe = "basket-{number}", field = "T{number}" }}' for number in range(4)]


def test_the_district_is_what_the_demo_expects() -> None:
    scenario = load_scenario(DISTRICT)
    assert [hub.gateway for hub in scenario.hubs] == [f"gw-0{number}" for number in range(1, 7)]
    kinds = [appliance.kind for appliance in scenario.appliances]
    assert len(kinds) == 24
    assert kinds.count(Kind.DEEP_FREEZER) == 4
    assert kinds.count(Kind.WALK_IN_COOLER) == 1
    assert kinds.count(Kind.CARRIER) == 1
    assert scenario.history_minutes == 26 * 60
    assert (scenario.catch_up_seconds, scenario.interval_seconds) == (60, 60)
    assert 10 < scenario.story_minutes <= 75, "the freeze alarm, 8 minutes before now, is seen happening"


def test_every_probe_of_the_district_has_a_sensor_id_of_its_own() -> None:
    scenario = load_scenario(DISTRICT)
    sensors = [(hub, hub.sensor(appliance)) for hub in scenario.hubs for appliance in hub.appliances]
    assert len({sensor for _, sensor in sensors}) == 24
    for hub, sensor in sensors:
        assert SENSOR_IDENTIFIER.fullmatch(sensor)
        assert gateway_of(sensor) == hub.gateway
    assert sensors[0][1] == "gw-01.ilr1-tvc"


def test_freezers_report_the_freezer_field_and_all_others_the_vaccine_compartment() -> None:
    for appliance in load_scenario(DISTRICT).appliances:
        assert appliance.field == ("TFRZ" if appliance.kind is Kind.DEEP_FREEZER else "TVC")


def test_the_district_belongs_to_the_places_it_names() -> None:
    district = load_scenario(DISTRICT).district
    assert (district.state_id, district.district_id, district.district_name) == (21, 363, "Pune")


def test_an_appliance_may_override_the_constants_of_its_kind(tmp_path: Path) -> None:
    changed = SMALL.replace('probe = "ilr1-tvc"', 'probe = "ilr1-tvc"\nconstants = { ice_kilograms = 0.5 }')
    cabinet = small(tmp_path, changed).appliances[0].cabinet
    assert cabinet.ice_kilograms == 0.5
    assert cabinet.leak_watts_per_kelvin == CABINETS[Kind.ILR].leak_watts_per_kelvin


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("seed = 7", "seed = 'seven'", r"\$\.seed"),
        ("seed = 7", "sed = 7", "sed"),
        ("seed = 7", "seed =", "line|Invalid"),
        ('kind = "ilr"', 'kind = "igloo"', "igloo"),
        ('serial = "DF-2"', 'serial = "ILR-1"', "ILR-1 twice"),
        ('gateway = "gw-02"', 'gateway = "gw-01"', "gw-01 twice"),
        ('gateway = "gw-02"', 'gateway = "gw/02"', "not a gateway id"),
        ('probe = "df1-tfrz"', 'probe = "df 1"', "not a sensor id"),
        ('field = "TFRZ"', 'field = "TAMB"', "TAMB"),
        ("off_below_celsius = 3.4", "off_below_celsius = 9.4", "switch off below"),
        ("thermostat = { on_above_celsius = 4.6, off_below_celsius = 3.4 }", "", "a thermostat belongs"),
        ("interval_seconds = 60", "interval_seconds = 45", "multiple of 10"),
        ("story_minutes = 10", "story_minutes = 61", "story_minutes"),
        ("catch_up_seconds = 2", "catch_up_seconds = 601", "catch_up_seconds"),
        ('probe = "ilr1-tvc"', 'probe = "ilr1-tvc"\nconstants = { ice = 1.0 }', "no such constant: ice"),
        (
            'probe = "ilr1-tvc"',
            'probe = "ilr1-tvc"\nfaults = [{ kind = "spike", begins_minutes_before_now = 5 }]',
            "spike needs celsius",
        ),
        (
            'probe = "ilr1-tvc"',
            'probe = "ilr1-tvc"\nfaults = [{ kind = "reboot", begins_minutes_before_now = 5 }]',
            "reboot needs lasts_minutes",
        ),
        ("longitude = 73.6\n", 'longitude = 73.6\nprotocol = "morse"\n', "morse"),
        ("seed = 7", "seed = 7\nbacklog_minutes = 0", "backlog_minutes must be positive"),
        (PROBE, EXTRA.replace("TVC2", "TVC"), "field TVC twice"),
        (PROBE, EXTRA.replace("TVC2", "tvc two"), "not a field name"),
        (PROBE, EXTRA.replace('"basket"', '"ilr1-tvc"'), "gw-01.ilr1-tvc twice"),
        (PROBE, EXTRA.replace('"basket"', '"the basket"'), "not a sensor id"),
        (PROBE, EXTRA.replace(" }]", f", faults = [{MAINS_CUT}] }}]"), "mains_cut is no fault of a probe"),
        (PROBE, PROBE + "\nextra_probes = [" + ", ".join(four_extra()) + "]", "more than 3 extra probes"),
    ],
)
def test_a_wrong_scenario_is_one_line_that_says_what(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in SMALL
    with pytest.raises(SettingProblem, match=says) as caught:
        small(tmp_path, SMALL.replace(before, after, 1))
    assert "\n" not in caught.value.message
    assert caught.value.facts["variable"] == "--scenario"


def test_a_scenario_without_appliances_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingProblem, match="no appliance"):
        small(tmp_path, SMALL[: SMALL.index("[[hubs]]")].replace("seed = 7", "seed = 7\nhubs = []"))


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingProblem, match=r"nowhere\.toml"):
        load_scenario(tmp_path / "nowhere.toml")


def test_an_appliance_may_have_several_probes_at_several_places(tmp_path: Path) -> None:
    changed = SMALL.replace(PROBE, EXTRA.replace(" }]", ', place = "load", offset_celsius = -0.5 }]'))
    spec = small(tmp_path, changed).appliances[0]
    assert spec.probes == ["ilr1-tvc", "basket"]
    assert (spec.extra_probes[0].place, spec.extra_probes[0].offset_celsius) == (Place.LOAD, -0.5)


def test_a_hub_speaks_ds01_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert {hub.protocol for hub in load_scenario(DISTRICT).hubs} == {HubProtocol.DS01}
    other = SMALL.replace("longitude = 73.6\n", 'longitude = 73.6\nprotocol = "modbus"\n')
    assert [hub.protocol for hub in small(tmp_path, other).hubs] == [HubProtocol.MODBUS, HubProtocol.DS01]


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_scenario_that_comes_along_is_sound_and_says_what_it_is_for(path: Path) -> None:
    assert load_scenario(named_scenario(path.stem)).appliances
    assert path.read_text().startswith("# ")


def test_a_scenario_is_found_by_its_name_or_by_its_path(tmp_path: Path) -> None:
    assert named_scenario("district") == DISTRICT
    assert named_scenario(str(tmp_path / "district.toml")) == tmp_path / "district.toml"
    assert named_scenario("nowhere.toml").name == "nowhere.toml"
