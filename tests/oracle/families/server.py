"""https://redis.io/docs/latest/commands/?group=server"""

from __future__ import annotations

from tests.oracle.comparisons import help_text, same_kind, same_shape, unordered_pairs
from tests.oracle.family import Family
from tests.oracle.values import pool

SERVER = Family(
    "server",
    """
    DBSIZE
    FLUSHDB [ASYNC | SYNC]
    FLUSHALL [ASYNC | SYNC]
    SELECT database
    SWAPDB database database
    TIME
    LASTSAVE
    CONFIG GET option ...
    CONFIG GET nothing
    CONFIG SET option setting
    CONFIG SET (option setting) ...
    CONFIG SET "hz" count
    CONFIG SET "maxmemory" memory
    CONFIG GET "maxmemory" option
    CONFIG RESETSTAT
    CONFIG HELP
    COMMAND COUNT
    COMMAND INFO command ...
    COMMAND GETKEYS command key value
    COMMAND GETKEYS MSET (key value) ...
    COMMAND GETKEYS ZUNIONSTORE key integer key ...
    COMMAND GETKEYS EVAL value integer key ...
    COMMAND GETKEYSANDFLAGS command key value
    COMMAND HELP
    COMMAND nothing
    MEMORY USAGE key [SAMPLES count]
    MEMORY HELP
    MEMORY nothing
    LATENCY HELP
    LATENCY LATEST
    LATENCY RESET
    LATENCY HISTORY nothing
    SLOWLOG LEN
    SLOWLOG RESET
    SLOWLOG GET [count]
    SLOWLOG HELP
    ROLE
    REPLICAOF NO ONE
    OBJECT HELP
    GET key
    """,
    setup="""
    SET key value
    SELECT database
    CONFIG SET option setting
    """,
    pools={
        "option": pool(
            "maxmemory-policy hash-max-listpack-entries set-max-intset-entries timeout"
            " list-max-listpack-size proto-max-bulk-len notify-keyspace-events slowlog-max-len"
            " maxmemory-samples lfu-log-factor active-expire-effort lazyfree-lazy-user-del"
            " list-compress-depth zset-max-listpack-value tcp-keepalive",
            ["nosuch", "", "HZ", "databases"],
        ),
        "setting": pool("10 100 0 KEA Ex yes no noeviction",
                        ["", "abc", "-1", "1gb", "2mb", "1k", "1kb", "99999999999999999999", "1.5", "12x"]),
        "memory": pool("0 100mb 1gb 1g 104857600 200MB", ["", "-1", "abc", "100x", "1.5gb", "99999999999999999999"]),
        "nothing": pool("nosuch", ["", "*nosuch*", "maxmemory[-x]sam*"]),
        "command": pool("GET MSET DEL INCR", ["nosuch", "", "get", "PING", "client|id"]),
    },
    comparisons={
        "TIME": same_shape,
        "LASTSAVE": same_shape,
        "CONFIG HELP": help_text,
        "CONFIG *": same_kind,
        "CONFIG GET": unordered_pairs,
        "COMMAND /0": same_kind,
        "COMMAND /1": same_kind,
        "COMMAND HELP": help_text,
        "MEMORY USAGE": same_shape,
        "MEMORY HELP": help_text,
        "LATENCY HELP": help_text,
        "SLOWLOG HELP": help_text,
        "OBJECT HELP": help_text,
    },
    # What the trials rely on (explore.py) and what the defaults are, for all that may be changed.
    reset=(
        (b"CONFIG", b"SET", b"maxmemory", b"0", b"maxmemory-policy", b"noeviction"),
        (b"CONFIG", b"SET", b"timeout", b"0", b"tcp-keepalive", b"300"),
        (b"CONFIG", b"SET", b"proto-max-bulk-len", b"1mb", b"notify-keyspace-events", b""),
        (b"CONFIG", b"SET", b"hash-max-listpack-entries", b"8", b"set-max-intset-entries", b"8"),
        (b"CONFIG", b"SET", b"list-max-listpack-size", b"8", b"zset-max-listpack-value", b"64"),
        (b"CONFIG", b"SET", b"list-compress-depth", b"0", b"lazyfree-lazy-user-del", b"no"),
        (b"CONFIG", b"SET", b"slowlog-max-len", b"128", b"hz", b"10", b"maxmemory-samples", b"5"),
        (b"CONFIG", b"SET", b"lfu-log-factor", b"10", b"active-expire-effort", b"1"),
        (b"CONFIG", b"SET", b"slowlog-log-slower-than", b"-1"),
        (b"SLOWLOG", b"RESET"),
    ),
)  # fmt: skip
