from __future__ import annotations

from structlog.testing import capture_logs

from alerts.notify.channels.screen import send
from alerts.notify.pipeline import Parcel


def test_a_parcel_is_one_line_with_its_text() -> None:
    with capture_logs() as lines:
        assert send(Parcel("holding_held", "F-101", "Holding H-1 is held.", ()))
    assert [(line["event"], line["text"], line["facility"]) for line in lines] == [
        ("Notice", "Holding H-1 is held.", "F-101"),
    ]
