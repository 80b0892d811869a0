"""https://redis.io/docs/latest/commands/?group=pubsub"""

from __future__ import annotations

from tests.oracle.comparisons import except_channel, help_text, unordered
from tests.oracle.family import Family
from tests.oracle.values import pool

PUBSUB = Family(
    "pubsub",
    """
    SUBSCRIBE channel ...
    PSUBSCRIBE channel-pattern ...
    SSUBSCRIBE channel ...
    UNSUBSCRIBE [channel ...]
    PUNSUBSCRIBE [channel-pattern ...]
    SUNSUBSCRIBE [channel ...]
    PUBLISH channel value
    PUBLISH channel value
    SPUBLISH channel value
    PUBSUB CHANNELS [channel-pattern]
    PUBSUB NUMSUB [channel ...]
    PUBSUB NUMPAT
    PUBSUB SHARDCHANNELS [channel-pattern]
    PUBSUB SHARDNUMSUB [channel ...]
    PUBSUB HELP
    PING [value]
    GET key
    RESET
    QUIT
    SELECT 1
    """,
    setup="""
    SUBSCRIBE channel ...
    PSUBSCRIBE channel-pattern ...
    PUBLISH channel value
    """,
    pools={
        "channel": pool("news news sport", [b"", b"\x00\r\n", b"News"]),
        "channel-pattern": pool("* n* news s?ort", ["", "[", "[^n]*", "\\n*"]),
    },
    comparisons={
        "UNSUBSCRIBE /0": except_channel,
        "PUNSUBSCRIBE /0": except_channel,
        "SUNSUBSCRIBE /0": except_channel,
        "PUBSUB CHANNELS": unordered,
        "PUBSUB SHARDCHANNELS": unordered,
        "PUBSUB HELP": help_text,
    },
    clients=3,
    # EXEC's reply would hold what UNSUBSCRIBE says in any order.
    in_multi=False,
    neighbours="",
)
