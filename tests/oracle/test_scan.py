"""A walk with SCAN and its kin finds everything that was there from beginning to end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.explore import start_oracle, start_subject
from tests.resp import Argument, Connection
from tests.servers import Server

MANY = 700


@pytest.fixture(scope="module", params=[start_oracle, start_subject], ids=["Redis", "Nearkeep"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with request.param() as server:
        yield server


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    with server.raw() as connection:
        connection.call("FLUSHALL")
        yield connection


def walk(connection: Connection, *command: Argument) -> Iterator[list[bytes]]:
    """The batches of a whole walk; `CURSOR` in the command is where the cursor goes."""
    cursor = b"0"
    while True:
        reply = connection.call(*(cursor if part == "CURSOR" else part for part in command))
        assert reply.items, reply
        following, batch = reply.items
        yield [item.payload or b"" for item in batch.items or ()]
        cursor = following.payload or b""
        if cursor == b"0":
            return


@pytest.mark.parametrize("count", [1, 10, 100, 10_000])
def test_a_walk_finds_every_key_while_others_come_and_go(
    connection: Connection, count: int
) -> None:
    kept = {b"kept%d" % n for n in range(MANY)}
    connection.pipeline([("SET", key, "v") for key in kept])
    found: set[bytes] = set()
    for number, batch in enumerate(walk(connection, "SCAN", "CURSOR", "COUNT", count)):
        found |= set(batch)
        connection.pipeline(
            [("SET", f"new{number}-{n}", "v") for n in range(5)]
            + [("DEL", f"new{number - 1}-{n}") for n in range(5)]
        )
        assert number < 50 * MANY, "the walk does not end"
    assert kept <= found


def test_a_walk_by_pattern_and_type_finds_just_those(connection: Connection) -> None:
    connection.pipeline([("SET", f"a{n}", "v") for n in range(MANY)])
    connection.pipeline([("RPUSH", f"b{n}", "v") for n in range(MANY)])
    by_pattern = [
        key for batch in walk(connection, "SCAN", "CURSOR", "MATCH", "a1*") for key in batch
    ]
    assert set(by_pattern) == {b"a%d" % n for n in range(MANY) if str(n).startswith("1")}
    by_type = [key for batch in walk(connection, "SCAN", "CURSOR", "TYPE", "list") for key in batch]
    assert set(by_type) == {b"b%d" % n for n in range(MANY)}


@pytest.mark.parametrize(
    ("fill", "scan", "width"),
    [("HSET", "HSCAN", 2), ("SADD", "SSCAN", 1), ("ZADD", "ZSCAN", 2)],
    ids=["hash", "set", "sorted set"],
)
def test_a_walk_through_a_value_finds_every_member(
    connection: Connection, fill: str, scan: str, width: int
) -> None:
    for n in range(MANY):
        value = {"HSET": (f"m{n}", n), "SADD": (f"m{n}",), "ZADD": (n, f"m{n}")}[fill]
        assert connection.value(fill, "k", *value) == 1
    found: list[bytes] = []
    for number, batch in enumerate(walk(connection, scan, "k", "CURSOR", "COUNT", 7)):
        found += batch[::width]
        connection.call(
            fill, "k", *({"HSET": (number, 0), "SADD": (number,)}.get(fill, (0, number)))
        )
    assert {b"m%d" % n for n in range(MANY)} <= set(found)
