from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.certificate.latin_name import machine_readable


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Asha Sample", "ASHA<SAMPLE"),
        ("  asha   d'souza-khan ", "ASHA<D<SOUZA<KHAN"),
        ("Łukasz Müller", "LUKASZ<MULLER"),
        ("Åse Ørsted", "AASE<OERSTED"),
        ("आशा नमूना", "ASHA<NAMUNA"),
        ("राम प्रसाद", "RAM<PRASAD"),
        ("श्रीमती कृष्णा", "SHRIMATI<KRISHNA"),
        ("张伟", "X"),
        ("", "X"),
    ],
)
def test_names_as_passports_spell_them(name: str, spelled: str) -> None:
    assert machine_readable(name) == spelled


@given(st.text(max_size=200))
def test_any_name_fits_the_schema(name: str) -> None:
    spelled = machine_readable(name)
    assert re.fullmatch(r"[A-Z][A-Z<]*", spelled)
    assert len(spelled) <= 80
    assert not spelled.endswith("<")
