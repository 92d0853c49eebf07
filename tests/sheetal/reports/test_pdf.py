from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from sheetal.reports import pdf
from sheetal.reports.pdf import facts, hindi_fonts, to_pdf
from tests.sheetal.reports.given import REPORT, SENSOR

if TYPE_CHECKING:
    import pytest


def test_the_same_figures_give_the_same_bytes() -> None:
    first = to_pdf(REPORT)
    assert first.startswith(b"%PDF-")
    assert first == to_pdf(REPORT)
    assert first != to_pdf(replace(REPORT, holds=5))


def test_pages_are_made_from_several_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(to_pdf, [REPORT] * 8))) == 1


def test_many_sensors_take_several_pages() -> None:
    many = replace(REPORT, sensors=tuple(replace(SENSOR, sensor_id=f"gw-01.s{number}") for number in range(60)))
    assert to_pdf(many).count(b"/Type /Page\n") >= 2 or len(to_pdf(many)) > len(to_pdf(REPORT))


def test_a_month_without_sensors_is_a_page_too() -> None:
    assert to_pdf(replace(REPORT, sensors=(), is_over=False)).startswith(b"%PDF-")


def test_every_figure_stands_in_what_is_set() -> None:
    said = facts(REPORT, with_hindi=True)
    assert said["facility"] == ["Chand Bagh (F-101)", "चाँद बाग़"]
    assert said["month"] == ["October 2026", "अक्टूबर 2026"]
    assert (said["share"], said["alarms"], said["holds"]) == ("98.2\u00a0%", "3", "4")
    rows = said["rows"]
    assert isinstance(rows, list)
    assert rows[0][:4] == ["Ice-lined refrigerator 1\ngw-01.tvc", "2.0\u00a0°C – 8.0\u00a0°C", "99.1\u00a0%", "75"]
    assert rows[1][6] == "—"


def test_names_cannot_speak_the_typesetters_language() -> None:
    odd = replace(SENSOR, appliance_name='#panic("x") *bold* $x$ <a> @b \\ ]')
    assert to_pdf(replace(REPORT, sensors=(odd,))).startswith(b"%PDF-")


def test_without_a_font_for_it_hindi_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with_font = to_pdf(REPORT) if hindi_fonts() else b""
    monkeypatch.setattr(pdf, "hindi_fonts", lambda: ())
    without = to_pdf(REPORT)
    assert without.startswith(b"%PDF-")
    assert without != with_font
