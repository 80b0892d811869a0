"""https://redis.io/docs/latest/commands/?group=transactions"""

from __future__ import annotations

from tests.oracle.family import Family

TRANSACTIONS = Family(
    "transactions",
    """
    MULTI
    MULTI
    EXEC
    EXEC
    DISCARD
    WATCH key ...
    WATCH key
    UNWATCH
    SET key value
    INCR key
    RPUSH key element
    DEL key
    GET key
    EXPIRE key seconds
    PEXPIREAT key unix-milliseconds
    SELECT database
    SWAPDB 0 1
    FLUSHDB
    FLUSHALL
    RENAME key key
    MOVE key database
    PING
    PUBLISH "news" value
    SUBSCRIBE "news"
    UNSUBSCRIBE "news"
    RESET
    GET key key
    GET
    """,
    setup="""
    SET key value
    WATCH key
    MULTI
    EXEC
    """,
    clients=2,
    in_multi=False,
)
