from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, HoldRule, Measure, Side, Source, StorageRange

SOURCE = Source(citation="a label", confidence="high")


def rule(side: Side, limit: int, *, inclusive: bool) -> HoldRule:
    return HoldRule(
        rule="r",
        side=side,
        limit_centi_celsius=limit,
        inclusive=inclusive,
        measure=Measure.RUN,
        minutes=60,
        source=SOURCE,
    )


@pytest.mark.parametrize(
    ("side", "inclusive", "value", "violated"),
    [
        (Side.COLD, True, -50, True),
        (Side.COLD, False, -50, False),
        (Side.COLD, False, -51, True),
        (Side.COLD, True, -49, False),
        (Side.HOT, True, -50, True),
        (Side.HOT, False, -50, False),
        (Side.HOT, False, -49, True),
        (Side.HOT, True, -51, False),
    ],
)
def test_the_limit_itself_counts_only_where_the_rule_is_inclusive(
    side: Side, inclusive: object, value: int, violated: object
) -> None:
    assert rule(side, -50, inclusive=bool(inclusive)).violated_by(value) is violated


@given(st.integers(-10_000, 15_000), st.integers(-10_000, 15_000), st.sampled_from(Side), st.booleans())
def test_beyond_a_limit_is_one_side_of_it(value: int, limit: int, side: Side, inclusive: bool) -> None:  # noqa: FBT001 - drawn
    violated = rule(side, limit, inclusive=inclusive).violated_by(value)
    other = rule(Side.HOT if side is Side.COLD else Side.COLD, limit, inclusive=not inclusive).violated_by(value)
    assert violated is not other


def test_a_rule_without_a_source_cannot_be_read() -> None:
    text = msgspec.json.encode(rule(Side.HOT, 800, inclusive=False))
    assert msgspec.json.decode(text, type=HoldRule) == rule(Side.HOT, 800, inclusive=False)
    bare = msgspec.json.decode(text)
    del bare["source"]
    with pytest.raises(msgspec.ValidationError, match="source"):
        msgspec.convert(bare, HoldRule)


def test_a_range_without_a_source_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="source"):
        StorageRange(stage="frozen", centi_celsius_min=None, centi_celsius_max=-1_500)  # type: ignore[call-arg]


def test_spans_in_milliseconds() -> None:
    assert (MINUTE_MS, HOUR_MS, DAY_MS) == (60_000, 60 * 60_000, 24 * 60 * 60_000)
