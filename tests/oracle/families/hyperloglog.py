"""https://redis.io/docs/latest/commands/?group=hyperloglog

The value itself is compared at the end of each sequence: it is a string that clients may read. One
whose runs were cut or overwritten is left out: Redis reads beyond its end.
"""

from __future__ import annotations

from tests.oracle.family import Family
from tests.oracle.values import pool

HYPERLOGLOG = Family(
    "hyperloglog",
    """
    PFADD key [element ...]
    PFADD key number ...
    PFCOUNT key ...
    PFMERGE key [key ...]
    GETRANGE key 0 40
    STRLEN key
    OBJECT ENCODING key
    """,
    setup="""
    PFADD key number ...
    PFADD key number number number number number number number number
    SET key forged
    """,
    pools={
        "number": lambda rng: b"%d" % rng.randrange(5000),
        "forged": pool([b"HYLL" + bytes(12), b"HYLL" + bytes(12) + b"\x7f\xff", b"HYLL\x00" + bytes(12284 + 16),
                        b"HYLL\x02" + bytes(30), b"HYLL\x01" + bytes(11) + b"\x80\x00", b"HYL", b"HYLX" + bytes(12)]),
    },
)  # fmt: skip
