"""https://redis.io/docs/latest/commands/?group=generic"""

from __future__ import annotations

from tests.oracle.comparisons import (
    help_text,
    same_cursor_kind,
    same_shape,
    scan,
    unordered,
    within,
)
from tests.oracle.family import NEIGHBOURS, Family

TIMES = {
    "TTL": within(1),
    "PTTL": within(2000),
    "EXPIRETIME": within(2),
    "PEXPIRETIME": within(2000),
    "OBJECT IDLETIME": within(10),
    "OBJECT FREQ": same_shape,
}

KEYS = Family(
    "keys",
    """
    DEL key ...
    UNLINK key ...
    EXISTS key ...
    TOUCH key ...
    TYPE key
    KEYS pattern
    SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
    RANDOMKEY
    RENAME key key
    RENAMENX key key
    COPY key key [DB database] [REPLACE]
    MOVE key database
    SELECT database
    OBJECT ENCODING key
    OBJECT REFCOUNT key
    OBJECT IDLETIME key
    OBJECT FREQ key
    OBJECT HELP
    DBSIZE
    GET key
    TTL key
    """,
    setup=NEIGHBOURS,
    comparisons={
        **TIMES,
        "KEYS": unordered,
        "SCAN 0": scan,
        "SCAN": same_cursor_kind,
        "OBJECT HELP": help_text,
        "RANDOMKEY": same_shape,
    },
)

EXPIRY = Family(
    "expiry",
    """
    EXPIRE key seconds [NX | XX | GT | LT]
    PEXPIRE key milliseconds [NX | XX | GT | LT]
    EXPIREAT key unix-seconds [NX | XX | GT | LT]
    PEXPIREAT key unix-milliseconds [NX | XX | GT | LT]
    EXPIREAT key unix-seconds (NX | XX | GT | LT) ...
    TTL key
    PTTL key
    EXPIRETIME key
    PEXPIRETIME key
    PERSIST key
    EXISTS key
    RENAME key key
    COPY key key REPLACE
    """,
    setup="""
    SET key value
    SET key value EX seconds
    RPUSH key element
    SET key value KEEPTTL
    """,
    comparisons=TIMES,
)
