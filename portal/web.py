"""Pages: the Jinja2 environments (one per language), `render`, `url` and what every template can use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, pass_context
from markupsafe import Markup
from starlette.responses import HTMLResponse

from portal import csrf, formats
from portal.language import LANGUAGES, PORTAL_FOLDER, load_translations, localised
from portal.static_files import StaticNames

if TYPE_CHECKING:
    from collections.abc import Callable

    from babel.support import NullTranslations
    from jinja2.runtime import Context
    from starlette.requests import Request


@dataclass(frozen=True)
class Pages:
    """The environments and words by language, made once at start."""

    environments: dict[str, Environment]
    translations: dict[str, NullTranslations]


def make_pages() -> Pages:
    """Read all words and set up the environments; templates of a slice are named `<slice>/<file>.html`."""
    translations = load_translations()
    return Pages({name: _environment(name, translations[name]) for name in LANGUAGES}, translations)


def render(request: Request, template: str, *, status: int = 200, **facts: object) -> HTMLResponse:
    """The page in the request's language; `facts` are the template's names."""
    pages: Pages = request.app.state.pages
    body = pages.environments[language_of(request)].get_template(template).render(_common(request) | facts)
    response = HTMLResponse(body, status)
    csrf.keep_secret(request, response)
    return response


def language_of(request: Request) -> str:
    """`en` or `hi`, by the path's prefix."""
    language: str = getattr(request.state, "language", LANGUAGES[0])
    return language


def url(request: Request, path: str, **query: object) -> str:
    """The address of one of our pages in the request's language."""
    address = localised(path, language_of(request))
    return f"{address}?{urlencode(query)}" if query else address


def translate(request: Request, text: str, **facts: object) -> str:
    """The text in the request's language, its %(name)s places filled."""
    pages: Pages = request.app.state.pages
    words = pages.translations[language_of(request)].gettext(text)
    return words % facts if facts else words


def _common(request: Request) -> dict[str, object]:
    language = language_of(request)
    other = "hi" if language == "en" else "en"
    path = request.scope["path"]

    def page_url(path: str, **query: object) -> str:
        return url(request, path, **query)

    def csrf_field() -> Markup:
        return Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, csrf.token_for(request))

    return {
        "request": request,
        "url": page_url,
        "say": partial(translate, request),
        "csrf_field": csrf_field,
        "csrf_token": lambda: csrf.token_for(request),
        "path": path,
        "language": language,
        "other_language": other,
        "other_language_url": localised(path, other) + (f"?{request.url.query}" if request.url.query else ""),
        "staff": getattr(request.state, "staff", None),
        "now_ms": request.app.state.clock(),
        "alarm_count": getattr(request.state, "alarm_count", None),
        "demo": request.app.state.settings.demo,
    }


def _environment(language: str, words: NullTranslations) -> Environment:
    slices = {folder.parent.name: FileSystemLoader(folder) for folder in sorted(PORTAL_FOLDER.glob("*/templates"))}
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(PORTAL_FOLDER / "templates"), PrefixLoader(slices)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.add_extension("jinja2.ext.loopcontrols")
    _install_words(environment, words)
    environment.filters |= _filters(language)
    names = StaticNames()
    environment.globals |= {"static": names.own, "vendor": names.vendor, "NONE": formats.NONE}
    return environment


def _install_words(environment: Environment, words: NullTranslations) -> None:
    install: Callable[..., None] = environment.install_gettext_callables  # type: ignore[attr-defined]  # by the extension
    install(words.gettext, words.ngettext, newstyle=True)


def _filters(language: str) -> dict[str, Callable[..., Any]]:
    return {
        "temperature": formats.temperature,
        "degrees": formats.degrees,
        "number": formats.number,
        "share": formats.percent,
        "clock": formats.clock,
        "clock_seconds": formats.clock_seconds,
        "machine_time": formats.machine_time,
        "duration": lambda span_ms: formats.duration(span_ms, language),
        "minutes": lambda count: formats.minutes(count, language),
        "age": lambda at_ms, now_ms: formats.age(at_ms, now_ms, language),
        "date": lambda at_ms: formats.date(at_ms, language),
        "day": pass_context(lambda page, at_ms: formats.day(at_ms, language, _now_ms(page))),
        "moment": pass_context(lambda page, at_ms: formats.moment(at_ms, language, _now_ms(page))),
        "day_mark": lambda at_ms: formats.day(at_ms, language),
    }


def _now_ms(page: Context) -> int | None:
    """The instant of this page; None inside a macro that was imported without its context."""
    found: int | None = page.get("now_ms")
    return found
