from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from sheetal.contracts.problem import FileProblem
from sheetal.ledger.places import District, State, load_places

CATALOGUE = Path(__file__).resolve().parents[3] / "catalogue"
PLACES = load_places(CATALOGUE / "places.csv")
HEAD = "state_id,state_name,district_id,district_name\n"


def test_there_are_37_states_and_756_districts() -> None:
    assert len(PLACES.districts) == 756
    assert [state.state_id for state in PLACES.states()] == list(range(1, 38))


@pytest.mark.parametrize(
    ("district_id", "name"),
    [
        (395, "Mumbai"),
        (363, "Pune"),
        (294, "BBMP"),
        (265, "Bangalore Urban"),
        (650, "Gautam Buddha Nagar"),
        (651, "Ghaziabad"),
    ],
)
def test_known_ids(district_id: int, name: str) -> None:
    district = PLACES.district(district_id)
    assert district is not None
    assert district.district_name == name


def test_ids_have_holes() -> None:
    assert [PLACES.district(number) for number in (579, 738, 763, 782, 784, 795, 797)] == [None] * 7


def test_a_state_knows_its_districts() -> None:
    assert len(PLACES.districts_of(34)) == 75
    assert PLACES.districts_of(8) == [District(137, "Dadra and Nagar Haveli", 8, "Dadra and Nagar Haveli")]
    assert PLACES.districts_of(99) == []
    assert PLACES.states()[8] == State(9, "Delhi")


def test_names_are_trimmed_and_never_empty() -> None:
    for district in PLACES.districts:
        for name in (district.district_name, district.state_name):
            assert name == name.strip() != ""


def test_a_place_is_frozen_and_slotted() -> None:
    with pytest.raises(FrozenInstanceError):
        PLACES.districts[0].district_id = 1  # type: ignore[misc]
    assert not hasattr(PLACES.districts[0], "__dict__")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", 1),
        ("a,b,c,d\n", 1),
        (HEAD + "1,A,x,Nicobar\n", 2),
        (HEAD + "1,A,3,Nicobar\n1,A\n", 3),
        (HEAD + "1,A,3,Nicobar\n1,A,3,Again\n", 0),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    file = tmp_path / "places.csv"
    file.write_text(content)
    with pytest.raises(FileProblem, match=r"places\.csv") as caught:
        load_places(file)
    assert caught.value.facts["line"] == line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="cannot be read"):
        load_places(tmp_path / "places.csv")
