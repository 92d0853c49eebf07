from __future__ import annotations

from dataclasses import replace

import pytest

from portal.orchestration.rules import Session

SESSION = Session("s", "F-101", "covishield", 1_000, 2_000, 40)


@pytest.mark.parametrize(("now_ms", "is_open"), [(999, False), (1_000, True), (1_999, True), (2_000, False)])
def test_a_session_is_open_from_its_start_until_its_end(now_ms: int, *, is_open: bool) -> None:
    assert SESSION.is_open(now_ms) is is_open


def test_a_cancelled_session_is_never_open() -> None:
    assert not replace(SESSION, cancelled_at_ms=1).is_open(1_500)
