"""https://redis.io/docs/latest/commands/?group=list"""

from __future__ import annotations

from tests.oracle.comparisons import encoding
from tests.oracle.family import Family
from tests.oracle.values import pool

LIST_SETUP = """
    RPUSH key element ...
    LPUSH key element ...
    RPUSH key "x" "y" "x" "y" "x" "y" "x" "y" "x" "y"
"""

LISTS = Family(
    "lists",
    """
    LPUSH key element ...
    RPUSH key element ...
    LPUSHX key element ...
    RPUSHX key element ...
    LPOP key [count]
    RPOP key [count]
    LLEN key
    LINDEX key index
    LRANGE key index index
    LREM key index element
    LSET key index element
    LINSERT key (BEFORE | AFTER) element element
    LTRIM key index index
    LPOS key element [RANK integer] [COUNT count] [MAXLEN count]
    LMOVE key key (LEFT | RIGHT) (LEFT | RIGHT)
    RPOPLPUSH key key
    LMPOP 1 key (LEFT | RIGHT) [COUNT count]
    LMPOP count key ... (LEFT | RIGHT) [COUNT count]
    OBJECT ENCODING key
    """,
    setup=LIST_SETUP,
    comparisons={"OBJECT ENCODING": encoding},
)

# Lists that only grow have the encoding of Redis.
GROWING_LISTS = Family(
    "growing lists",
    """
    LINSERT key (BEFORE | AFTER) element element
    LPUSH key element ...
    RPUSH key element ...
    LINDEX key index
    LSET key index element
    LPOS key element
    LRANGE key index index
    LLEN key
    OBJECT ENCODING key
    """,
    setup=LIST_SETUP,
)

# A client that waits does not answer what it is sent meanwhile; the others feed it.
BLOCKING = Family(
    "blocking",
    """
    BLPOP key ... timeout
    BRPOP key ... timeout
    BLMOVE key key (LEFT | RIGHT) (LEFT | RIGHT) timeout
    BRPOPLPUSH key key timeout
    BLMPOP timeout 1 key (LEFT | RIGHT) [COUNT count]
    BLMPOP timeout 2 key key (LEFT | RIGHT) [COUNT count]
    BZPOPMIN key ... timeout
    BZPOPMAX key ... timeout
    BZMPOP timeout 2 key key (MIN | MAX) [COUNT count]
    XREAD BLOCK 0 STREAMS key "$"
    XREAD BLOCK 0 COUNT 1 STREAMS key key "$" 0
    LLEN key
    PING
    """,
    setup="""
    RPUSH key element ...
    LPUSH key element ...
    ZADD key score member
    XADD key id field value
    DEL key
    RENAME key key
    LPOP key
    LMOVE key key LEFT RIGHT
    """,
    pools={
        "timeout": pool(
            "0 0 0 1000 0.0 1e3", ["-1", "abc", "", "nan", "inf", "1e30", "0x7d0", " 0"]
        ),
        "id": pool("1-1 2-1 3-1 4-1 5-* 6-*", ["0-0", "1"]),
    },
    clients=3,
)
