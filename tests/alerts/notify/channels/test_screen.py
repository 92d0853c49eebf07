from __future__ import annotations

from structlog.testing import capture_logs

from alerts.notify.channels.screen import Shown, show


def test_a_group_is_one_line_with_its_text() -> None:
    with capture_logs() as lines:
        show(Shown("holding_held", "F-101", "Holding H-1 is held.", (4, 5)))
    assert [(line["event"], line["text"], line["facility"], line["notices"]) for line in lines] == [
        ("Notice", "Holding H-1 is held.", "F-101", [4, 5]),
    ]
