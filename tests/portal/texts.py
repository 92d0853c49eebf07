"""Every text of the portal that a person may read, as gettext finds it in templates and modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.extract import extract
from jinja2.ext import babel_extract

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTAL = Path(__file__).parents[2] / "portal"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None, "translate": (2,), "say": None}
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "extensions": "jinja2.ext.do,jinja2.ext.loopcontrols"}
Text = str | tuple[str, ...]


def templates() -> list[Path]:
    return sorted(PORTAL.glob("templates/**/*.html")) + sorted(PORTAL.glob("*/templates/**/*.html"))


def texts() -> Iterator[tuple[str, Text]]:
    for path in templates():
        with path.open("rb") as stream:
            for line, _, message, _ in babel_extract(stream, ("_", "gettext", "ngettext"), (), OPTIONS):
                yield from _one(path, line, message)
    for path in sorted(PORTAL.rglob("*.py")):
        with path.open("rb") as stream:
            for line, message, _, _ in extract("python", stream, KEYWORDS):  # type: ignore[arg-type]  # babel's stub is narrower than babel
                yield from _one(path, line, message)


def _one(path: Path, line: int, message: str | tuple[str | None, ...] | None) -> Iterator[tuple[str, Text]]:
    if message is None:
        return
    where = f"{path.relative_to(PORTAL)}:{line}"
    if isinstance(message, str):
        yield where, message
    else:
        words = tuple(word for word in message if word is not None)
        if words:
            yield where, words if len(words) > 1 else words[0]
