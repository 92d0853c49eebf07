"""Mail, SMS gateways, chat rooms and webhooks, by the one library that speaks to all of them.

An address is a secret: it may hold a password. Neither it nor the library's own words about it reach a log or a row;
what is told of a failure is the kind of the channel and the number that its server answered.
"""

from __future__ import annotations

import logging
import re
import threading
from functools import cache
from typing import TYPE_CHECKING

import apprise

from alerts.notify.channels.bounded import Bounded
from sheetal.contracts.problem import Refused
from sheetal.ledger.contacts import kind_of

if TYPE_CHECKING:
    from alerts.notify.message import Message

CONNECT_SECONDS_MAX = 4.0
ANSWER_SECONDS_MAX = 6.0
SEND_SECONDS_MAX = 10.0
"""For all of one try; two channels one after the other stay far below two minutes."""
STATUS = re.compile(r"error[ =:]+(\d{3})\b")

_bounded = Bounded(SEND_SECONDS_MAX)


class _Words(logging.Handler):
    """Keeps from the library's words about a failure, thread by thread, the server's status number and nothing else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        found = STATUS.search(record.getMessage())
        if found is not None:
            self.said.status = found[1]

    def take(self) -> str | None:
        """The number this thread heard since it last asked."""
        status: str | None = getattr(self.said, "status", None)
        self.said.status = None
        return status


_words = _Words()
_logger = logging.getLogger("apprise")
_logger.addHandler(_words)
_logger.propagate = False
# Below a warning the library writes down whole requests.
_logger.setLevel(logging.WARNING)


def send(address: str, message: Message) -> str | None:
    """Send through one channel; gives what went wrong, without any secret, or None once a server has taken it."""
    _load()
    return _bounded.run(lambda: _send(address, message))


def is_understood(address: str) -> bool:
    """Whether the library can make a channel of an address."""
    return apprise.Apprise.instantiate(address, suppress_exceptions=True) is not None


@cache
def _load() -> None:
    """Let the library read its many modules once, before the time of a try begins to run."""
    is_understood("json://127.0.0.1/")


def _send(address: str, message: Message) -> str | None:
    try:
        kind = kind_of(address)
    except Refused:
        return "not the address of a channel"
    channel = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if channel is None:
        return f"{kind}: the address is not understood"
    channel.socket_connect_timeout, channel.socket_read_timeout = CONNECT_SECONDS_MAX, ANSWER_SECONDS_MAX
    _words.take()
    attached = apprise.AppriseAttachment([str(path) for path in message.attachments]) if message.attachments else None
    taken = channel.notify(
        body=message.body,
        title=message.title,
        body_format=apprise.NotifyFormat.TEXT,
        notify_type=apprise.NotifyType.WARNING if message.is_urgent else apprise.NotifyType.INFO,
        attach=attached if channel.attachment_support else None,
    )
    if taken:
        return None
    status = _words.take()
    return f"{kind}: refused with {status}" if status else f"{kind}: not reached or not taken"
