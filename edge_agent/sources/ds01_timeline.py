"""Where a DS01 logger's records stand in time (pure).

A logger has relative time (RELT) since its start; a record that also has absolute time (ABST) is its own stamp and an
anchor for those without: `absolute = ABST_anchor - (RELT_anchor - RELT)`. RTCW is RELT when the logger's clock last
restarted, so each RTCW is an epoch with an anchor of its own; the first anchor stays for ever, and with it the stamps.

A record that was just made but says another time than the gateway's trusted clock, and any record of the future, prove
the logger's clock wrong: from there on the gateway's clock anchors the epoch's relative time. Where absolute time jumps
within an epoch, relative time goes on until a live record says better. Stamps told before stay.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import msgspec

ValueT = TypeVar("ValueT")

EPOCHS_MAX = 16
CORRECTIONS_MAX = 8
WRONG_MS_MIN = 5 * 60_000
"""A clock further off than this is wrong (DESIGN section 5)."""


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


class Learnt(NamedTuple):
    """Whether records that waited may have a place now, and by how much the logger's clock was found wrong."""

    is_anchor: bool = False
    wrong_ms: int | None = None


class Correction(NamedTuple):
    """From this relative time of an epoch on, the gateway's clock holds: there it said `at_ms`."""

    from_ms: int
    at_ms: int


class Memory(msgspec.Struct):
    """What is kept of one logger over a restart: anchors by epoch, how far it had got, and what is not believed."""

    logger: str = ""
    anchors: dict[int, tuple[int, int]] = {}
    restarted_ms: int = 0
    relative_ms: int = -1
    stamped_ms: int = -1
    furthest_ms: int = -1
    corrections: dict[int, list[Correction]] = {}
    corrected: Correction | None = None
    distrusted: dict[int, int] = {}
    is_torn: bool = False


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

    def begin_anew(self) -> None:
        """The logger was seen to count from nothing again: what was known of its relative time is another count's."""
        before = self._memory
        self._memory = Memory(
            logger=before.logger, stamped_ms=before.stamped_ms, furthest_ms=before.stamped_ms, is_torn=True
        )

    def place(self, moment: Moment) -> Placed | None:
        """The record's place, or None while its epoch has no anchor; call `learn` with it first."""
        memory = self._memory
        at_ms = self._stamp(moment)
        if at_ms is None:
            return None
        told = (memory.restarted_ms, memory.relative_ms)
        relative_ms = -1 if moment.relative_ms is None else moment.relative_ms
        is_further = (moment.restarted_ms, relative_ms) > told
        if not is_further and at_ms <= max(memory.stamped_ms, memory.furthest_ms):
            return Placed(at_ms, repeated=True, discontinuity=False)
        # Further on in relative time but not in absolute time, or the reverse: a clock was set or replaced.
        is_first = memory.stamped_ms < 0
        correction = self._correction(moment)
        torn = at_ms <= memory.stamped_ms or (relative_ms >= 0 and not is_further) or moment.restarted_ms != told[0]
        torn = torn or memory.is_torn or correction != memory.corrected
        memory.restarted_ms, memory.relative_ms, memory.stamped_ms = moment.restarted_ms, relative_ms, at_ms
        memory.furthest_ms = max(memory.furthest_ms, at_ms)
        memory.corrected, memory.is_torn = correction, False
        return Placed(at_ms, repeated=False, discontinuity=torn and not is_first)

    def learn(self, moment: Moment, now_ms: int | None = None, *, is_live: bool = False) -> Learnt:
        """Takes the record as its epoch's anchor if there is none yet, and as a proof against the logger's clock.

        `now_ms` is the gateway's clock, None while it cannot be trusted; `is_live`: the record was made just now. A
        record without absolute time anchors only when it is live.
        """
        if moment.logger != self._memory.logger:
            before = self._memory
            self._memory = Memory(logger=moment.logger, stamped_ms=before.stamped_ms, furthest_ms=before.furthest_ms)
        wrong = self._judge_clock(moment, now_ms, is_live=is_live)
        if wrong is not None:
            return wrong
        anchors = self._memory.anchors
        at_ms = moment.absolute_ms if moment.absolute_ms is not None else now_ms if is_live else None
        is_known = moment.restarted_ms in anchors or moment.restarted_ms in self._memory.corrections
        if at_ms is None or moment.relative_ms is None or is_known:
            return Learnt()
        _make_room(anchors, moment.restarted_ms)
        anchors[moment.restarted_ms] = (at_ms, moment.relative_ms)
        return Learnt(is_anchor=True)

    def _judge_clock(self, moment: Moment, now_ms: int | None, *, is_live: bool) -> Learnt | None:
        """What the record proves; None where its clock may be right, or nobody knows better."""
        memory, relative_ms, epoch = self._memory, moment.relative_ms, moment.restarted_ms
        if now_ms is None or relative_ms is None:
            return None
        at_ms = self._stamp(moment)
        is_further = (epoch, relative_ms) > (memory.restarted_ms, memory.relative_ms)
        if at_ms is None and epoch in memory.distrusted:
            return self._correct(moment, now_ms) if is_live and is_further else Learnt()
        if at_ms is None or not is_further:
            return None
        # What just was made stands at now; what was stored stands where elapsed time puts it.
        right_ms = now_ms if is_live else self._line_ms(moment, now_ms)
        if right_ms is not None:
            is_wrong = abs(at_ms - right_ms) > WRONG_MS_MIN
            return self._correct(moment, right_ms)._replace(wrong_ms=at_ms - right_ms) if is_wrong else None
        if at_ms - now_ms <= WRONG_MS_MIN:
            return None
        _make_room(memory.distrusted, epoch)
        memory.distrusted[epoch] = relative_ms
        return Learnt(wrong_ms=at_ms - now_ms)

    def _correct(self, moment: Moment, at_ms: int) -> Learnt:
        """From the first record that is not believed on, the epoch is placed so that this one stands at `at_ms`."""
        memory, epoch, relative_ms = self._memory, moment.restarted_ms, moment.relative_ms or 0
        from_ms = min(memory.distrusted.pop(epoch, relative_ms), relative_ms)
        _make_room(memory.corrections, epoch)
        known = memory.corrections.setdefault(epoch, [])
        known.append(Correction(from_ms, at_ms - (relative_ms - from_ms)))
        del known[:-CORRECTIONS_MAX]
        return Learnt(is_anchor=True)

    def _line_ms(self, moment: Moment, now_ms: int) -> int | None:
        """Where elapsed time alone puts the record, counted from the last one of its epoch; never in the future."""
        memory = self._memory
        if moment.relative_ms is None or moment.restarted_ms != memory.restarted_ms:
            return None
        line_ms = memory.stamped_ms + moment.relative_ms - memory.relative_ms
        is_known = min(memory.stamped_ms, memory.relative_ms) >= 0 and line_ms - now_ms <= WRONG_MS_MIN
        return line_ms if is_known else None

    def _stamp(self, moment: Moment) -> int | None:
        memory, relative_ms = self._memory, moment.relative_ms
        correction = self._correction(moment)
        if correction is not None and relative_ms is not None:
            return correction.at_ms + relative_ms - correction.from_ms
        distrusted_ms = memory.distrusted.get(moment.restarted_ms)
        if distrusted_ms is not None and relative_ms is not None and relative_ms >= distrusted_ms:
            return None
        if moment.absolute_ms is not None:
            return moment.absolute_ms
        later = memory.corrections.get(moment.restarted_ms)
        known = memory.anchors.get(moment.restarted_ms, (later[0].at_ms, later[0].from_ms) if later else None)
        if known is None or relative_ms is None:
            return None
        anchor_absolute_ms, anchor_relative_ms = known
        return anchor_absolute_ms - (anchor_relative_ms - relative_ms)

    def _correction(self, moment: Moment) -> Correction | None:
        known = self._memory.corrections.get(moment.restarted_ms, [])
        reached = [one for one in known if moment.relative_ms is not None and one.from_ms <= moment.relative_ms]
        return reached[-1] if reached else None


def believable(moment: Moment, now_ms: int | None, *, is_live: bool) -> Moment | None:
    """A record with nothing but an absolute time, which a wrong one leaves without any place unless it is live."""
    if now_ms is None or moment.relative_ms is not None or moment.absolute_ms is None:
        return moment
    if not _is_wrong(moment.absolute_ms, now_ms, is_live=is_live):
        return moment
    return moment._replace(absolute_ms=now_ms) if is_live else None


def _is_wrong(at_ms: int, now_ms: int, *, is_live: bool) -> bool:
    return at_ms - now_ms > WRONG_MS_MIN or (is_live and now_ms - at_ms > WRONG_MS_MIN)


def _make_room(by_epoch: dict[int, ValueT], epoch: int) -> None:
    if epoch not in by_epoch and len(by_epoch) >= EPOCHS_MAX:
        del by_epoch[min(by_epoch)]
