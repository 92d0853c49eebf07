from __future__ import annotations

import base45 as other_base45
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.certificate import base45


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")],
)
def test_the_examples_of_the_standard(data: bytes, text: str) -> None:
    assert base45.encode(data) == text
    assert base45.decode(text) == data


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_there_and_back_and_as_another_library_writes_it(data: bytes) -> None:
    text = base45.encode(data)
    assert text == other_base45.b45encode(data).decode()
    assert base45.decode(text) == data


@pytest.mark.parametrize("text", ["GGW", ":::", "::", "A", "BB8A", "bb8", "BB?", "BBक", "BB\n"])
def test_what_no_bytes_encode_to_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base45"):
        base45.decode(text)


@settings(deadline=None)
@given(st.text(base45.ALPHABET + "a\x80ÿक", max_size=30))
def test_any_text_decodes_to_what_encodes_to_it_or_is_refused(text: str) -> None:
    try:
        data = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(data) == text
