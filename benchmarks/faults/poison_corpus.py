"""The corpus of hostile messages: number n is always the same message, and knows what must become of it (pure).

`python -m benchmarks.faults.poison_corpus NUMBER…` shows single ones.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from itertools import accumulate

from benchmarks.faults import poison_bodies as bodies
from benchmarks.faults import poison_bytes as junk
from benchmarks.faults import poison_rows as rows
from benchmarks.faults import poison_topics as places
from benchmarks.faults.poison_fate import GATEWAYS, Draw, Hostile, Made, name

Maker = Callable[[Draw], Made]
OFTEN, SOMETIMES, SELDOM, RARELY = 300, 100, 10, 2
"""In so many of about 12,000 messages: what costs much comes seldom, since a flood is counted by messages."""
MAKERS: tuple[tuple[Maker, int], ...] = (
    *((maker, OFTEN) for maker in (junk.random_bytes, junk.injection, junk.shape, junk.truncated, junk.bit_flipped)),
    *((maker, OFTEN) for maker in (junk.spliced, junk.other_encoding, junk.lookalike, junk.token, junk.other_version)),
    *((maker, OFTEN) for maker in (junk.duplicate_keys, junk.odd_mac, junk.other_channel, junk.other_gateway)),
    *((maker, OFTEN) for maker in (bodies.no_object, bodies.wrong_type, bodies.wrong_temperature, bodies.wrong_shape)),
    *((maker, OFTEN) for maker in (bodies.no_json_number, bodies.too_large_float, bodies.outside, bodies.foreign_body)),
    *((maker, OFTEN) for maker in (rows.bad_values, rows.bad_stamps, rows.future_stamps, rows.bad_sensors)),
    *((maker, OFTEN) for maker in (junk.unknown_gateway, places.odd_name, places.elsewhere, bodies.empty)),
    *((maker, SOMETIMES) for maker in (rows.all_kinds_bad, rows.bad_aux, rows.bad_unplaced, rows.bad_spans)),
    *((maker, SOMETIMES) for maker in (rows.lawful_aux, rows.one_sequence, rows.one_key, bodies.twice_in_the_body)),
    *((maker, SOMETIMES) for maker in (bodies.newer_minor, bodies.extreme_numbers, bodies.scattered_sequences)),
    *((maker, SOMETIMES) for maker in (places.sign_of_life, places.unconfirmed, junk.nest, rows.bad_days)),
    *((maker, SELDOM) for maker in (rows.thousand_faults, rows.new_sensors, rows.contradicting_spans)),
    *((maker, SELDOM) for maker in (bodies.too_many_items, bodies.near_the_recursion_limit, places.ends_a_connection)),
    *((maker, SELDOM) for maker in (places.long_name, rows.many_covers)),
    *((maker, RARELY) for maker in (junk.at_the_limit, junk.over_the_limit, bodies.filled_up, junk.huge)),
    *((maker, RARELY) for maker in (rows.scattered_instants, rows.many_days, rows.many_aux)),
)
"""Every kind, and how often it comes."""
_makers = [maker for maker, _ in MAKERS]
_until = list(accumulate(weight for _, weight in MAKERS))


def hostile(number: int) -> Hostile:
    """Message number `number` of the corpus."""
    chance = random.Random(f"poison {number}")
    (maker,) = chance.choices(_makers, cum_weights=_until)
    return made_by(maker, number, chance)


def made_by(maker: Maker, number: int, chance: random.Random | None = None) -> Hostile:
    """The message that one kind makes of a number."""
    chance = chance or random.Random(f"poison {maker.__name__} {number}")
    draw = Draw(number, chance, name(chance.randrange(GATEWAYS)))
    payload, fate, topic, way = maker(draw)
    return Hostile(number, maker.__name__, draw.topic if topic is None else topic, payload, fate, way)


def main(arguments: list[str]) -> int:
    """Show what is asked for; the payload's first bytes only."""
    for number in map(int, arguments):
        one = hostile(number)
        print(f"{one.number} {one.kind} on {one.topic[:200]!r}, {one.way.name}, {len(one.payload):,} bytes: {one.fate}")
        print(f"  {one.payload[:2_000]!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
