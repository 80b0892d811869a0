"""https://redis.io/docs/latest/commands/?group=string"""

from __future__ import annotations

from tests.oracle.comparisons import within
from tests.oracle.family import Family
from tests.oracle.values import pool

SETTING = """
    SET key value
    SET key value
    SET key integer
    SET key float
    SET key value EX seconds
    DEL key
"""

STRINGS = Family(
    "strings",
    """
    SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-seconds | PXAT unix-milliseconds | KEEPTTL]
    SET key value (NX | XX | GET | KEEPTTL | EX seconds | PX milliseconds | EXAT unix-seconds) ...
    SET key value GET
    SET key value NX GET EX seconds
    GET key
    GETEX key [EX seconds | PX milliseconds | EXAT unix-seconds | PXAT unix-milliseconds | PERSIST]
    GETDEL key
    GETSET key value
    SETNX key value
    SETEX key seconds value
    PSETEX key milliseconds value
    MGET key ...
    MSET (key value) ...
    MSETNX (key value) ...
    APPEND key value
    STRLEN key
    GETRANGE key index index
    SUBSTR key index index
    SETRANGE key offset value
    LCS key key [LEN] [IDX] [MINMATCHLEN integer] [WITHMATCHLEN]
    TTL key
    PTTL key
    EXPIRETIME key
    OBJECT ENCODING key
    """,
    setup=SETTING,
    comparisons={"TTL": within(1), "PTTL": within(2000), "EXPIRETIME": within(2)},
)

COUNTERS = Family(
    "counters",
    """
    INCR key
    DECR key
    INCRBY key integer
    DECRBY key integer
    INCRBYFLOAT key float
    GET key
    OBJECT ENCODING key
    """,
    setup="""
    SET key integer
    SET key float
    SET key number
    MSET key integer key float
    """,
    pools={
        "number": pool(
            "10 9223372036854775806 -9223372036854775807 3.0e3 5.0 -0.0 1e17 1e18 123456789.987654321",
            ["1" * 30, "0." + "1" * 30, "1e4932", "1e-4950", "0x1p-10", " 5", "5 "],
        )
    },
)

# Long texts over two letters have what LCS looks for: many matches of every length.
SUBSEQUENCES = Family(
    "subsequences",
    """
    LCS key key
    LCS key key LEN
    LCS key key IDX [MINMATCHLEN count] [WITHMATCHLEN]
    GETRANGE key index index
    """,
    setup="""
    SET key text
    APPEND key text
    """,
    pools={"text": pool("ab aab abba bbabab ohmytext mynewtext aaaa bbbbbbbbba ba b " + "ab" * 40)},
)
