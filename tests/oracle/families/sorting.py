"""https://redis.io/docs/latest/commands/sort/"""

from __future__ import annotations

from tests.oracle.family import Family
from tests.oracle.values import pool

# Where two elements weigh the same as texts, their order is not defined; so ALPHA comes without BY.
SORTING = Family(
    "sorting",
    """
    SORT key [BY weights] [LIMIT integer count] [GET get] [ASC | DESC] [STORE key]
    SORT key [BY weights] (GET get) ...
    SORT key [ALPHA] [LIMIT integer count] [GET get] [ASC | DESC] [STORE key]
    SORT key (ASC | DESC | ALPHA)
    SORT_RO key [BY weights] [LIMIT integer count] [GET get] [ASC | DESC]
    SORT_RO key STORE key
    SORT "set" [LIMIT integer count] [ASC | DESC] [ALPHA] [STORE key]
    """,
    setup="""
    RPUSH list number ...
    RPUSH list 3 1 2
    ZADD list 3 1 2 2 1 3
    SADD "set" number ...
    MSET "w_1" number "w_2" number "w_3" number
    SET "w_1" value
    HSET "h_1" "f" number "g" value
    HSET "h_2" "f" number
    """,
    pools={
        "list": pool("a a b c"),
        "number": pool("1 2 3 10 -1 1.5", ["abc", "", "nan", "inf", "1e308", "0x10", " 1"]),
        "weights": pool("w_* h_*->f nosort", ["*", "", "nosuch_*", "h_*->", "->f", "w_**"]),
        "get": pool("# w_* h_*->f h_*->g", ["*", "", "nosuch", "h_*->", "##"]),
    },
    neighbours="""
    SET key value
    HSET key field value
    DEL key
    EXPIRE key seconds
    """,
)
