from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.faults.poison_corpus import MAKERS, Maker, hostile, made_by, main
from benchmarks.faults.poison_fate import GATEWAYS, Hostile, Way, keys
from ingest.inbox import Message
from ingest.load import take_apart
from ingest.reasons import Reason
from sheetal.contracts.batch import PAYLOAD_BYTES_MAX
from tests.ingest.acceptance import Judged, judged_message, seen
from tests.ingest.given import NOW_MS

KEYS = keys()
AFTER_THE_STORE = {Reason.CONTRADICTING, Reason.STORE_REFUSED, Reason.UNPROCESSABLE}


def arrived(one: Hostile) -> Message:
    """As the subscriber hands it over."""
    try:
        topic = one.topic.decode()
    except UnicodeDecodeError:
        topic = "(not UTF-8)"
    return Message(topic, one.payload, 1, 1, NOW_MS)


def has_its_fate(one: Hostile, found: Judged) -> bool:
    fate = one.fate
    if not fate.heard:
        return True
    if found.reason is not None:
        return found.reason in fate.refused
    items = (found.readings, found.aux, found.days, found.unplaced, found.thinned)
    readings = fate.readings + fate.repeated + fate.conflicts
    is_complete = tuple(map(len, items)) == (readings, fate.aux, fate.days, fate.unplaced, fate.thinned)
    return is_complete and {reason for _, reason in found.refused} == fate.rows and not (fate.refused and fate.certain)


def test_a_number_is_always_the_same_message_and_another_number_another_draw() -> None:
    some = [hostile(number) for number in range(300)]
    assert some == [hostile(number) for number in range(300)]
    assert len({one.payload for one in some}) > 270


@pytest.mark.parametrize("maker", [maker for maker, _ in MAKERS], ids=lambda maker: maker.__name__)
def test_every_kind_meets_its_fate_in_ingest_and_in_the_slow_acceptance(maker: Maker) -> None:
    for number in range(60):
        one = made_by(maker, number)
        slow = judged_message(arrived(one), KEYS.get)
        assert has_its_fate(one, slow), (number, slow, one.fate)
        assert seen(take_apart(arrived(one), KEYS.get)) == slow, number


def test_the_corpus_holds_every_kind_and_every_reason_that_a_message_alone_can_give() -> None:
    drawn = [hostile(number) for number in range(30_000)]
    assert {one.kind for one in drawn} == {maker.__name__ for maker, _ in MAKERS}
    reasons = {reason for one in drawn for reason in one.fate.refused | one.fate.rows}
    assert reasons == set(Reason) - AFTER_THE_STORE
    assert {one.way for one in drawn} == set(Way)
    assert sum(len(one.payload) for one in drawn) < 2_000 * len(drawn)
    assert max(len(one.payload) for one in drawn) > 10 * PAYLOAD_BYTES_MAX


def test_no_two_messages_share_a_key_of_the_store() -> None:
    stored: Counter[tuple[object, object]] = Counter()
    for number in range(20_000):
        one = hostile(number)
        if one.fate.heard and one.fate.readings:
            found = judged_message(arrived(one), KEYS.get)
            keys_of_message = {reading[:2] for reading in found.readings}
            assert len(keys_of_message) == one.fate.readings
            stored.update(keys_of_message)
    assert stored
    assert max(stored.values()) == 1


def test_every_gateway_goes_mad() -> None:
    assert len(KEYS) == GATEWAYS
    assert {hostile(number).topic for number in range(3_000)} >= {f"cc/v1/{one}/data".encode() for one in KEYS}


def test_a_single_message_can_be_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["7", "8"]) == 0
    assert hostile(7).kind in capsys.readouterr().out


def test_long_names_leave_room_for_their_neighbours() -> None:
    one = hostile(592_950)
    assert one.kind == "bad_sensors"
    assert len(one.payload) < PAYLOAD_BYTES_MAX
    assert has_its_fate(one, judged_message(arrived(one), keys().get))
