from __future__ import annotations

import base64
import hashlib
import re

import pytest

from edge_agent.local.frame import POLICY, SCRIPT, STYLE, document, glyph
from edge_agent.local.view import WORST_FIRST
from tests.edge_agent.local.kit import well_formed


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_allows_exactly_what_stands_on_the_page() -> None:
    page = document("en", "t", f"<body><script>{SCRIPT}</script></body>")
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert digest(style) in POLICY
    assert digest(script) in POLICY
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY
    assert "frame-ancestors 'none'" in POLICY


def test_a_title_is_text() -> None:
    assert "<b>" not in document("en", "<b>", "<body></body>")


@pytest.mark.parametrize("state", [*WORST_FIRST, "advisory", "stop"])
def test_a_sign_is_hidden_from_readers_since_its_word_stands_beside_it(state: str) -> None:
    assert 'aria-hidden="true"' in glyph(state)
    well_formed(glyph(state))


def test_nothing_moves_and_nothing_is_fetched() -> None:
    for word in ("animation", "transition", "@import", "url(", "http"):
        assert word not in STYLE


def light(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("#10202b", "#ffffff"),
        ("#43545f", "#ffffff"),
        ("#586873", "#ffffff"),
        ("#06301f", "#b4e6cb"),
        ("#ffffff", "#c24704"),
        ("#ffffff", "#1747b5"),
        ("#34444e", "#dde2e5"),
        ("#1f6b4f", "#ffffff"),
        ("#6b4a00", "#fff2cc"),
        ("#55636c", "#ffffff"),
        ("#ffffff", "#8a1020"),
        ("#0b5c77", "#ffffff"),
    ],
)
def test_every_pair_of_colours_is_readable(text: str, ground: str) -> None:
    assert contrast(text, ground) >= 4.5
    assert {text, ground} <= set(re.findall(r"#[0-9a-f]{6}", STYLE)) | {"#ffffff"}
