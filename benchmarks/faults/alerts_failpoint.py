"""The points at which an alerts process kills itself, between finding harm and having told somebody.

`detected`: the verdict is made, nothing is written · `held`, `noticed`: inside the ledger's one transaction ·
`judged`: that is committed, the hour is still marked · `addressed`: shown, inside the transaction that chooses who
hears it · `sending`: nothing has left yet · `sent`: a server has taken the message, nothing remembers it ·
`remembering`: inside that transaction · `logged`: after it.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

import alerts.notify.channels.apprise
import alerts.notify.post
from sheetal.ledger import deliveries, holdings, judgement_writes

if TYPE_CHECKING:
    from collections.abc import Callable


class Place(NamedTuple):
    """A step: where it stands, whether the end comes before it, and whether its arguments name what it is about."""

    owner: object
    step: str
    is_before: bool = False
    is_named: bool = True


PLACES = {
    "detected": Place(judgement_writes, "append_verdicts", is_before=True),
    "held": Place(holdings, "hold"),
    "noticed": Place(judgement_writes, "add_notice"),
    "judged": Place(judgement_writes, "clear_dirty", is_before=True),
    "addressed": Place(deliveries, "address", is_named=False),
    "sending": Place(alerts.notify.channels.apprise, "send", is_before=True),
    "sent": Place(alerts.notify.channels.apprise, "send"),
    "remembering": Place(deliveries, "mark_sent", is_named=False),
    "logged": Place(alerts.notify.post.PostOffice, "_tell"),
}
POINTS = tuple(PLACES)

P = ParamSpec("P")
T = TypeVar("T")


def killing(step: Callable[P, T], about: str, *, before: bool = False) -> Callable[P, T]:
    """The step, at whose first call that is about something the process is gone, as by kill -9."""

    def stepped(*args: P.args, **kwargs: P.kwargs) -> T:
        is_it = about in f"{args!r} {kwargs!r}"
        if is_it and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = step(*args, **kwargs)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return stepped


def arm(point: str, about: str) -> None:
    """Puts the fail-point in; `about` is what the step's arguments must name, where they name it at all."""
    if point not in PLACES:
        raise SystemExit(f"a fail-point is one of {', '.join(POINTS)}")
    place = PLACES[point]
    step = getattr(place.owner, place.step)
    setattr(place.owner, place.step, killing(step, about if place.is_named else "", before=place.is_before))
