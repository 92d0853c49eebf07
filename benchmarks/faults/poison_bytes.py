"""Hostile messages that carry no seal which fits: junk, lookalikes, tampered and forged envelopes (pure)."""

from __future__ import annotations

import gzip
import pickle
import zlib
from typing import TYPE_CHECKING

import msgspec

from benchmarks.faults.poison_fate import GATEWAYS, Fate, Made, envelope, key_of, mac, name, text
from ingest.reasons import Reason
from sheetal.contracts.batch import PAYLOAD_BYTES_MAX

if TYPE_CHECKING:
    from benchmarks.faults.poison_fate import Draw

JUNK_BYTES_MAX = 600
HUGE_BYTES, HUGE_BYTES_MAX = 500_000, 10_000_000
NEST_MAX = 120_000
NEST_SURE = 2_000
"""Deeper than any recursion limit that a service sets."""
INJECTIONS = (
    "'; DROP TABLE dead_letter; --",
    '" OR 1=1; DELETE FROM sensor_state WHERE "x"="x',
    "Robert'); UPDATE gateway SET sealed_key = NULL; --",
    "%s%s%n%x%(levelname)s{0.__class__.__mro__}",
    "${jndi:ldap://127.0.0.1/a}",
    "ok\n" + '{"event": "ready", "level": "info"}',
    "\x1b[2J\x1b]0;owned\x07",
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "<script>fetch('/api')</script>",
    "reading,sensor=gw-01.ilr1-tvc t=99.9,q=0i 1700000000000\nreading,sensor=x t=1",
    "../../../../etc/passwd\x00.json",
    "\u202e\u2066atad\u2069\U0001f9ca\uffff",
    "=cmd|' /C calc'!A0",
    "{{7*7}}#{7*7}<%= 7*7 %>",
)
TOKENS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "1e308",
    "-1e400",
    "1.0",
    "01",
    "+1",
    "0x1",
    "1_000",
    "true",
    '"1"',
    "null",
)
SHAPES = (
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b"-0.0",
    b'""',
    b"[]",
    b"{}",
    b"[1,2,3]",
    b'{"v":1}',
    b'{"v":1,"gateway":"mad-00"}',
    b'{"v":1,"gateway":"mad-00","mac":""}',
    b'{"v":1,"gateway":7,"mac":"","body":{}}',
    b'{"v":1,"gateway":null,"mac":null,"body":null}',
    b'{"v":1,"gateway":["mad-00"],"mac":{},"body":{}}',
    b'[1,"mad-00","00",{}]',
    b'{"V":1,"GATEWAY":"mad-00","MAC":"","BODY":{}}',
    b"{'v':1,'gateway':'mad-00','mac':'','body':{}}",
    b'{"v":1,"gateway":"mad-00","mac":"","body":{},}',
    b'{"v":1,"gateway":"mad-00","mac":"","body":{}}}',
    b'{"v":1,"gateway":"mad-00","mac":"","body":{}}\x00',
    b'{"v":1,"gateway":"\\ud800","mac":"","body":{}}',
    b'{"v":1,"gateway":"\xff\xfe","mac":"","body":{}}',
    b'/* v */ {"v":1,"gateway":"mad-00","mac":"","body":{}}',
    b"\x00" * 64,
    b"\xff" * 64,
    b"\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80",
)


def refused(*reasons: Reason) -> Fate:
    """One letter, for one of these reasons."""
    return Fate(refused=frozenset(reasons))


NO_JSON = refused(Reason.BAD_JSON)
WRONG_MAC = refused(Reason.WRONG_MAC)


def random_bytes(draw: Draw) -> Made:
    """Noise."""
    return Made(draw.chance.randbytes(draw.chance.randrange(1, JUNK_BYTES_MAX)), NO_JSON)


def injection(draw: Draw) -> Made:
    """Words meant for a log, a shell, a page or a database; every second one the same for ever."""
    words = draw.chance.choice(INJECTIONS)
    return Made((words if draw.number % 2 else f"{words} {draw.number}").encode(), NO_JSON)


def shape(draw: Draw) -> Made:
    """Nearly an envelope, the same few for ever."""
    return Made(draw.chance.choice(SHAPES), NO_JSON)


def truncated(draw: Draw) -> Made:
    """The beginning of a true batch."""
    whole = draw.true_batch()
    return Made(whole[: draw.chance.randrange(len(whole))], NO_JSON)


def bit_flipped(draw: Draw) -> Made:
    """A true batch with one bit turned over."""
    payload = bytearray(draw.true_batch())
    payload[draw.chance.randrange(len(payload))] ^= 1 << draw.chance.randrange(8)
    reasons = (Reason.BAD_JSON, Reason.WRONG_VERSION, Reason.FOREIGN_GATEWAY, Reason.WRONG_MAC)
    return Made(bytes(payload), refused(*reasons))


def spliced(draw: Draw) -> Made:
    """A true batch twice, with something before, after or in the middle of it."""
    whole, junk = draw.true_batch(), draw.chance.randbytes(5) + b"\x00"
    middle = draw.chance.randrange(1, len(whole))
    ways = (whole + whole, junk + whole, whole + junk, whole[:middle] + junk + whole[middle:])
    return Made(draw.chance.choice(ways), NO_JSON)


def other_encoding(draw: Draw) -> Made:
    """A true batch behind a byte order mark, or not in UTF-8."""
    whole = draw.true_batch().decode()
    way = draw.chance.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp500"))
    return Made(whole.encode(way), NO_JSON)


def lookalike(draw: Draw) -> Made:
    """What another protocol would send."""
    body = draw.body(rows=draw.rows(2))
    ways = (
        gzip.compress(draw.true_batch(), mtime=0),
        zlib.compress(draw.true_batch()),
        msgspec.msgpack.encode({"v": 1, "gateway": draw.gateway, "mac": "00", "body": body}),
        pickle.dumps(body),
        b"\xa4\x61v\x01\x67gateway\x66mad-00\x63mac\x60\x64body\xa0" + draw.number.to_bytes(4),  # CBOR
        b"\x0a\x06mad-00\x10" + draw.number.to_bytes(4) + b"\x1a\x04\x08\x01\x10\x02",  # Protocol Buffers
        b"<batch gateway='mad-00'><row n='%d'/></batch>" % draw.number,
        b"v: 1\ngateway: mad-00\nbody: &a [*a, *a, %d]\n" % draw.number,
        b"reading,sensor=%b t=99.9,q=0i %d" % (draw.sensor().encode(), draw.at_ms),
        b"seq,ms,sensor,value\n%d,1,a,1\n" % draw.number,
    )
    return Made(draw.chance.choice(ways), NO_JSON)


def token(draw: Draw) -> Made:
    """Where the version stands, a number that is none of JSON's or none of the wire's."""
    token = draw.chance.choice(TOKENS)
    return Made(draw.true_batch().replace(b'"v":1', f'"v":{token}'.encode(), 1), NO_JSON)


def other_version(draw: Draw) -> Made:
    """A major version that nobody speaks."""
    version = draw.chance.choice((0, 2, -1, 3, 2**31, 2**63, 2**64, -(2**70), 10**100))
    payload = draw.true_batch().replace(b'"v":1', f'"v":{version}'.encode(), 1)
    return Made(payload, refused(Reason.WRONG_VERSION))


def nest(draw: Draw) -> Made:
    """Deeper than the recursion limit, bare or inside the envelope or the body."""
    is_deepest = draw.number % 20 == 0
    depth = draw.chance.randrange(NEST_SURE, NEST_MAX) if is_deepest else NEST_SURE + draw.number % 100
    deep = b"[" * depth + b"]" * depth
    ways = (
        b"[" * depth,
        b'{"x":' * (depth // 3),
        deep,
        draw.true_batch().replace(b'"v":1', b'"x":' + deep + b',"v":1', 1),
        draw.sealed_bytes(deep),
        draw.sealed_bytes(b'{"rows":' + deep + b"}"),
    )
    return Made(draw.chance.choice(ways), NO_JSON)


def duplicate_keys(draw: Draw) -> Made:
    """An envelope that says a thing twice; the later one counts, and is the wrong one."""
    whole, other = draw.true_batch(), name((int(draw.gateway[-2:]) + 1) % GATEWAYS)
    ways = (
        (whole[:-1] + b',"v":2}', Reason.WRONG_VERSION),
        (whole[:-1] + b',"gateway":"%b"}' % other.encode(), Reason.FOREIGN_GATEWAY),
        (whole[:-1] + b',"body":{"gateway":"%b","boot":1,"sent_at_ms":1}}' % draw.gateway.encode(), Reason.WRONG_MAC),
        (whole[:-1] + b',"mac":"%b"}' % (b"0" * 64), Reason.WRONG_MAC),
        (whole[:-1] + b',"mac":null}', Reason.BAD_JSON),
    )
    payload, reason = draw.chance.choice(ways)
    return Made(payload, refused(reason))


def odd_mac(draw: Draw) -> Made:
    """A mac that is absent, in another case, cut, padded, guessed or not even text."""
    body = text(draw.body(rows=draw.rows(2)))
    true = mac(draw.gateway, body)
    ways = (
        "",
        true.upper(),
        true[:-1],
        true + "0",
        true + "\n",
        " " + true,
        "0" * 64,
        "\x00" + true,
        "é" * 64,
        "x" * 5_000,
    )
    keys = (b"", b"\x00" * 32, draw.gateway.encode(), draw.chance.randbytes(32), key_of(draw.gateway)[:-1])
    guessed = mac(draw.gateway, body, key=draw.chance.choice(keys) or b"\x00")
    return Made(envelope(draw.gateway, draw.chance.choice((*ways, guessed, guessed, guessed)), body), WRONG_MAC)


def other_channel(draw: Draw) -> Made:
    """What was sealed for another channel of the same gateway."""
    body = text(draw.body(rows=draw.rows(2)))
    channel = draw.chance.choice(("alarm", "ack", "birth", "state", "reported", "desired", "command", "Data", ""))
    return Made(envelope(draw.gateway, mac(draw.gateway, body, channel), body), WRONG_MAC)


def other_gateway(draw: Draw) -> Made:
    """Another gateway's true message on this one's topic, renamed or not, or one of a name that no gateway has."""
    other = name((int(draw.gateway[-2:]) + 1 + draw.chance.randrange(GATEWAYS - 1)) % GATEWAYS)
    body = text({**draw.body(), "gateway": other, "rows": []})
    if draw.chance.random() < 1 / 3:
        return Made(envelope(draw.gateway, mac(other, body), body), WRONG_MAC)
    odd = draw.chance.choice((other, other, "", draw.gateway.upper(), draw.gateway + " ", *INJECTIONS))
    return Made(envelope(odd, mac(other, body), body), refused(Reason.FOREIGN_GATEWAY))


def unknown_gateway(draw: Draw) -> Made:
    """A gateway that was never enrolled, well sealed with a key of its own; one in three is new each time."""
    known = draw.chance.randrange(3)
    stranger = f"gw-{draw.number:x}" if known == 0 else f"stranger-{draw.chance.randrange(50)}"
    body = text({**draw.body(), "gateway": stranger})
    payload = envelope(stranger, mac(stranger, body), body)
    return Made(payload, refused(Reason.UNKNOWN_GATEWAY), f"cc/v1/{stranger}/data".encode())


def at_the_limit(draw: Draw) -> Made:
    """The largest message that is looked at, still no JSON."""
    return Made(draw.chance.randbytes(64) * (PAYLOAD_BYTES_MAX // 64), NO_JSON)


def over_the_limit(draw: Draw) -> Made:
    """One byte more than is looked at, or twice as much; true but for its size."""
    whole = draw.true_batch()
    size = draw.chance.choice((PAYLOAD_BYTES_MAX + 1, PAYLOAD_BYTES_MAX + 1, 2 * PAYLOAD_BYTES_MAX))
    return Made(whole + b" " * (size - len(whole)), refused(Reason.TOO_BIG))


def huge(draw: Draw) -> Made:
    """Half a megabyte, and every eighth time up to ten, as when somebody publishes a picture."""
    size = draw.chance.randrange(HUGE_BYTES, HUGE_BYTES_MAX) if draw.number % 8 == 0 else HUGE_BYTES
    return Made(draw.chance.randbytes(100) * (size // 100), refused(Reason.TOO_BIG))
