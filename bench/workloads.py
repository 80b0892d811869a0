"""What is measured: the tests of redis-benchmark, each with the data it needs to find.

redis-benchmark alone measures GET of missing keys and LPOP of an empty list, if those tests
are run by themselves. Here each workload says which keys must be there first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.client import Command

RANDOM = "__rand_int__"
"""redis-benchmark puts 12 random digits here when given -r; without -r it is part of the key."""

LIST_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Extent:
    """How much data a workload works on."""

    keys: int
    """Size of the random key space (redis-benchmark -r); 0 for one single key."""
    size: int
    """Bytes of a value (redis-benchmark -d)."""
    requests: int
    """Requests of one measurement: what a popping workload must find."""

    @property
    def value(self) -> bytes:
        return b"x" * self.size

    def expand(self, template: str) -> Iterator[str]:
        """The keys or members that redis-benchmark makes of a template."""
        if not self.keys:
            yield template
        for number in range(self.keys):
            yield template.replace(RANDOM, f"{number:012d}")


Preparation = Callable[[Extent], Iterator[Command]]


@dataclass(frozen=True, slots=True)
class Workload:
    """One test."""

    name: str
    command: str
    """The command that the server must know."""
    arguments: tuple[str, ...]
    """What redis-benchmark is told: a test of its own (-t), or a command line."""
    prepare: Preparation
    keyed: bool = True
    """Whether a random key space (-r) makes a difference."""
    fresh: bool = False
    """Whether each measurement changes the size of the data, so that it must start anew."""


def _nothing(_: Extent) -> Iterator[Command]:
    yield from ()


def _strings(extent: Extent) -> Iterator[Command]:
    for key in extent.expand(f"key:{RANDOM}"):
        yield "SET", key, extent.value


def _counters(extent: Extent) -> Iterator[Command]:
    for key in extent.expand(f"counter:{RANDOM}"):
        yield "SET", key, 0


def _members(extent: Extent) -> Iterator[Command]:
    for member in extent.expand(f"element:{RANDOM}"):
        yield "SADD", "myset", member


def _fields(extent: Extent) -> Iterator[Command]:
    for field in extent.expand(f"element:{RANDOM}"):
        yield "HSET", "myhash", field, extent.value


def _scores(extent: Extent) -> Iterator[Command]:
    for score, member in enumerate(extent.expand(f"element:{RANDOM}")):
        yield "ZADD", "myzset", score, member


def _elements(count: int, value: bytes) -> Iterator[Command]:
    for start in range(0, count, LIST_CHUNK):
        yield "RPUSH", "mylist", *[value] * min(LIST_CHUNK, count - start)


def _elements_to_pop(extent: Extent) -> Iterator[Command]:
    return _elements(extent.requests, extent.value)


def _members_to_pop(extent: Extent) -> Iterator[Command]:
    for number in range(extent.requests):
        yield "SADD", "myset", f"element:{number:012d}"


def _scores_to_pop(extent: Extent) -> Iterator[Command]:
    for number in range(extent.requests):
        yield "ZADD", "myzset", number, f"element:{number:012d}"


def _range(last: int) -> Workload:
    return Workload(
        f"LRANGE_{last}",
        "LRANGE",
        ("LRANGE", "mylist", "0", str(last - 1)),
        lambda extent: _elements(1_000, extent.value),
        keyed=False,
    )


_XADD = ("XADD", "mystream", "*", "myfield", "xxx")

STANDARD = (
    Workload("PING_INLINE", "PING", ("-t", "ping_inline"), _nothing, keyed=False),
    Workload("PING_MBULK", "PING", ("-t", "ping_mbulk"), _nothing, keyed=False),
    Workload("GET", "GET", ("-t", "get"), _strings),
    Workload("SET", "SET", ("-t", "set"), _strings),
    Workload("INCR", "INCR", ("-t", "incr"), _counters),
    Workload("MSET", "MSET", ("-t", "mset"), _strings),
)
COLLECTIONS = (
    Workload("LPUSH", "LPUSH", ("-t", "lpush"), _nothing, keyed=False, fresh=True),
    Workload("RPUSH", "RPUSH", ("-t", "rpush"), _nothing, keyed=False, fresh=True),
    Workload("LPOP", "LPOP", ("-t", "lpop"), _elements_to_pop, keyed=False, fresh=True),
    Workload("RPOP", "RPOP", ("-t", "rpop"), _elements_to_pop, keyed=False, fresh=True),
    Workload("SADD", "SADD", ("-t", "sadd"), _members),
    Workload("HSET", "HSET", ("-t", "hset"), _fields),
    Workload("SPOP", "SPOP", ("-t", "spop"), _members_to_pop, keyed=False, fresh=True),
    Workload("ZADD", "ZADD", ("-t", "zadd"), _scores),
    Workload("ZPOPMIN", "ZPOPMIN", ("-t", "zpopmin"), _scores_to_pop, keyed=False, fresh=True),
    *map(_range, (100, 300, 500, 600)),
    Workload(
        "XADD",
        "XADD",
        ("XADD", "mystream", "*", "myfield", "xxx"),
        _nothing,
        keyed=False,
        fresh=True,
    ),
)
ALL = STANDARD + COLLECTIONS
BY_NAME = {workload.name: workload for workload in ALL}
