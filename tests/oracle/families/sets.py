"""https://redis.io/docs/latest/commands/?group=set"""

from __future__ import annotations

from tests.oracle.comparisons import same_cursor_kind, same_shape, scan, unordered
from tests.oracle.family import Family
from tests.oracle.values import pool

SETS = Family(
    "sets",
    """
    SADD key member ...
    SADD key number ...
    SREM key member ...
    SISMEMBER key member
    SMISMEMBER key member ...
    SCARD key
    SMEMBERS key
    SMOVE key key member
    SINTER key ...
    SUNION key ...
    SDIFF key ...
    SINTERSTORE key key ...
    SUNIONSTORE key key ...
    SDIFFSTORE key key ...
    SINTERCARD 2 key key [LIMIT count]
    SINTERCARD count key ... [LIMIT count]
    SRANDMEMBER key [small-count]
    SPOP key everything
    SSCAN key cursor [MATCH pattern] [COUNT count]
    OBJECT ENCODING key
    """,
    setup="""
    SADD key member ...
    SADD key number ...
    SADD key 1 2 3 4 5 6 7 8
    SADD key "m" "n" "o" "p" "q" "r" "s" "t" "u"
    """,
    pools={
        "number": pool(
            "1 2 3 4 -5 100", ["9223372036854775807", "9223372036854775808", "01", "1.0"]
        ),
        "small-count": pool("0 1 2 3 5 -1 -3", ["abc", "", "9223372036854775808", "1.0"]),
        "everything": pool("1000 0", ["-1", "abc", "", "9223372036854775808"]),
    },
    comparisons={
        "SMEMBERS": unordered,
        "SINTER": unordered,
        "SUNION": unordered,
        "SDIFF": unordered,
        "SPOP": unordered,
        "SRANDMEMBER": same_shape,
        "SSCAN 0": scan,
        "SSCAN": same_cursor_kind,
    },
)

# The limits so low that most sequences meet them: every step shows how a set is held.
LIMITS = (b"set-max-intset-entries", b"set-max-listpack-entries", b"set-max-listpack-value")

SET_ENCODINGS = Family(
    "set encodings",
    """
    OBJECT ENCODING key
    OBJECT ENCODING key
    SADD key member ...
    SADD key number ...
    SADD key (number | member) ...
    SREM key member ...
    SMEMBERS key
    SCARD key
    SMOVE key key member
    SINTERSTORE key key ...
    SUNIONSTORE key key ...
    SDIFFSTORE key key ...
    COPY key key REPLACE
    SSCAN key 0
    """,
    setup="""
    SADD key 1 2 3
    SADD key 1 2 3 4
    SADD key "m" "n" "o"
    SADD key 1 2 "m"
    """,
    pools={
        "number": pool("1 2 3 4 -5 100", ["12345", "01"]),
        "member": pool("m n o p 1 2 3", ["", "wwww", "wwwww"]),
    },
    comparisons={"SMEMBERS": unordered, "SSCAN": scan},
    opening=((0, (b"CONFIG", b"SET", LIMITS[0], b"4", LIMITS[1], b"3", LIMITS[2], b"4")),),
    reset=((b"CONFIG", b"SET", LIMITS[0], b"512", LIMITS[1], b"128", LIMITS[2], b"64"),),
)
