"""https://redis.io/docs/latest/commands/?group=hash"""

from __future__ import annotations

from tests.oracle.comparisons import (
    same_cursor_kind,
    same_shape,
    scan,
    unordered,
    unordered_pairs,
    within,
)
from tests.oracle.family import Family
from tests.oracle.values import pool

HASH_SETUP = """
    HSET key (field value) ...
    HSET key field integer field float
    HSET key "f" 1 "g" 2 "h" 3 "i" 4 "j" 5 "k" 6 "l" 7 "m" 8
"""

HASHES = Family(
    "hashes",
    """
    HSET key (field value) ...
    HMSET key (field value) ...
    HSETNX key field value
    HGET key field
    HMGET key field ...
    HGETALL key
    HDEL key field ...
    HEXISTS key field
    HKEYS key
    HVALS key
    HLEN key
    HSTRLEN key field
    HINCRBY key field integer
    HINCRBYFLOAT key field float
    HRANDFIELD key [count] [WITHVALUES]
    HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
    HGETDEL key FIELDS 1 field
    HGETDEL key FIELDS count field ...
    OBJECT ENCODING key
    """,
    setup=HASH_SETUP,
    comparisons={
        "HGETALL": unordered_pairs,
        "HKEYS": unordered,
        "HVALS": unordered,
        "HRANDFIELD": same_shape,
        "HSCAN 0": scan,
        "HSCAN": same_cursor_kind,
    },
)

FIELD_EXPIRY = Family(
    "field expiry",
    """
    HEXPIRE key seconds [NX | XX | GT | LT] FIELDS 1 field
    HEXPIRE key seconds FIELDS count field ...
    HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS 2 field field
    HEXPIREAT key unix-seconds [NX | XX | GT | LT] FIELDS 1 field
    HPEXPIREAT key unix-milliseconds [NX | XX | GT | LT] FIELDS 2 field field
    HTTL key FIELDS 2 field field
    HPTTL key FIELDS 1 field
    HPTTL key FIELDS count field ...
    HEXPIRETIME key FIELDS 2 field field
    HPEXPIRETIME key FIELDS 2 field field
    HPERSIST key FIELDS 2 field field
    HGETEX key [EX seconds | PX milliseconds | EXAT unix-seconds | PXAT unix-milliseconds | PERSIST] FIELDS 1 field
    HGETEX key FIELDS count field ...
    HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-seconds | PXAT unix-milliseconds | KEEPTTL] FIELDS 1 field value
    HSETEX key [EX seconds] FIELDS count (field value) ...
    HGETALL key
    HSET key field value
    HDEL key field
    HINCRBY key field integer
    HLEN key
    OBJECT ENCODING key
    COPY key key REPLACE
    """,
    setup=HASH_SETUP,
    comparisons={
        "HTTL": within(1),
        "HPTTL": within(2000),
        "HEXPIRETIME": within(2),
        "HPEXPIRETIME": within(2000),
        "HGETALL": unordered_pairs,
    },
)

# The limits so low that most sequences meet them: every step shows how a hash is held.
LIMITS = (b"hash-max-listpack-entries", b"hash-max-listpack-value")

HASH_ENCODINGS = Family(
    "hash encodings",
    """
    OBJECT ENCODING key
    OBJECT ENCODING key
    HSET key (field value) ...
    HSETNX key field value
    HSETEX key [EX seconds | KEEPTTL] FIELDS 2 field value field value
    HINCRBY key field integer
    HINCRBYFLOAT key field float
    HDEL key field ...
    HGETDEL key FIELDS 1 field
    HEXPIRE key seconds FIELDS 1 field
    HGETEX key [EX seconds | PERSIST] FIELDS 1 field
    HPERSIST key FIELDS 1 field
    HGETALL key
    HLEN key
    COPY key key REPLACE
    HSCAN key 0
    """,
    setup="""
    HSET key "f" 1 "g" 2 "h" 3
    HSET key "f" 1 "g" 2 "h" 3 "i" 4
    """,
    pools={"value": pool("0 1 x 12345", ["123456", "", "01"])},
    comparisons={"HGETALL": unordered_pairs, "HSCAN": scan},
    opening=((0, (b"CONFIG", b"SET", LIMITS[0], b"4", LIMITS[1], b"5")),),
    reset=((b"CONFIG", b"SET", LIMITS[0], b"512", LIMITS[1], b"64"),),
)
