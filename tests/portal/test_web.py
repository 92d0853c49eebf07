from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi import APIRouter
from jinja2 import UndefinedError
from starlette.requests import Request  # noqa: TC002 -- FastAPI resolves it at run time
from starlette.responses import JSONResponse, Response

from portal import web
from portal.language import LANGUAGES

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage


def rendered(source: str, language: str = "en", **facts: object) -> str:
    return web.make_pages().environments[language].from_string(source).render(**facts)


def test_values_are_escaped() -> None:
    assert rendered("{{ name }}", name="<script>") == "&lt;script&gt;"
    assert rendered('{{ _("Signed in as %(name)s.", name=name) }}', name="<b>") == "Signed in as &lt;b&gt;."


def test_a_forgotten_fact_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendered("{{ nothing }}")


def test_filters_speak_the_pages_language() -> None:
    source = "{{ 6240000|duration }}"
    assert rendered(source).replace("\u00a0", " ") == "1 h 44 min"
    assert rendered(source, "hi").replace("\u00a0", " ") == "1 घंटा 44 मिनट"


def test_times_of_another_year_than_the_pages_say_which() -> None:
    source = "{{ 1591723800000|moment }}, {{ 1591723800000|day }}, {{ 1591723800000|day_mark }}"
    this_year = rendered(source, now_ms=1_591_723_800_000).replace("\u00a0", " ")
    assert this_year == "9 Jun 23:00, 9 Jun, 9 Jun"
    later = rendered(source, now_ms=1_795_425_631_000).replace("\u00a0", " ")
    assert later == "9 Jun 2020 23:00, 9 Jun 2020, 9 Jun"
    assert rendered(source).replace("\u00a0", " ") == this_year, "a macro without its page's instant"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_compiles(language: str) -> None:
    environment = web.make_pages().environments[language]
    names = [name for name in environment.list_templates() if name.endswith(".html")]
    assert "base.html" in names
    assert "cold_chain/overview.html" in names
    for name in names:
        environment.get_template(name)


def test_addresses_keep_the_language_and_quote_the_query(client: Browser, stage: Stage) -> None:
    router = APIRouter()

    @router.get("/where")
    def where(request: Request) -> Response:
        said = web.translate(request, "Signed in as %(name)s.", name="R. Sample")
        return JSONResponse([web.url(request, "/cc", only="a b&c"), web.language_of(request), said])

    stage.app.include_router(router)
    assert client.get("/where").json() == ["/cc?only=a+b%26c", "en", "Signed in as R. Sample."]
    assert client.get("/hi/where").json() == ["/hi/cc?only=a+b%26c", "hi", "R. Sample के नाम से साइन इन हैं।"]


def test_the_other_language_keeps_path_and_query(client: Browser) -> None:
    assert 'href="/hi/login?next=%2Fcc"' in client.get("/login?next=%2Fcc").text
    assert 'href="/login?next=%2Fcc"' in client.get("/hi/login?next=%2Fcc").text


def test_a_page_names_its_language(client: Browser) -> None:
    assert '<html lang="en"' in client.get("/").text
    assert '<html lang="hi"' in client.get("/hi").text


def test_pages_hold_no_script_or_style_of_their_own() -> None:
    environment = web.make_pages().environments["en"]
    for name in environment.list_templates():
        assert environment.loader is not None
        source = environment.loader.get_source(environment, name)[0]
        assert " style=" not in source, name
        assert "<style" not in source, name
        assert "<script>" not in source, name
        assert not any(f" on{event}=" in source for event in ("click", "load", "submit", "change", "input")), name
        assert "|safe" not in source, name
