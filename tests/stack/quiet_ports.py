"""Ports that no outgoing connection takes by chance while many processes run."""

from __future__ import annotations

import random
import socket

BELOW_OUTGOING = range(20_000, 32_000)
"""Linux gives outgoing connections 32,768 and above."""


def quiet_port() -> int:
    """A port that nobody listens on, at any address, and that stays free of outgoing connections."""
    for port in random.SystemRandom().sample(BELOW_OUTGOING, 500):
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    message = "no port is free"
    raise RuntimeError(message)
