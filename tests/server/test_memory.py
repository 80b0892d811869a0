"""What Nearkeep accounts is what the process really holds above its start, within a tenth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.resp import Connection
from tests.servers import Server, start_nearkeep

Words = tuple[object, ...]

CHUNK = 200
"""Requests that are sent at once; few, so that buffers stay small."""


def strings(count: int, size: int) -> Iterator[Words]:
    for number in range(count):
        yield "SET", f"key:{number:012d}", "x" * size


def numbers(count: int, _size: int) -> Iterator[Words]:
    for number in range(count):
        yield "SET", f"key:{number:012d}", number * 1_000_003


def volatile(count: int, size: int) -> Iterator[Words]:
    random = Random(1)
    for number in range(count):
        yield "SET", f"key:{number:012d}", "x" * size, "EX", random.randrange(1000, 1_000_000)


def appended(count: int, size: int) -> Iterator[Words]:
    for number in range(count):
        for _ in range(4):
            yield "APPEND", f"key:{number:012d}", "x" * (size // 4)


def hashes(count: int, size: int) -> Iterator[Words]:
    for number in range(count):
        for start in range(0, size, 100):
            pairs = [
                word
                for field in range(start, min(start + 100, size))
                for word in (f"field:{field:08d}", f"value:{field:010d}")
            ]
            yield "HSET", f"key:{number:012d}", *pairs


def expiring_fields(count: int, size: int) -> Iterator[Words]:
    for words in hashes(count, size):
        yield words
        fields = words[2::2]
        yield "HEXPIRE", words[1], 100_000, "FIELDS", len(fields), *fields


def lists(count: int, size: int) -> Iterator[Words]:
    for number in range(count):
        for start in range(0, size, 100):
            elements = [f"element:{each:010d}" for each in range(start, min(start + 100, size))]
            yield "RPUSH", f"key:{number:012d}", *elements


def sets(count: int, size: int) -> Iterator[Words]:
    for number in range(count):
        for start in range(0, size, 100):
            members = [f"member:{each:010d}" for each in range(start, min(start + 100, size))]
            yield "SADD", f"key:{number:012d}", *members


def integer_sets(count: int, size: int) -> Iterator[Words]:
    for number in range(count):
        yield "SADD", f"key:{number:012d}", *range(size)


def sorted_sets(count: int, size: int) -> Iterator[Words]:
    random = Random(1)
    for number in range(count):
        for start in range(0, size, 100):
            pairs = [
                word
                for each in range(start, min(start + 100, size))
                for word in (random.random() * 1e6, f"member:{each:010d}")
            ]
            yield "ZADD", f"key:{number:012d}", *pairs


def streams(count: int, size: int) -> Iterator[Words]:
    for number in range(count):
        for each in range(size):
            yield (
                "XADD",
                f"key:{number:012d}",
                "*",
                "sensor",
                f"id:{each:08d}",
                "value",
                f"{each:012d}",
            )


def pending(count: int, size: int) -> Iterator[Words]:
    yield from streams(count, size)
    for number in range(count):
        yield "XGROUP", "CREATE", f"key:{number:012d}", "group", 0
        for _ in range(0, size, 100):
            yield (
                "XREADGROUP", "GROUP", "group", "consumer", "COUNT", 100,
                "STREAMS", f"key:{number:012d}", ">",
            )  # fmt: skip


FILLS = {
    "strings of 3 bytes": (strings, 150_000, 3),
    "strings of 100 bytes": (strings, 100_000, 100),
    "strings of 1000 bytes": (strings, 30_000, 1000),
    "strings of 100 kB": (strings, 400, 100_000),
    "numbers": (numbers, 150_000, 0),
    "strings that expire": (volatile, 100_000, 20),
    "strings that are appended to": (appended, 30_000, 400),
    "hashes of 5": (hashes, 20_000, 5),
    "hashes of 100": (hashes, 1500, 100),
    "hashes of 1000": (hashes, 150, 1000),
    "a hash of 200000": (hashes, 1, 200_000),
    "hashes of 20 fields that expire": (expiring_fields, 4000, 20),
    "hashes of 2000 fields that expire": (expiring_fields, 30, 2000),
    "lists of 5": (lists, 40_000, 5),
    "lists of 100": (lists, 4000, 100),
    "a list of 400000": (lists, 1, 400_000),
    "sets of 5": (sets, 30_000, 5),
    "sets of 100": (sets, 3000, 100),
    "sets of 1000": (sets, 200, 1000),
    "a set of 200000": (sets, 1, 200_000),
    "sets of 100 integers": (integer_sets, 20_000, 100),
    "sorted sets of 5": (sorted_sets, 30_000, 5),
    "sorted sets of 100": (sorted_sets, 2000, 100),
    "sorted sets of 1000": (sorted_sets, 150, 1000),
    "a sorted set of 150000": (sorted_sets, 1, 150_000),
    "streams of 5": (streams, 10_000, 5),
    "streams of 1000": (streams, 80, 1000),
    "a stream of 80000": (streams, 1, 80_000),
    "a stream with a group": (pending, 1, 50_000),
}


def send(connection: Connection, requests: Iterator[Words]) -> None:
    waiting = 0
    for words in requests:
        connection.send(*[str(word) for word in words])
        waiting += 1
        if waiting == CHUNK:
            for _ in range(waiting):
                connection.read()
            waiting = 0
    for _ in range(waiting):
        connection.read()


def resident(server: Server) -> int:
    fields = Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(fields[1]) * 4096


def used(connection: Connection) -> int:
    text = connection.call("INFO", "memory").value
    assert isinstance(text, bytes | str)
    words = text.decode() if isinstance(text, bytes) else text
    return int(words.split("used_memory:")[1].split()[0])


@pytest.mark.parametrize("name", FILLS)
def test_used_memory_is_what_the_process_holds(name: str) -> None:
    fill, count, size = FILLS[name]
    with start_nearkeep(appendonly=False) as server, server.raw(timeout=60) as connection:
        send(connection, fill(10, min(size, 10)))
        connection.call("FLUSHALL")
        time.sleep(0.3)
        before, accounted = resident(server), used(connection)
        send(connection, fill(count, size))
        time.sleep(0.3)
        held, counted = resident(server) - before, used(connection) - accounted
        print(f"{name}: held {held}, counted {counted}, {counted / held:.3f}")
        assert counted == pytest.approx(held, rel=0.1)
