"""Languages: the `/hi` prefix in the path, and the Hindi words merged from every slice's `hi.po` at start."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PORTAL_FOLDER = Path(__file__).parent
DEFAULT_LANGUAGE = "en"
LANGUAGES = ("en", "hi")
LANGUAGE_NAMES = {"en": "English", "hi": "हिन्दी"}


def marked(text: str) -> str:
    """The text itself; marks a msgid that is translated later, where it is shown."""
    return text


def word_files() -> list[Path]:
    """Every hi.po of the portal, the portal's own first."""
    return sorted(PORTAL_FOLDER.glob("hi.po")) + sorted(PORTAL_FOLDER.glob("*/hi.po"))


def merged_catalogue(files: list[Path]) -> Catalog:
    """One Hindi catalogue; the first file that knows a text wins. Fuzzy entries stay out."""
    merged = Catalog(locale="hi")
    for file in files:
        with file.open("rb") as stream:
            words = read_po(stream, locale="hi")
        for message in words:
            if message.id and message.string and not message.fuzzy and merged.get(message.id) is None:
                merged.add(message.id, message.string)
    return merged


def load_translations() -> dict[str, NullTranslations]:
    """What gettext needs per language; English is the msgid itself."""
    compiled = BytesIO()
    write_mo(compiled, merged_catalogue(word_files()))
    compiled.seek(0)
    return {"en": NullTranslations(), "hi": Translations(compiled)}


def localised(path: str, language: str) -> str:
    """The path with its language prefix; English has none, static files and the API never have one."""
    if language == DEFAULT_LANGUAGE or path.startswith(("/static/", "/api/")):
        return path
    return f"/{language}" if path == "/" else f"/{language}{path}"


class LanguagePrefix:
    """Takes `/hi` off the path before routing and notes the language in the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its path without prefix."""
        if scope["type"] == "http":
            _take_prefix(scope)
        await self.app(scope, receive, send)


def _take_prefix(scope: Scope) -> None:
    """Changes the scope in place: the outermost error handler sees the same language then."""
    path: str = scope["path"]
    head, _, rest = path[1:].partition("/")
    language = head if head in LANGUAGES and head != DEFAULT_LANGUAGE else DEFAULT_LANGUAGE
    scope.setdefault("state", {})["language"] = language
    if language != DEFAULT_LANGUAGE:
        scope["path"] = f"/{rest}"
        scope["raw_path"] = scope["path"].encode()
