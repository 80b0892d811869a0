"""DUMP and RESTORE understand Redis: what one server dumps, the other restores to the same value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.explore import start_oracle, start_subject
from tests.oracle.pending import NOT_THERE_YET
from tests.resp import Argument, Connection, Error
from tests.servers import Server, running

pytestmark = pytest.mark.skipif(
    "dump" in NOT_THERE_YET, reason="DUMP and RESTORE are not there yet"
)

LONG = "x" * 300
VALUES: dict[str, list[tuple[Argument, ...]]] = {
    "a short text": [("SET", "k", "hello")],
    "an empty text": [("SET", "k", "")],
    "a small integer": [("SET", "k", 12)],
    "a negative integer": [("SET", "k", -300)],
    "a 32-bit integer": [("SET", "k", 2_000_000_000)],
    "a 64-bit integer": [("SET", "k", 9_223_372_036_854_775_807)],
    "a text that compresses": [("SET", "k", LONG)],
    "a long text": [("SET", "k", "abc" * 40_000)],
    "binary": [("SET", "k", bytes(range(256)) * 4)],
    "a list": [("RPUSH", "k", "a", "b", "", 1, -1, 1 << 40, LONG)],
    "a long list": [("RPUSH", "k", *range(500))],
    "a set of integers": [("SADD", "k", 1, 2, -3)],
    "a set of large integers": [("SADD", "k", 1, 1 << 40, -(1 << 20))],
    "a small set": [("SADD", "k", "a", "b", 1)],
    "a large set": [("SADD", "k", *(f"member{n}" for n in range(500)))],
    "a small hash": [("HSET", "k", "f", "v", "g", 10, "h", "")],
    "a large hash": [("HSET", "k", *(f"{n}" for n in range(1000)))],
    "a hash of which fields expire": [
        ("HSET", "k", "f", "v", "g", 10),
        ("HPEXPIREAT", "k", 33177117420000, "FIELDS", 1, "f"),
    ],
    "a large hash of which fields expire": [
        ("HSET", "k", *(f"{n}" for n in range(1000))),
        ("HPEXPIREAT", "k", 33177117420000, "FIELDS", 2, "0", "2"),
    ],
    "a small sorted set": [("ZADD", "k", 1, "a", 1.5, "b", "-inf", "c", "1e300", "d")],
    "a large sorted set": [("ZADD", "k", *(part for n in range(500) for part in (n / 3, f"m{n}")))],
    "a stream": [("XADD", "k", f"{n}-1", "f", n, "g", LONG) for n in range(1, 150)],
    "a stream with groups": [
        *(("XADD", "k", f"{n}-1", "f", n) for n in range(1, 20)),
        ("XADD", "k", "30-5", "other", 1, "fields", 2),
        ("XDEL", "k", "3-1", "5-1"),
        ("XGROUP", "CREATE", "k", "G", 0),
        ("XGROUP", "CREATE", "k", "H", "$"),
        ("XREADGROUP", "GROUP", "G", "alice", "COUNT", 5, "STREAMS", "k", ">"),
        ("XGROUP", "CREATECONSUMER", "k", "G", "bob"),
        ("XACK", "k", "G", "1-1"),
    ],
    "an emptied stream": [("XADD", "k", "1-1", "f", "v"), ("XDEL", "k", "1-1")],
}

READS: dict[str, list[tuple[Argument, ...]]] = {
    "string": [("GET", "k")],
    "list": [("LRANGE", "k", 0, -1)],
    "set": [("SORT", "k", "ALPHA")],
    "hash": [("HLEN", "k"), ("HGETALL", "k"), ("HPEXPIRETIME", "k", "FIELDS", 3, "f", "g", "0")],
    "zset": [("ZRANGE", "k", 0, -1, "WITHSCORES")],
    "stream": [
        ("XRANGE", "k", "-", "+"),
        ("XINFO", "GROUPS", "k"),
        ("XPENDING", "k", "G"),
        ("XLEN", "k"),
    ],
}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, ...]]:
    with running(start_oracle(), start_subject()) as both:
        yield both


@pytest.fixture
def connections(servers: tuple[Server, ...]) -> Iterator[list[Connection]]:
    with servers[0].raw() as theirs, servers[1].raw() as ours:
        for connection in (theirs, ours):
            connection.call("FLUSHALL")
        yield [theirs, ours]


def contents(connection: Connection) -> list[object]:
    """The value at `k`, as its type is read. What is not in order is put in order."""
    kind = str(connection.value("TYPE", "k"))
    found: list[object] = [kind]
    for read in READS[kind]:
        value = connection.value(*read)
        if read[0] == "HGETALL" and isinstance(value, list):
            found.append(sorted(zip(value[::2], value[1::2], strict=True), key=str))
        else:
            found.append(value)
    return found


def store(connection: Connection, commands: list[tuple[Argument, ...]]) -> None:
    for command in commands:
        reply = connection.call(*command)
        assert not reply.is_error, (command, reply.raw)


@pytest.mark.parametrize("commands", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("giver", [0, 1], ids=["from Redis", "to Redis"])
def test_what_one_server_dumps_the_other_restores(
    connections: list[Connection], commands: list[tuple[Argument, ...]], giver: int
) -> None:
    source, target = connections[giver], connections[1 - giver]
    store(source, commands)
    payload = source.value("DUMP", "k")
    assert isinstance(payload, bytes)
    assert target.value("RESTORE", "k", 0, payload) == "OK"
    assert contents(target) == contents(source)


@pytest.mark.parametrize("commands", VALUES.values(), ids=VALUES)
def test_a_damaged_dump_is_refused_with_the_same_words(
    connections: list[Connection], commands: list[tuple[Argument, ...]]
) -> None:
    theirs, ours = connections
    store(theirs, commands)
    payload = theirs.value("DUMP", "k")
    assert isinstance(payload, bytes)
    spots = {0, 1, len(payload) // 2, len(payload) - 10, len(payload) - 9, len(payload) - 1}
    damaged = [
        payload[:spot] + bytes([payload[spot] ^ 0x55]) + payload[spot + 1 :] for spot in spots
    ]
    for text in [*damaged, payload[:-1], payload[1:], payload + b"x", b"", b"x"]:
        expected = theirs.value("RESTORE", "new", 0, text)
        assert isinstance(expected, Error)
        assert ours.value("RESTORE", "new", 0, text) == expected


def test_a_restored_key_keeps_the_expiry_it_is_given(connections: list[Connection]) -> None:
    theirs, ours = connections
    for connection in connections:
        connection.call("SET", "k", "v")
    payload = theirs.value("DUMP", "k")
    assert isinstance(payload, bytes)
    for options in (
        (),
        ("REPLACE",),
        ("REPLACE", "ABSTTL"),
        ("REPLACE", "IDLETIME", 100),
        ("REPLACE", "FREQ", 10),
        ("REPLACE", "FREQ", 256),
        ("REPLACE", "IDLETIME", -1),
        ("REPLACE", "IDLETIME", 1, "FREQ", 1),
        ("REPLACE", "NOSUCH"),
    ):
        for time in ("0", "-1", "100000", "33177117420000", "abc", "9223372036854775807"):
            command = ("RESTORE", "k", time, payload, *options)
            expected, found = theirs.call(*command), ours.call(*command)
            assert found.raw == expected.raw, command[:3] + options
            # Both count from the time they got the command: the nearest second is the same.
            expected_left, found_left = theirs.value("PTTL", "k"), ours.value("PTTL", "k")
            assert isinstance(expected_left, int)
            assert found_left == pytest.approx(expected_left, abs=2000), command[:3] + options
