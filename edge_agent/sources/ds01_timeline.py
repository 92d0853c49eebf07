"""Where a DS01 logger's records stand in time (pure).

A logger has relative time (RELT) since its start; a record that also has absolute time (ABST) is its own stamp and an
anchor for those without: `absolute = ABST_anchor - (RELT_anchor - RELT)`. RTCW is RELT when the logger's clock last
restarted, so each RTCW is an epoch with an anchor of its own; the first anchor stays for ever, and with it the stamps.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

EPOCHS_MAX = 16


class Moment(NamedTuple):
    """A record's own times in ms; `logger` is its serial number."""

    logger: str
    restarted_ms: int
    relative_ms: int | None
    absolute_ms: int | None


class Placed(NamedTuple):
    """A stamp, whether the record was told before, and whether elapsed time before it is unknown."""

    at_ms: int
    repeated: bool
    discontinuity: bool


class Memory(msgspec.Struct):
    """What is kept of one logger over a restart: anchors by epoch and how far it had got."""

    logger: str = ""
    anchors: dict[int, tuple[int, int]] = {}
    restarted_ms: int = 0
    relative_ms: int = -1
    stamped_ms: int = -1


class LoggerTimeline:
    """Places the records of one appliance's logger; `written` is `to_text()` of an earlier one."""

    def __init__(self, written: str | None = None) -> None:
        try:
            self._memory = msgspec.json.decode(written or "{}", type=Memory)
        except msgspec.DecodeError:
            self._memory = Memory()

    def to_text(self) -> str:
        """What must be remembered."""
        return msgspec.json.encode(self._memory).decode()

    def place(self, moment: Moment) -> Placed | None:
        """The record's place, or None while its epoch has no anchor; call `learn` with it first."""
        memory = self._memory
        at_ms = self._stamp(moment)
        if at_ms is None:
            return None
        told = (memory.restarted_ms, memory.relative_ms)
        relative_ms = -1 if moment.relative_ms is None else moment.relative_ms
        is_further = (moment.restarted_ms, relative_ms) > told
        if not is_further and at_ms <= memory.stamped_ms:
            return Placed(at_ms, repeated=True, discontinuity=False)
        # Further on in relative time but not in absolute time, or the reverse: a clock was set or replaced.
        is_first = memory.stamped_ms < 0
        torn = at_ms <= memory.stamped_ms or (relative_ms >= 0 and not is_further) or moment.restarted_ms != told[0]
        memory.restarted_ms, memory.relative_ms, memory.stamped_ms = moment.restarted_ms, relative_ms, at_ms
        return Placed(at_ms, repeated=False, discontinuity=torn and not is_first)

    def learn(self, moment: Moment, live_at_ms: int | None) -> bool:
        """Takes the record as its epoch's anchor if there is none yet; says whether it did.

        A record without absolute time anchors only when it was seen live, at `live_at_ms` of the gateway's clock.
        """
        if moment.logger != self._memory.logger:
            self._memory = Memory(logger=moment.logger, stamped_ms=self._memory.stamped_ms)
        anchors = self._memory.anchors
        at_ms = live_at_ms if moment.absolute_ms is None else moment.absolute_ms
        if at_ms is None or moment.relative_ms is None or moment.restarted_ms in anchors:
            return False
        if len(anchors) >= EPOCHS_MAX:
            del anchors[min(anchors)]
        anchors[moment.restarted_ms] = (at_ms, moment.relative_ms)
        return True

    def _stamp(self, moment: Moment) -> int | None:
        if moment.absolute_ms is not None:
            return moment.absolute_ms
        known = self._memory.anchors.get(moment.restarted_ms)
        if known is None or moment.relative_ms is None:
            return None
        anchor_absolute_ms, anchor_relative_ms = known
        return anchor_absolute_ms - (anchor_relative_ms - moment.relative_ms)
