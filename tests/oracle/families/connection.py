"""https://redis.io/docs/latest/commands/?group=connection"""

from __future__ import annotations

from tests.oracle.comparisons import except_fields, help_text, same_shape
from tests.oracle.family import Family
from tests.oracle.values import pool

CONNECTION = Family(
    "connection",
    """
    AUTH password
    AUTH user password
    HELLO
    HELLO protocol
    HELLO protocol [AUTH user password] [SETNAME name]
    PING [value]
    ECHO value
    SELECT database
    SWAPDB database database
    RESET
    GET key
    DBSIZE
    CLIENT GETNAME
    CLIENT SETNAME name
    CLIENT ID
    CLIENT NO-EVICT (ON | OFF)
    CLIENT NO-TOUCH (ON | OFF)
    CLIENT REPLY (ON | OFF | SKIP)
    CLIENT REPLY ON
    CLIENT SETINFO (LIB-NAME | LIB-VER) name
    CLIENT UNPAUSE
    CLIENT GETREDIR
    CLIENT TRACKINGINFO
    CLIENT CACHING (YES | NO)
    CLIENT KILL word
    CLIENT KILL ID integer
    CLIENT KILL TYPE word
    CLIENT KILL USER word
    CLIENT UNBLOCK integer [TIMEOUT | ERROR]
    CLIENT LIST TYPE word
    CLIENT HELP
    CLIENT word
    """,
    setup="""
    SET key value
    SELECT database
    """,
    pools={
        "protocol": pool("2 3", ["1", "4", "0", "-1", "", "abc", "3.0", "9223372036854775808"]),
        "user": pool("default", ["nobody", "", "Default"]),
        "password": pool(["secret", "", "x"]),
        "name": pool("n name-1 a.b", ["", "with space", "line\nbreak", "ü", "\x7f", "~", "!"]),
        "word": pool(["nosuch", "", "127.0.0.1:1"]),
    },
    comparisons={
        # A server says its own name, version and modules.
        "HELLO": except_fields(b"server", b"version", b"id", b"modules"),
        "CLIENT ID": same_shape,
        "CLIENT HELP": help_text,
        "CLIENT LIST": same_shape,
        "CLIENT INFO": same_shape,
    },
    clients=2,
    # Redis 8.2 leaves out AUTH's error where an earlier reply is still unsent, as within EXEC.
    in_multi=False,
)
