"""OBJECT ENCODING of short strings: what once stood apart from its key does so ever after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.explore import start_oracle, start_subject
from tests.resp import Connection
from tests.servers import running

SIZES = (31, 32, 33, 36, 37, 38, 39, 40, 41, 42)
LONG = "k" * 10
LONGER = "k" * 33

WAYS = """
    SET 1 v
    SETEX 1 1000 v
    SET 1 v; EXPIRE 1 1000
    SETEX 1 1000 v; PERSIST 1
    SETEX 1 1000 v; GETEX 1 PERSIST
    SET k v; COPY k 1
    SET long v; COPY long 1
    SETEX k 1000 v; COPY k 1
    SETEX k 1000 v; COPY k 1; PERSIST 1
    SET k v; RENAME k 1
    SET long v; RENAME long 1
    SET long v; RENAMENX long 1
    SETEX k 1000 v; RENAME k 1; PERSIST 1
    SET k a; SETEX 1 1000 a; GETSET 1 v
    SETEX 1 1000 a; SET 1 v KEEPTTL
    APPEND 1 v
    SETRANGE 1 0 v
    SETEX longer 1000 w; RENAME longer 1
    SET longer w; EXPIRE longer 1000; PERSIST longer; RENAME longer 1
    SET 1 v; MOVE 1 1; SELECT 1; MOVE 1 0; SELECT 0
""".strip().split("\n")


@pytest.fixture(scope="module")
def connections() -> Iterator[list[Connection]]:
    with (
        running(start_oracle(), start_subject()) as (theirs, ours),
        theirs.raw() as oracle,
        ours.raw() as subject,
    ):
        yield [oracle, subject]


@pytest.mark.parametrize("way", [way.strip() for way in WAYS])
def test_a_string_is_embedded_where_redis_embeds_it(
    connections: list[Connection], way: str
) -> None:
    for size in SIZES:
        words = {"v": "9" * size, "w": "9" * (size - 30), "long": LONG, "longer": LONGER}
        found = []
        for connection in connections:
            connection.call("FLUSHALL")
            for command in way.split(";"):
                reply = connection.call(*(words.get(word, word) for word in command.split()))
                assert not reply.is_error
            found.append(connection.value("OBJECT", "ENCODING", "1"))
        assert found[1] == found[0], size
