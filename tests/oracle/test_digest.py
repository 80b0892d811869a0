"""After the same commands both servers hold the same data: DEBUG DIGEST says so."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random, SystemRandom

import pytest
from hypothesis import settings

from tests.oracle.explore import start_oracle, start_subject
from tests.oracle.families.mixture import MIXTURE
from tests.oracle.family import Family
from tests.resp import Argument, Connection
from tests.servers import running

SEQUENCES_PER_EXAMPLE = 3

VALUES: dict[str, list[tuple[Argument, ...]]] = {
    "nothing": [],
    "a string": [("SET", "k", "value")],
    "a number": [("SET", "k", 12)],
    "a list": [("RPUSH", "k", "a", "b", "a")],
    "a set": [("SADD", "k", "a", "b", 1)],
    "a set of numbers": [("SADD", "k", 3, 1, 2)],
    "scores": [("ZADD", "k", 1, "a", 1.1, "b", "inf", "c", 1e30, "d", 1e10, "e", "1e18", "f")],
    "scores of no sign": [("ZADD", "k", "-0", "a")],
    "many scores": [("ZADD", "k", *(part for n in range(200) for part in (f"{n}e8", n)))],
    "a hash": [("HSET", "k", "a", "b", "c", "d")],
    "fields that expire": [
        ("HSET", "k", "a", "b", "c", "d"),
        ("HPEXPIREAT", "k", 33177117420000, "FIELDS", 1, "a"),
    ],
    "a stream": [("XADD", "k", "1-2", "a", "b", "c", "d"), ("XADD", "k", "18446744073709551615-1", "e", "f")],
    "a key that expires": [("SET", "k", "v"), ("PEXPIREAT", "k", 33177117420000)],
    "another database": [("SET", "k", "v"), ("SELECT", 3), ("SET", "l", "v")],
}  # fmt: skip


@pytest.fixture(scope="module")
def connections() -> Iterator[list[Connection]]:
    with (
        running(start_oracle(), start_subject()) as (theirs, ours),
        theirs.raw() as oracle,
        ours.raw() as subject,
    ):
        yield [oracle, subject]


def begin(connections: list[Connection]) -> None:
    for connection in connections:
        connection.call("DISCARD")
        connection.call("SELECT", 0)
        connection.call("FLUSHALL")


def digests(connection: Connection) -> list[tuple[object, object]]:
    """Each key of the first database with the signature of its value."""
    connection.call("DISCARD")
    connection.call("SELECT", 0)
    keys = connection.value("KEYS", "*")
    assert isinstance(keys, list)
    names = sorted(key for key in keys if isinstance(key, bytes))
    of_values = connection.value("DEBUG", "DIGEST-VALUE", *names)
    assert isinstance(of_values, list)
    return list(zip(names, of_values, strict=True))


@pytest.mark.parametrize("commands", VALUES.values(), ids=VALUES)
def test_equal_data_has_the_digest_that_redis_gives_it(
    connections: list[Connection], commands: list[tuple[Argument, ...]]
) -> None:
    begin(connections)
    for connection in connections:
        for command in commands:
            assert not connection.call(*command).is_error
    theirs, ours = (connection.value("DEBUG", "DIGEST") for connection in connections)
    assert ours == theirs
    assert digests(connections[1]) == digests(connections[0])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("family", [MIXTURE], ids=["mixture"])
def test_any_commands_leave_the_same_data(connections: list[Connection], family: Family) -> None:
    profile = settings()
    seed = 0 if profile.derandomize else SystemRandom().randrange(10**9)
    drawn = family.source(family.names | family.other_names)
    for number in range(profile.max_examples * SEQUENCES_PER_EXAMPLE):
        begin(connections)
        sequence = drawn.draw(Random(f"{seed}/{family.name}/{number}"))
        for connection in connections:
            connection.pipeline([command for _, command in sequence])
        theirs, ours = map(digests, connections)
        assert ours == theirs, (seed, number)
