"""Hit ratios at equal memory: reads that are put in place on a miss, replayed on each server.

Nearkeep's engine runs in this process, at the time of the replay; redis-server runs as it does, and
the replay is as fast as it can be. Both get the same bytes above what they hold when empty. The models
of `models.py` get as many keys as Nearkeep held in the end, so they tell the choice of victims apart
from what a key costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

import nearkeep.engine.commands  # noqa: F401 - declares the commands
from bench import models
from bench.servers import Setup, started
from bench.traces import ALL
from nearkeep.engine.keyspace import Clock
from nearkeep.engine.namespace import Host, Namespace
from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.settings import Settings

READS = 300_000
VALUE_BYTES = 1000
LIMIT = 3 << 20
"""Bytes for data: about a tenth of the popular keys."""

WARM = 4
"""The first of so many parts of a replay fills the cache and is not counted."""

READS_PER_MS = 50
"""The pace of the replay, by the clock of the engine."""

BATCH = 16
"""Reads that go to a server at once."""

POLICIES = ("allkeys-lru", "allkeys-lfu")


@dataclass(frozen=True, slots=True)
class Hits:
    """How many of the reads of a trace found their key."""

    trace: str
    cache: str
    hits: float


def measure(peers: Sequence[str], setup: Setup, reads: int = READS) -> Iterator[Hits]:
    """Hit ratios of Nearkeep, of the peers and of the models, trace by trace."""
    for trace in ALL:
        numbers = list(islice(trace.reads(1), reads))
        held = 0
        for policy in POLICIES:
            ratio, held = _engine(numbers, policy)
            yield Hits(trace.name, f"nearkeep {policy}", ratio)
        for peer in peers:
            for policy in POLICIES:
                ratio = _server(peer, setup, numbers, policy)
                yield Hits(trace.name, f"{peer} {policy}", ratio)
        for name, model in models.ALL.items():
            yield Hits(trace.name, name, _model(model(held), numbers))


def _engine(numbers: Sequence[int], policy: str) -> tuple[float, int]:
    """The hit ratio, and how many keys were there in the end."""
    clock = Clock()
    clock.ms = 1_800_000_000_000
    namespace = Namespace(Settings(), clock, Random(1), Host())
    session = Session(namespace, Outlet())
    limit = namespace.used_bytes() + LIMIT
    session.execute([b"CONFIG", b"SET", b"maxmemory", b"%d" % limit])
    session.execute([b"CONFIG", b"SET", b"maxmemory-policy", policy.encode()])
    value, hits = b"x" * VALUE_BYTES, 0
    for place, number in enumerate(numbers):
        key = b"key:%014d" % number
        if session.execute([b"GET", key]) is None:
            session.execute([b"SET", key, value])
        elif place >= len(numbers) // WARM:
            hits += 1
        if place % READS_PER_MS == 0:
            clock.ms += 1
            namespace.step(20)
    return hits / _counted(numbers), len(namespace.databases[0])


def _server(kind: str, setup: Setup, numbers: Sequence[int], policy: str) -> float:
    value, hits = b"x" * VALUE_BYTES, 0
    with started(kind, setup) as server, server.client() as client:
        text = client.call("INFO", "memory")
        used = int(text.decode().split("used_memory:")[1].split()[0])
        client.call("CONFIG", "SET", "maxmemory", used + LIMIT)
        client.call("CONFIG", "SET", "maxmemory-policy", policy)
        for start in range(0, len(numbers), BATCH):
            keys = [b"key:%014d" % number for number in numbers[start : start + BATCH]]
            found = client.pipeline([("GET", key) for key in keys])
            missing = [key for key, each in zip(keys, found, strict=True) if each is None]
            if missing:
                client.pipeline([("SET", key, value) for key in missing])
            if start >= len(numbers) // WARM:
                hits += len(keys) - len(missing)
    return hits / _counted(numbers)


def _model(read: Callable[[int], bool], numbers: Sequence[int]) -> float:
    begin = len(numbers) // WARM
    return sum(
        [read(number) and place >= begin for place, number in enumerate(numbers)]
    ) / _counted(numbers)


def _counted(numbers: Sequence[int]) -> int:
    return len(numbers) - len(numbers) // WARM
