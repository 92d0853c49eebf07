from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.local.request import parse, redirect

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def test_a_question_in_our_words() -> None:
    asked = parse("GET", "/gw?lang=hi&probe=a%2Eb", {"Cookie": "a=b; sheetal_gateway=abc", "HOST": "h"})
    assert asked is not None
    assert (asked.path, asked.language, asked.query["probe"], asked.token) == ("/gw", "hi", "a.b", "abc")
    assert asked.headers["host"] == "h"


def test_a_form_is_read_and_nothing_else_is() -> None:
    asked = parse("POST", "/gw/setup/login", FORM, b"code=ab+c%2D1&form=x")
    assert asked is not None
    assert asked.form == {"code": "ab c-1", "form": "x"}
    assert parse("POST", "/x", {"Content-Type": "application/json"}, b"{}") is None
    assert parse("POST", "/x", {"Content-Type": "multipart/form-data"}, b"a=b") is None


@pytest.mark.parametrize("language", ["", "xx", "hi'\"><script>"])
def test_any_other_language_is_english(language: str) -> None:
    asked = parse("GET", f"/gw?lang={language}", {})
    assert asked is not None
    assert asked.language == "en"


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("gw", b""),
        ("http://evil.example/gw", b""),
        ("//evil.example/gw", b""),
        ("/" + "a" * 3_000, b""),
        ("/gw?" + "&".join(f"a{n}=1" for n in range(50)), b""),
        ("/gw?a=%ff", b""),
        ("/gw", b"\xff=1"),
        ("/gw", b"a=%ff"),
        ("/gw", b"&".join(b"a%d=1" % n for n in range(50))),
    ],
)
def test_nonsense_is_no_question(target: str, body: bytes) -> None:
    assert parse("POST", target, FORM, body) is None


@given(st.text(max_size=200))
def test_no_cookie_and_no_target_breaks_it(text: str) -> None:
    asked = parse("GET", "/gw", {"cookie": text})
    assert asked is not None
    parse("GET", "/" + text, {})
    parse("POST", "/gw", FORM, text.encode("utf-8", "replace"))


def test_leading_on_carries_no_page() -> None:
    told = redirect("/gw", ("Set-Cookie", "x"))
    assert (told.status, told.body, told.headers) == (303, b"", (("Location", "/gw"), ("Set-Cookie", "x")))
