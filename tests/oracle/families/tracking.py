"""What others are told of a change: client-side caching and keyspace notifications.

https://redis.io/docs/latest/develop/reference/client-side-caching/
https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/
"""

from __future__ import annotations

from tests.oracle.comparisons import any_order_at_all, unordered
from tests.oracle.families.keys import KEYS
from tests.oracle.family import NEIGHBOURS, Family
from tests.oracle.values import pool

TRACKING = Family(
    "tracking",
    """
    CLIENT TRACKING ON [BCAST [PREFIX prefix] [PREFIX prefix]] [NOLOOP]
    CLIENT TRACKING ON [OPTIN | OPTOUT] [NOLOOP]
    CLIENT TRACKING (ON | OFF) [REDIRECT nobody] [BCAST] [PREFIX prefix] [OPTIN] [OPTOUT] [NOLOOP]
    CLIENT TRACKING OFF
    CLIENT CACHING (YES | NO)
    CLIENT TRACKINGINFO
    CLIENT GETREDIR
    GET key
    MGET key ...
    SET key value
    DEL key ...
    INCR key
    FLUSHALL
    FLUSHDB
    HGET key field
    """,
    setup="""
    CLIENT TRACKING ON
    SET key value
    GET key
    """,
    pools={
        "prefix": pool("a b", ["", "ab", "A"]),
        "nobody": pool("0 -1 99999999", ["", "abc"]),
    },
    comparisons={"CLIENT TRACKINGINFO": any_order_at_all},
    clients=2,
)

EVENTS = Family(
    "events",
    KEYS.commands
    + """
    CONFIG SET "notify-keyspace-events" flags
    GETDEL key
    GETEX key PERSIST
    GETEX key EX seconds
    INCRBYFLOAT key float
    SETRANGE key offset value
    APPEND key value
    HDEL key field
    HINCRBY key field integer
    HEXPIRE key seconds FIELDS 1 field
    LPOP key
    LINSERT key BEFORE element element
    LTRIM key index index
    LREM key index element
    LSET key index element
    LMOVE key key LEFT RIGHT
    SREM key member
    SPOP key 100
    SMOVE key key member
    SINTERSTORE key key key
    SUNIONSTORE key key key
    ZINCRBY key float member
    ZREM key member
    ZPOPMIN key
    ZREMRANGEBYRANK key index index
    ZUNIONSTORE key 1 key
    XDEL key 1-1
    XTRIM key MAXLEN 0
    XGROUP CREATE key G 0
    XGROUP DESTROY key G
    SORT key ALPHA STORE key
    SETBIT key 1 1
    BITOP NOT key key
    PFADD key element
    GEOADD key 1 1 member
    """,
    setup=NEIGHBOURS,
    pools={
        "flags": pool(
            "KEA KEA Kg Ex Kl$ KEg$n KEm KEg$lshznm Eo KEc KEg$lshzoc KEo",
            ["", "A", "K", "q", "KEA!"],
        )
    },
    comparisons={**KEYS.comparisons, "SPOP": unordered},
    clients=2,
    opening=(
        (0, (b"CONFIG", b"SET", b"notify-keyspace-events", b"KEA")),
        (1, (b"PSUBSCRIBE", b"__key*__:*")),
    ),
    reset=((b"CONFIG", b"SET", b"notify-keyspace-events", b""),),
)
