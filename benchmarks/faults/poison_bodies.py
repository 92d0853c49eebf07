"""Hostile messages under a seal that is true: a gateway whose key is good and whose mind is gone (pure).

What is wrong with the body as a whole; what is wrong with its rows and what else it carries stands in `poison_rows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.faults.poison_bytes import INJECTIONS, refused
from benchmarks.faults.poison_fate import BOOT, GATEWAYS, Fate, Made, name, text
from ingest.reasons import Reason
from sheetal.contracts.batch import PAYLOAD_BYTES_MAX, ROWS_MAX

if TYPE_CHECKING:
    from benchmarks.faults.poison_fate import Draw, Json

BAD_BODY = refused(Reason.BAD_BODY)
NOTHING = Fate()
INTEGER_MAX = 2**63 - 1
NOT_INTEGERS: tuple[object, ...] = (4.5, 4.0, 1e308, -1e308, 5e-324, "4", "", None, True, False, [], {}, [4], "NaN")
OUTSIDE = (-1, -(2**63), 2**63, 2**64, -(2**70), 10**100)
NESTED_LAWFULLY = 200
LONG_LETTERS = 100_000


def no_object(draw: Draw) -> Made:
    """A body that is no batch at all."""
    bodies = (b"null", b"[]", b"0", b'"x"', b"true", b"{}", b'{"rows":[]}', b'{"gateway":"mad-00"}', b"1e308", b"[[]]")
    return Made(draw.sealed_bytes(draw.chance.choice(bodies)), BAD_BODY)


def wrong_type(draw: Draw) -> Made:
    """Something that is no integer where one must stand, in the head or in a row among good ones."""
    odd = draw.chance.choice(NOT_INTEGERS)
    place = draw.chance.randrange(8)
    if place < 3:  # noqa: PLR2004 - the three numbers of the head
        body = {**draw.body(rows=draw.rows(2)), ("boot", "sent_at_ms", "boot")[place]: odd}
        return Made(draw.sealed(body), BAD_BODY)
    rows = draw.rows(4)
    rows[draw.chance.randrange(4)][(0, 1, 4, 0, 1)[place - 3]] = odd
    return Made(draw.sealed(draw.body(rows=rows)), BAD_BODY)


def wrong_temperature(draw: Draw) -> Made:
    """A float, a word or a list where centi-degrees must stand; the wire's type admits no such row."""
    rows = draw.rows(3)
    rows[draw.chance.randrange(3)][3] = draw.chance.choice([odd for odd in NOT_INTEGERS if odd is not None])
    return Made(draw.sealed(draw.body(rows=rows)), BAD_BODY)


def wrong_shape(draw: Draw) -> Made:
    """Rows that are too short, objects, words, or not even a list."""
    good = draw.rows(1)[0]
    ways: tuple[object, ...] = (
        [good[:4]],
        [[]],
        [{"sequence": 1}],
        [None],
        ["x"],
        good,
        {},
        "rows",
        None,
        7,
        [good, good[:1]],
    )
    part = draw.chance.choice(("rows", "rows", "unplaced", "aux"))
    return Made(draw.sealed({**draw.body(), part: draw.chance.choice(ways)}), BAD_BODY)


def no_json_number(draw: Draw) -> Made:
    """NaN or Infinity as Python writes them, wherever a number stands."""
    rows = draw.rows(2)
    rows[1][draw.chance.choice((0, 1, 3, 4))] = draw.chance.choice((float("nan"), float("inf"), -float("inf")))
    return Made(draw.sealed(draw.body(rows=rows)), refused(Reason.BAD_JSON))


def too_large_float(draw: Draw) -> Made:
    """A number beyond every float, as an aux value."""
    number = draw.chance.choice((b"1e309", b"-1e999999", b"1" + b"0" * 400, b"9" * 5_000))
    body = text(draw.body(aux=[[draw.number * 1_000, draw.at_ms, "ilr1", "TAMB", 777_777]]))
    body = body.replace(b",777777]", b"," + number + b"]")
    return Made(draw.sealed_bytes(body), BAD_BODY)


def outside(draw: Draw) -> Made:
    """A boot, sequence or instant that no ack could name back."""
    odd = draw.chance.choice(OUTSIDE)
    rows, unplaced = draw.rows(2), [[1, 1, draw.sensor(), 400, 0]]
    rows[1][0] = odd
    ways: tuple[Json, ...] = (
        {**draw.body(rows=draw.rows(1)), "boot": odd},
        {**draw.body(), "sent_at_ms": odd},
        {**draw.body(), "monotonic_ms": odd},
        draw.body(rows=rows),
        draw.body(aux=[[odd, draw.at_ms, "ilr1", "TAMB", 1.0]]),
        draw.body(unplaced=[*unplaced, [odd, 1, draw.sensor(), 400, 0]]),
    )
    return Made(draw.sealed(draw.chance.choice(ways)), BAD_BODY)


def foreign_body(draw: Draw) -> Made:
    """A body that names another gateway, or none, under this one's seal."""
    other = name((int(draw.gateway[-2:]) + 1) % GATEWAYS)
    odd = draw.chance.choice((other, "", draw.gateway.upper(), draw.gateway + "\n", *INJECTIONS))
    return Made(draw.sealed({**draw.body(rows=draw.rows(2)), "gateway": odd}), refused(Reason.FOREIGN_GATEWAY))


def too_many_items(draw: Draw) -> Made:
    """One more than a message may have, rows alone or together with others; whole and true otherwise."""
    rows: list[list[object]] = [[n, draw.at_ms, draw.sensor(), 400, 0] for n in range(ROWS_MAX + 1)]
    half = draw.chance.choice((ROWS_MAX + 1, 500))
    aux: list[list[object]] = [[n, draw.at_ms, "ilr1", "TAMB", 4.5] for n in range(ROWS_MAX + 1)]
    ways = ({"rows": rows[:half], "unplaced": rows[half:]}, {"aux": aux}, {"rows": rows[:half], "aux": aux[half:]})
    return Made(draw.sealed({**draw.body(), **draw.chance.choice(ways)}), refused(Reason.TOO_BIG))


def twice_in_the_body(draw: Draw) -> Made:
    """A part that is said twice: the later one counts."""
    whole = text(draw.body(rows=draw.rows(3)))
    if draw.number % 2:
        return Made(draw.sealed_bytes(whole[:-1] + b',"rows":"x"}'), BAD_BODY)
    later = whole[:-1] + b',"rows":' + text(draw.rows(2, first=10)) + b"}"
    return Made(draw.sealed_bytes(later), Fate(readings=2))


def empty(draw: Draw) -> Made:
    """A batch that carries nothing, asks for the time or not, or brags about its clock."""
    clock = draw.chance.choice(("", "none", "ntp", "\x00\n\x1b[2J", "\u202e", "x" * LONG_LETTERS, *INJECTIONS))
    clock = clock if draw.number % 50 == 0 or len(clock) < LONG_LETTERS else ""
    asked = {"monotonic_ms": draw.chance.choice((0, draw.number, INTEGER_MAX))} if draw.number % 2 else {}
    return Made(draw.sealed({**draw.body(), "clock_source": clock, **asked}), NOTHING)


def newer_minor(draw: Draw) -> Made:
    """Fields and columns that nobody knows yet, some of them monstrous: ignored, and the rows are stored."""
    deep = b"[" * NESTED_LAWFULLY + b"]" * NESTED_LAWFULLY
    odd = draw.chance.choice(
        (b"null", deep, b"1e999", b"9" * 5_000, b'"\xff\xfe\xfd"', b'{"rows":[[1]]}', b'"\\u0000"')
    )
    rows = [[*row, "new", None] for row in draw.rows(3)]
    body = text(draw.body(rows=rows))[:-1] + b',"new":' + odd + b"}"
    return Made(draw.sealed_bytes(body), Fate(readings=3))


def extreme_numbers(draw: Draw) -> Made:
    """The largest boot, sequences and sending time that can be named back."""
    rows = draw.rows(3)
    for offset, row in enumerate(rows):
        row[0] = INTEGER_MAX - offset * draw.chance.choice((1, 1, 2**40))
    boot = draw.chance.choice((0, 1, BOOT, INTEGER_MAX))
    return Made(draw.sealed({**draw.body(rows=rows), "boot": boot, "sent_at_ms": INTEGER_MAX}), Fate(readings=3))


def scattered_sequences(draw: Draw) -> Made:
    """Sequences without any order under a boot that is new each time."""
    rows = draw.rows(5)
    for row in rows:
        row[0] = draw.chance.randrange(2**62)
    return Made(draw.sealed({**draw.body(rows=rows), "boot": draw.chance.randrange(2**62)}), Fate(readings=5))


def filled_up(draw: Draw) -> Made:
    """A small true batch blown up with spaces to the very last byte that is looked at."""
    whole = draw.true_batch(2)
    return Made(whole + b" " * (PAYLOAD_BYTES_MAX - len(whole)), Fate(readings=2))


def near_the_recursion_limit(draw: Draw) -> Made:
    """As deep as the recursion limit: how deep exactly depends on who asks."""
    depth = 600 + draw.number % 600
    body = text(draw.body())[:-1] + b',"new":' + b"[" * depth + b"]" * depth + b"}"
    return Made(draw.sealed_bytes(body), refused(Reason.BAD_JSON, Reason.BAD_BODY)._replace(certain=False))
