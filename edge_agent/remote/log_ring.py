"""The newest lines of the log, for whoever asks from afar; secrets are struck out."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.twin import LOG_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES_MAX = 300
LINE_LENGTH_MAX = 500
STRUCK_OUT = "[secret]"


class LogRing(logging.Handler):
    """A bounded memory of what the log said, usable from any thread."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._secrets = [secret for secret in secrets if secret]
        self._lines: deque[str] = deque(maxlen=LINES_MAX)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one entry, its traceback on the same line."""
        try:
            line = " | ".join(self.format(record).splitlines())
        except Exception:  # noqa: BLE001 - a line that cannot be written must not end its thread
            self.handleError(record)
            return
        # A file on a stick may have a name that is no text.
        line = line.encode("utf-8", "replace").decode()
        for secret in self._secrets:
            line = line.replace(secret, STRUCK_OUT)
        self._lines.append(line[:LINE_LENGTH_MAX])

    def newest(self, bytes_max: int = LOG_BYTES_MAX) -> str:
        """As many of the newest lines, in their order, as fit into so many bytes of JSON."""
        chosen: list[str] = []
        bytes_left = bytes_max
        for line in reversed(list(self._lines)):
            # The quotation marks that JSON would add make up for the line break between two lines.
            bytes_left -= len(msgspec.json.encode(line))
            if bytes_left < 0:
                break
            chosen.append(line)
        return "\n".join(reversed(chosen))
