from __future__ import annotations

import pytest
from pydantic import ValidationError

from portal.vaccinator.schemas import Answer, CheckRequest, GiveForm, Given, GiveRequest

ASKED = {"session": "s-1", "scan": "H-1", "appointment": "a-1", "citizen_code": "4821"}
FORM = ASKED | {"key": "k" * 8}


def test_a_request_takes_what_it_names() -> None:
    asked = GiveRequest(**ASKED)
    assert (asked.session, asked.scan, asked.appointment, asked.citizen_code) == tuple(ASKED.values())


@pytest.mark.parametrize(
    "changed",
    [
        {"scan": ""},
        {"scan": "x" * 97},
        {"session": "x" * 49},
        {"appointment": "x" * 49},
        {"citizen_code": "482"},
        {"citizen_code": "48211"},
        {"citizen_code": "48 1"},
        {"citizen_code": "4821\n"},
        {"citizen_code": "४८२१"},
        {"mobile": "9812345670"},
    ],
)
def test_a_request_refuses_what_is_too_long_malformed_or_not_asked_for(changed: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        GiveRequest(**(ASKED | changed))


def test_a_check_needs_no_person() -> None:
    assert CheckRequest(session="s-1", scan="H-1").scan == "H-1"
    with pytest.raises(ValidationError):
        CheckRequest(session="s-1", scan="H-1", appointment="a-1")  # type: ignore[call-arg]  # the point of the test


def test_a_form_leaves_the_code_to_the_page() -> None:
    assert GiveForm(**(FORM | {"citizen_code": "48"})).citizen_code == "48"
    assert GiveForm(**{name: text for name, text in FORM.items() if name != "citizen_code"}).citizen_code == ""


@pytest.mark.parametrize(
    "changed", [{"key": "short"}, {"key": "k" * 81}, {"scan": ""}, {"citizen_code": "1" * 13}, {"session": "x" * 49}]
)
def test_a_form_has_its_bounds(changed: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        GiveForm(**(FORM | changed))


def test_neither_the_code_nor_the_link_stands_in_a_repr() -> None:
    given = Given("dose", "certificate", "http://standby/c/name#secret")
    for text in (repr(GiveRequest(**ASKED)), repr(GiveForm(**FORM)), repr(given)):
        assert "4821" not in text
        assert "secret" not in text


def test_an_answer_without_facts_is_possible() -> None:
    answer = Answer(holding="H-1")
    assert answer.refused is answer.take_instead is answer.batch is None
