from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.portal.given_certificates import NOW_MS, Books, open_books
from tests.portal.standby.site import free_port, publish, standing_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext


@pytest.fixture
def books(tmp_path: Path, migrated: Path) -> Iterator[Books]:
    with open_books(tmp_path, migrated, f"http://127.0.0.1:{free_port()}") as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--host-resolver-rules=MAP insecure.test 127.0.0.1"],
        )
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    """A phone 360 px wide in India, at the instant of the tests, that reports any error on its pages."""
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, timezone_id="Asia/Kolkata", accept_downloads=True
    )
    context.clock.set_fixed_time(datetime.fromtimestamp(NOW_MS / 1000 + 120, UTC))
    yield context
    context.close()


@pytest.fixture
def site(books: Books) -> Iterator[Books]:
    """The books with an issued and published certificate, and a standby process over their mirror."""
    publish(books, NOW_MS)
    with standing_by(books):
        yield books
