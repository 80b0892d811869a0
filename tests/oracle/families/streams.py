"""https://redis.io/docs/latest/commands/?group=stream"""

from __future__ import annotations

from tests.oracle.comparisons import except_fields, help_text, within
from tests.oracle.family import Family
from tests.oracle.values import pool

BAD_IDS = ["", "abc", "-1", "1-", "-", "1-1-1", "1-*", "*", "18446744073709551615",
           "18446744073709551616-0", "18446744073709551615-18446744073709551615", "0", "0-0",
           "1-18446744073709551615", " 1-1", "+", "$", ">", "1-abc", "01-01"]  # fmt: skip

POOLS = {
    "id": pool("1-1 1-2 1-3 2-1 2-2 3-1 4-1 5-1", BAD_IDS),
    "new-id": pool("1-1 1-2 2-1 2-* 3-* 4-1 5-* 6-1 7-* 8-1", [bad for bad in BAD_IDS if bad != "*"]),
    "start": pool("- - 1-1 2 2-1 (1-1 0", [*BAD_IDS, "(", "(-", "(+", "((1"]),
    "end": pool("+ + 3-1 2 5-1 (3-1", [*BAD_IDS, "(", "(-", "(+"]),
    "group": pool("G G H", ["", "\x00", "g"]),
    "consumer": pool("alice alice bob", ["", "\x00"]),
    "idle": pool("0 0 100000", ["-1", "abc", "9223372036854775807", "9223372036854775808"]),
    "condition": pool("KEEPREF DELREF ACKED", ["nosuch", "keepref"]),
}  # fmt: skip

STREAM_SETUP = """
    XADD key new-id (field value) ...
    XADD key new-id field value
    XADD key new-id "f" "v" "g" "w"
"""

# Its nodes follow from how the entries are packed, and times from when they were touched.
OWN = (b"radix-tree-keys", b"radix-tree-nodes", b"idle", b"inactive", b"seen-time", b"active-time")
OWN_FIELDS = except_fields(*OWN)
IN_FULL = except_fields(*OWN, b"pending")  # with the times at which entries were delivered

STREAMS = Family(
    "streams",
    """
    XADD key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [MAXLEN ["="] count | MINID ["="] id] new-id (field value) ...
    XADD key [MAXLEN "~" count [LIMIT count]] new-id field value
    XLEN key
    XRANGE key start end [COUNT count]
    XREVRANGE key end start [COUNT count]
    XDEL key id ...
    XDELEX key [condition] IDS 2 id id
    XDELEX key [condition] IDS count id ...
    XTRIM key (MAXLEN | MINID) ["="] count [condition]
    XTRIM key MINID id
    XTRIM key MAXLEN "~" count [LIMIT count]
    XREAD [COUNT count] STREAMS key id
    XREAD [COUNT count] STREAMS key key id id
    XREAD STREAMS key "+"
    XREAD STREAMS key "$"
    XSETID key id [ENTRIESADDED count] [MAXDELETEDID id]
    XINFO STREAM key
    XINFO STREAM key FULL [COUNT count]
    XINFO HELP
    """,
    setup=STREAM_SETUP,
    pools=POOLS,
    comparisons={"XINFO FULL": IN_FULL, "XINFO STREAM": OWN_FIELDS, "XINFO HELP": help_text},
)

GROUPS = Family(
    "consumer groups",
    """
    XGROUP CREATE key group id [MKSTREAM] [ENTRIESREAD count]
    XGROUP CREATE key group "$" [MKSTREAM]
    XGROUP SETID key group id [ENTRIESREAD count]
    XGROUP DESTROY key group
    XGROUP CREATECONSUMER key group consumer
    XGROUP DELCONSUMER key group consumer
    XGROUP HELP
    XREADGROUP GROUP group consumer [COUNT count] [NOACK] STREAMS key ">"
    XREADGROUP GROUP group consumer [COUNT count] [NOACK] STREAMS key id
    XREADGROUP GROUP group consumer STREAMS key key ">" id
    XACK key group id ...
    XACKDEL key group [condition] IDS 2 id id
    XACKDEL key group [condition] IDS count id ...
    XPENDING key group
    XPENDING key group [IDLE idle] start end count [consumer]
    XCLAIM key group consumer idle id ... [JUSTID]
    XCLAIM key group consumer idle id [IDLE idle | TIME unix-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]
    XAUTOCLAIM key group consumer idle start [COUNT count] [JUSTID]
    XINFO GROUPS key
    XINFO CONSUMERS key group
    XINFO STREAM key
    XINFO STREAM key FULL
    XDEL key id ...
    XTRIM key MAXLEN count [condition]
    XDELEX key [condition] IDS 1 id
    XSETID key id
    """,
    setup=STREAM_SETUP
    + """
    XGROUP CREATE key group 0 MKSTREAM
    XREADGROUP GROUP group consumer STREAMS key ">"
    XREADGROUP GROUP group consumer COUNT 2 STREAMS key ">"
    """,
    pools=POOLS,
    comparisons={
        "XPENDING": within(2000, at=2),
        "XINFO FULL": IN_FULL,
        "XINFO STREAM": OWN_FIELDS,
        "XINFO GROUPS": OWN_FIELDS,
        "XINFO CONSUMERS": OWN_FIELDS,
        "XGROUP HELP": help_text,
    },
)
