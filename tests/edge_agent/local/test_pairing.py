from __future__ import annotations

import re
import subprocess
import sys

import pytest
import zxingcpp

from edge_agent.local.pairing import pairing_text, square


def test_the_text_names_gateway_and_portal() -> None:
    assert pairing_text("gw-01", "https://portal.example") == "sheetal-gateway gw-01 https://portal.example"
    assert pairing_text("gw-01", None) == "sheetal-gateway gw-01"


def modules(svg: str) -> list[list[int]]:
    """The square's dark modules, read back from its lines."""
    size = int(re.findall(r'viewBox="0 0 (\d+)', svg)[0]) // 4
    grid = [[255] * size for _ in range(size)]
    path = re.findall(r'class="qrline"[^>]* d="([^"]+)"', svg)[0]
    x, y = 0.0, 0.0
    for command, told in re.findall(r"([Mmh])([^Mmh]*)", path):
        numbers = [float(one) for one in re.findall(r"-?\d*\.?\d+", told)]
        if command == "h":
            for column in range(int(x), int(x + numbers[0])):
                grid[int(y)][column] = 0
            x += numbers[0]
        else:
            x, y = (x + numbers[0], y + numbers[1]) if command == "m" else (numbers[0], numbers[1])
    return grid


def test_a_phone_reads_it() -> None:
    np = pytest.importorskip("numpy")
    text = pairing_text("gw-01", "https://portal.example")
    svg = square(text)
    assert svg is not None
    picture = np.kron(np.array(modules(svg), dtype=np.uint8), np.ones((6, 6), dtype=np.uint8))
    [read] = zxingcpp.read_barcodes(picture)
    assert read.text == text


def test_it_has_its_quiet_zone_and_no_style() -> None:
    svg = square("x")
    assert svg is not None
    assert "style" not in svg
    assert "script" not in svg
    rows = modules(svg)
    assert all(value == 255 for row in rows[:4] + rows[-4:] for value in row)


def test_too_long_a_text_is_no_square() -> None:
    assert square("x" * 401) is None


def test_a_missing_maker_is_no_trouble() -> None:
    program = (
        "import sys; sys.modules['segno'] = None\n"
        "from edge_agent.local.pairing import square\n"
        "assert square('x') is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
