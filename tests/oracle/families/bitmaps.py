"""https://redis.io/docs/latest/commands/?group=bitmap"""

from __future__ import annotations

from tests.oracle.family import Family
from tests.oracle.values import pool

BITMAPS = Family(
    "bitmaps",
    """
    SETBIT key bit-offset bit
    GETBIT key bit-offset
    BITCOUNT key
    BITCOUNT key index index [BYTE | BIT]
    BITPOS key bit
    BITPOS key bit index [index [BYTE | BIT]]
    BITOP (AND | OR | XOR) key key ...
    BITOP (DIFF | DIFF1 | ANDOR | ONE) key key ...
    BITOP NOT key key
    BITFIELD key GET encoding field-offset
    BITFIELD key SET encoding field-offset integer
    BITFIELD key INCRBY encoding field-offset integer
    BITFIELD key (OVERFLOW (WRAP | SAT | FAIL) INCRBY encoding field-offset integer) ...
    BITFIELD key (GET encoding field-offset | SET encoding field-offset integer) ...
    BITFIELD_RO key (GET encoding field-offset) ...
    BITFIELD_RO key SET encoding field-offset integer
    STRLEN key
    GET key
    """,
    setup="""
    SETBIT key bit-offset 1
    SET key value
    SET key bytes
    """,
    pools={
        "bit": pool("0 1", ["2", "-1", "", "abc", "01"]),
        "bit-offset": pool("0 1 7 8 9 31 63 100", ["-1", "", "abc", "8388607", "8388608", "4294967295", "4294967296"]),
        "encoding": pool("u1 u8 i8 i16 u31 i32 u63 i64 i5", ["u64", "i65", "u0", "", "x8", "i", "8", "U8", "i-1", "i08"]),
        "field-offset": pool("0 1 8 7 #0 #1 #2 100", ["-1", "", "#", "#-1", "abc", "#9223372036854775807", "4294967296"]),
        "bytes": pool([b"\xff\xf0\x00", b"\x00\xff\xf0", b"\x00\x00\x00", b"\xff\xff\xff", b"foobar", b"\x80" * 20]),
    },
)  # fmt: skip
