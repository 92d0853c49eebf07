from __future__ import annotations

import threading

from alerts.notify.channels.bounded import BROKEN, TOO_MANY, TOO_SLOW, Bounded


def test_what_a_send_says_is_handed_on() -> None:
    assert Bounded(10).run(lambda: None) is None
    assert Bounded(10).run(lambda: "refused") == "refused"


def test_an_error_is_named_by_its_type_alone() -> None:
    def broken() -> str | None:
        raise ValueError("json://user:secret@host")

    assert Bounded(10).run(broken) == f"{BROKEN}: ValueError"


def test_a_send_that_hangs_is_given_up_and_so_many_may_hang() -> None:
    end = threading.Event()
    bounded = Bounded(0.05, hanging_max=2)

    def hang() -> str | None:
        end.wait(30)
        return None

    assert [bounded.run(hang) for _ in range(3)] == [TOO_SLOW, TOO_SLOW, TOO_MANY]
    end.set()
    patient = Bounded(10, hanging_max=1)
    assert [patient.run(lambda: None) for _ in range(3)] == [None, None, None]
