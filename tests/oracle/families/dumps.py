"""https://redis.io/docs/latest/commands/restore/"""

from __future__ import annotations

from nearkeep.engine.rdb import kinds
from nearkeep.wire.rdb import intset, length, listpack, sealed
from tests.oracle.comparisons import same_shape, unordered, unordered_pairs, within
from tests.oracle.family import Family
from tests.oracle.values import pool


def payload(kind: int, body: bytes) -> bytes:
    return sealed(bytes((kind,)) + body)


def packed(*elements: bytes) -> bytes:
    pack = listpack(list(elements))
    return length(len(pack)) + pack


def numbers(*members: int) -> bytes:
    packed_numbers = intset(list(members))
    return length(len(packed_numbers)) + packed_numbers


TIMED = length(2) + length(1) + b"\x01a\x01b" + length(0) + b"\x01c\x01d"
EARLIEST = (33177117420000).to_bytes(8, "little")

PAYLOADS = [
    payload(kinds.STRING, b"\x05hello"),
    payload(kinds.STRING, b"\xc0\x07"),
    payload(kinds.STRING, b"\xc2\x00\x00\x00\x80"),
    payload(kinds.STRING, b"\x00"),
    payload(kinds.STRING, length(300) + b"x" * 300),
    payload(kinds.STRING, b"\xc3\x09\x40\x64\x00x\xe0\x57\x00\x01xx"),
    payload(kinds.LIST, b"\x02\x01a\xc0\x07"),
    payload(kinds.LIST_QUICKLIST_2, b"\x01\x02" + packed(b"a", b"1", b"")),
    payload(kinds.LIST_QUICKLIST_2, b"\x02\x01\x01a\x02" + packed(b"b", b"c")),
    payload(kinds.SET, b"\x02\x01a\x01b"),
    payload(kinds.SET, b"\x02\xc0\x01\xc0\x02"),
    payload(kinds.SET_INTSET, numbers(1, 2, 3)),
    payload(kinds.SET_INTSET, numbers(-1, 1 << 40)),
    payload(kinds.SET_LISTPACK, packed(b"a", b"1")),
    payload(kinds.ZSET, b"\x02\x01a\x031.5\x01b\xff"),
    payload(kinds.ZSET_2, b"\x01\x01a" + b"\x00" * 8),
    payload(kinds.ZSET_LISTPACK, packed(b"a", b"1", b"b", b"2.5")),
    payload(kinds.HASH, b"\x02\x01a\x01b\x01c\xc0\x01"),
    payload(kinds.HASH_LISTPACK, packed(b"a", b"b")),
    payload(kinds.HASH_TIMED, EARLIEST + TIMED),
    payload(
        kinds.HASH_LISTPACK_TIMED,
        EARLIEST + packed(b"a", b"b", b"33177117420000", b"c", b"d", b"0"),
    ),
    payload(kinds.STREAM_3, b"\x00\x00\x01\x01\x00\x00\x01\x01\x01\x00"),
]
BAD = [
    b"",
    b"short",
    PAYLOADS[0][:-1],
    PAYLOADS[0] + b"x",
    payload(kinds.STRING, b""),
    payload(kinds.LIST_QUICKLIST_2, b"\x00"),
    payload(kinds.LIST_QUICKLIST_2, b"\x01\x03\x01a"),
    payload(kinds.SET, b"\x00"),
    payload(kinds.SET, b"\x02\x01a\x01a"),
    payload(kinds.HASH, b"\x01\x01a"),
    payload(kinds.ZSET_2, b"\x01\x01a" + b"\x00" * 5 + b"\x01\xf8\x7f"),
    payload(8, b"\x01a"),
    payload(kinds.FUNCTION, b"\x01a"),
    payload(200, b"\x01a"),
]

DUMPS = Family(
    "dumps",
    """
    DUMP key
    RESTORE key lifetime payload
    RESTORE key lifetime payload REPLACE
    RESTORE key lifetime payload REPLACE
    RESTORE key unix-milliseconds payload ABSTTL [REPLACE]
    RESTORE key lifetime payload (REPLACE | ABSTTL | IDLETIME idle | FREQ count) ...
    OBJECT ENCODING key
    OBJECT IDLETIME key
    TYPE key
    PTTL key
    GET key
    LRANGE key 0 -1
    SMEMBERS key
    ZRANGE key 0 -1 WITHSCORES
    HGETALL key
    HPEXPIRETIME key FIELDS 2 "a" "c"
    XINFO GROUPS key
    XLEN key
    APPEND key value
    RPUSH key element
    SADD key member
    ZADD key score member
    HSET key field value
    """,
    setup="""
    RESTORE key 0 payload REPLACE
    """,
    pools={
        "payload": pool(PAYLOADS, BAD),
        # Beyond 2^24 seconds Redis' clock of uses goes round.
        "idle": pool("0 1 100 5000", ["-1", "abc", ""]),
        "lifetime": pool("0 0 0 100000", ["-1", "abc", "", "9223372036854775807"]),
    },
    comparisons={
        "DUMP": same_shape,
        "PTTL": within(2000),
        "OBJECT IDLETIME": within(2),
        "SMEMBERS": unordered,
        "HGETALL": unordered_pairs,
    },
)
