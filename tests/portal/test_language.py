from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from babel.messages.pofile import read_po

from portal.language import LanguagePrefix, load_translations, localised, merged_catalogue, word_files
from tests.portal.texts import PORTAL, templates, texts

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send

PLACES = re.compile(r"%\((\w+)\)s")
CLASS_BLOCKS = r"\{% block (look|main_class) %\}.*?\{% endblock %\}"
NO_TEXT = (CLASS_BLOCKS, r"\{#.*?#\}", r"\{%.*?%\}", r"\{\{.*?\}\}", r"<script\b.*?</script>", r"<!.*?>", r"<[^>]*>")
NAMES_OF_LANGUAGES = {"English"}
DEVANAGARI_DIGITS = re.compile("[\u0966-\u096f]")
SAME_IN_BOTH = re.compile(r"^[\W\d_]*$")


def test_every_text_has_hindi() -> None:
    catalogue = merged_catalogue(word_files())
    missing = []
    for where, text in texts():
        first = text if isinstance(text, str) else text[0]
        without_places = PLACES.sub("", first)
        if not SAME_IN_BOTH.match(without_places) and catalogue.get(first) is None:
            missing.append(f"{where} {first!r}")
    assert missing == []


def test_no_text_has_two_hindi_forms() -> None:
    said: dict[str, tuple[Path, object]] = {}
    twice = []
    for file in word_files():
        with file.open("rb") as stream:
            for message in read_po(stream, locale="hi"):
                key = message.id if isinstance(message.id, str) else message.id[0]
                if key and key in said and said[key][1] != message.string:
                    twice.append(f"{key!r} in {file.parent.name} and {said[key][0].parent.name}")
                said.setdefault(key, (file, message.string))
    assert twice == []


def test_hindi_keeps_every_place_of_the_english() -> None:
    lost = []
    for message in merged_catalogue(word_files()):
        english = message.id if isinstance(message.id, str) else message.id[-1]
        forms = [message.string] if isinstance(message.string, str) else list(message.string)
        lost += [english for form in forms if set(PLACES.findall(form)) != set(PLACES.findall(english))]
    assert [text for text in lost if text] == []


def test_hindi_is_written_in_devanagari_with_latin_digits() -> None:
    for message in merged_catalogue(word_files()):
        forms = [message.string] if isinstance(message.string, str) else list(message.string)
        for form in forms:
            assert not DEVANAGARI_DIGITS.search(form), form


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(PORTAL)))
def test_a_template_has_no_bare_words(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for pattern in (
        CLASS_BLOCKS,
        r"\{#.*?#\}",
        r"\{%.*?%\}",
        r"\{\{.*?\}\}",
        r"<(script|style)\b.*?</\1>",
        r"<!.*?>",
        r"<[^>]*>",
    ):
        source = re.sub(pattern, " ", source, flags=re.DOTALL)
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"&\w+;", " ", source))
    assert [word for word in words if word not in NAMES_OF_LANGUAGES] == []


def test_hindi_comes_with_plurals() -> None:
    words = load_translations()["hi"]
    assert words.ngettext("%(count)s dose", "%(count)s doses", 1) == "%(count)s खुराक"
    assert words.ngettext("%(count)s dose", "%(count)s doses", 2) == "%(count)s खुराकें"
    assert words.gettext("a text that nobody wrote") == "a text that nobody wrote"


def test_a_fuzzy_text_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "hi.po"
    file.write_text('msgid ""\nmsgstr ""\n\n#, fuzzy\nmsgid "Warm"\nmsgstr "ठंडा"\n\nmsgid "Held"\nmsgstr "रोका"\n')
    catalogue = merged_catalogue([file])
    assert catalogue.get("Warm") is None
    assert catalogue.get("Held").string == "रोका"  # type: ignore[union-attr]  # asserted by the line itself


def test_the_first_file_wins(tmp_path: Path) -> None:
    files = [tmp_path / "a.po", tmp_path / "b.po"]
    for file, word in zip(files, ("एक", "दो"), strict=True):
        file.write_text(f'msgid ""\nmsgstr ""\n\nmsgid "One"\nmsgstr "{word}"\n')
    assert merged_catalogue(files).get("One").string == "एक"  # type: ignore[union-attr]  # asserted by the line itself


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("/cc", "en", "/cc"),
        ("/cc", "hi", "/hi/cc"),
        ("/", "hi", "/hi"),
        ("/static/sheetal.css", "hi", "/static/sheetal.css"),
        ("/api/v1/x", "hi", "/api/v1/x"),
    ],
)
def test_a_path_gets_its_prefix(path: str, language: str, expected: str) -> None:
    assert localised(path, language) == expected


@pytest.mark.parametrize(
    ("path", "language", "plain"),
    [
        ("/hi", "hi", "/"),
        ("/hi/", "hi", "/"),
        ("/hi/cc/lots/a/b", "hi", "/cc/lots/a/b"),
        ("/history", "en", "/history"),
        ("/en/cc", "en", "/en/cc"),
    ],
)
def test_the_prefix_is_taken_off_before_routing(path: str, language: str, plain: str) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    async def receive() -> Message:
        raise AssertionError

    async def send(_message: Message) -> None:
        raise AssertionError

    asyncio.run(LanguagePrefix(app)({"type": "http", "path": path}, receive, send))
    assert seen[0]["path"] == plain
    assert seen[0]["state"]["language"] == language
