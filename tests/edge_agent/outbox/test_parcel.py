from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.outbox.parcel import (
    AUX,
    BYTES_MAX,
    DAY,
    ROW,
    UNPLACED,
    Item,
    Moment,
    Parcel,
    day_body,
    departs,
    pack,
    to_batch,
)
from edge_agent.sample import DaySummaryDraft
from edge_agent.settings.uplink import DepartureRule
from sheetal.contracts.batch import PAYLOAD_BYTES_MAX, AuxRow, Batch, DaySummary, Row, UnplacedRow
from sheetal.contracts.seal import seal
from sheetal.contracts.topics import Channel

RULE = DepartureRule()
DRAFT = DaySummaryDraft("g.s", 0, 86_400_000, -10, 900, -50, 60, 800, 600, 3, 4, 5, None, 77)
LONGEST_SENSOR = "g" * 48 + "." + "s" * 64


def item(sequence: int = 1, **fields: object) -> Item:
    plain = Item(7, sequence, ROW, "g.s", "", 1_000, 450, 0, None, notable=False, added_at_ms=1_000)
    return plain._replace(**fields)  # type: ignore[arg-type] # each test names the fields it needs


@pytest.mark.parametrize(
    ("fresh", "now_ms", "goes"),
    [
        ([], 10**9, False),
        ([item(n) for n in range(9)], 1_000, False),
        ([item(n) for n in range(10)], 1_000, True),
        ([item(1)], 60_999, False),
        ([item(1)], 61_000, True),
        ([item(1, notable=True)], 1_000, True),
        ([item(n, kind=AUX) for n in range(50)], 1_000, False),
        ([item(n, kind=AUX) for n in range(50)], 61_000, True),
        ([item(1)], 999, True),
    ],
)
def test_a_message_goes_by_ten_rows_or_age_or_notability(fresh: list[Item], now_ms: int, goes: bool) -> None:  # noqa: FBT001 - a table
    assert departs(fresh, now_ms, RULE) is goes


def test_nothing_makes_no_parcel() -> None:
    assert pack([], history=False, items_max=500) is None


def test_a_parcel_holds_one_boot_and_not_too_many() -> None:
    many = [item(n) for n in range(600)]
    parcel = pack([*many[:3], item(9, boot=8), *many[3:]], history=True, items_max=500)
    assert parcel is not None
    assert (parcel.boot, parcel.history, parcel.keys) == (7, True, frozenset((7, n) for n in range(500)))
    full = pack(many, history=True, items_max=500)
    assert full is not None
    assert len(full.items) == 500


def test_the_longest_items_still_fit_the_wire() -> None:
    longest = Item(
        2**63 - 1,
        2**63 - 1,
        DAY,
        LONGEST_SENSOR,
        "d" * 40,
        2**43,
        None,
        0,
        day_body(DRAFT),
        notable=True,
        added_at_ms=0,
    )
    rows = Item(2**63 - 1, 2**63 - 1, ROW, LONGEST_SENSOR, "", 2**43, -10_000, 5, None, notable=True, added_at_ms=0)
    aux = rows._replace(kind=AUX, field="F" * 16, value=-123_456_789.123_456_78)
    for one in (longest, rows, aux):
        parcel = pack([one] * 5_000, history=True, items_max=5_000)
        assert parcel is not None
        payload = seal(Channel.DATA, "g" * 48, b"k" * 32, to_batch(parcel, "g" * 48, Moment(2**43, 2**43, "none")))
        assert len(payload) <= PAYLOAD_BYTES_MAX
        assert len(payload) > BYTES_MAX // 4


def test_a_parcel_in_the_words_of_the_wire() -> None:
    day = item(3, kind=DAY, body=day_body(DRAFT), value=None)
    fault = item(2, value=None, quality=4)
    aux = item(4, kind=AUX, source="g.ILR-1", field="TAMB", value=31.5)
    parcel = pack([item(1), fault, day, aux], history=False, items_max=10)
    assert parcel is not None
    batch = to_batch(parcel, "g", Moment(5_000, 70, "ack"))
    assert (batch.gateway, batch.boot, batch.sent_at_ms, batch.history) == ("g", 7, 5_000, False)
    assert (batch.monotonic_ms, batch.clock_source) == (70, "ack")
    assert batch.rows == [Row(1, 1_000, "g.s", 450, 0), Row(2, 1_000, "g.s", None, 4)]
    assert batch.aux == [AuxRow(4, 1_000, "g.ILR-1", "TAMB", 31.5)]
    assert batch.days == [DaySummary(3, **msgspec.structs.asdict(DRAFT))]
    assert msgspec.json.decode(msgspec.json.encode(batch), type=Batch) == batch


def test_a_reading_without_an_instant_travels_as_such() -> None:
    lost = item(5, kind=UNPLACED)
    parcel = pack([lost, item(6, kind=UNPLACED, value=None, quality=2)], history=True, items_max=10)
    assert parcel is not None
    batch = to_batch(parcel, "g", Moment(5_000))
    assert batch.rows == []
    assert batch.unplaced == [UnplacedRow(5, 1_000, "g.s", 450, 0), UnplacedRow(6, 1_000, "g.s", None, 2)]


def test_an_empty_parcel_is_a_question_for_the_time() -> None:
    batch = to_batch(Parcel(7, history=False, items=()), "g", Moment(5_000, 70, "none"))
    assert msgspec.json.decode(msgspec.json.encode(batch)) == {
        "gateway": "g", "boot": 7, "sent_at_ms": 5_000, "clock_source": "none", "monotonic_ms": 70,
    }  # fmt: skip


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 400)), max_size=60), st.integers(1, 500))
def test_a_parcel_is_always_a_leading_part(told: list[tuple[int, int]], items_max: int) -> None:
    items = [item(number, boot=boot, source="s" * length) for number, (boot, length) in enumerate(told)]
    parcel = pack(items, history=False, items_max=items_max)
    if parcel is None:
        assert items == []
    else:
        assert list(parcel.items) == [item for item in items if item.boot == items[0].boot][: len(parcel.items)]
        assert 0 < len(parcel.items) <= items_max
        assert {one.boot for one in parcel.items} == {parcel.boot}
