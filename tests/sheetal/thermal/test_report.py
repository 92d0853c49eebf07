from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from sheetal.thermal.report import ExposureReport, WhatIf


def test_the_words_need_no_numpy_and_no_decimal_tables() -> None:
    """The gateway decodes reports: importing them must stay light."""
    code = (
        "import sys; import sheetal.thermal.report, sheetal.thermal.runs; "
        "heavy = {'numpy', 'pydantic', 'sqlalchemy', 'sheetal.thermal.mkt'} & set(sys.modules); "
        "print(sorted(heavy))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert told.stdout.strip() == "[]"


def test_fields_of_a_later_version_are_ignored() -> None:
    line = msgspec.json.decode(
        b'{"product":"p","display_name":"P","finding":"hold","reason":"r","rule":null,"minutes_confirmed":1,'
        b'"minutes_possible":2,"source":null,"what_if":true,"later":[1]}',
        type=WhatIf,
    )
    assert (line.product, line.what_if) == ("p", True)


def test_a_report_without_its_parts_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="from_ms"):
        msgspec.json.decode(b'{"sensor":"gw-01.tvc"}', type=ExposureReport)
