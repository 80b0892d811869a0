"""How the cost of a command grows as its data doubles.

The cost is the server's CPU time for one request, which the speed of the load generator does
not touch. It is fitted by cost ~ size^slope: 0 is constant, 1 is linear. Real memory makes a
constant-time look-up dearer as it leaves the caches, on every server; compare the slopes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bench.client import Command
from bench.load import Load, run
from bench.measure import Plan, absence, enough_requests
from bench.servers import Server
from bench.statistics import slope
from bench.workloads import RANDOM

SIZES = (10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000)
PIPELINE = 16
WARM_UP_REQUESTS = 5_000
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Growing:
    """A command, and the data that it works on, one piece per number."""

    name: str
    command: str
    fill: tuple[str, ...]
    """A command line that takes many pieces at its end."""
    piece: tuple[str, ...]
    """A piece as it stands at the end of `fill`; {} is its number."""
    request: tuple[str, ...]
    """What is measured; {middle} is half of the size."""

    def pieces(self, start: int, stop: int) -> Iterator[Command]:
        for first in range(start, stop, CHUNK):
            numbers = range(first, min(first + CHUNK, stop))
            yield *self.fill, *(word.format(number) for number in numbers for word in self.piece)


MEMBER = "element:{:012d}"
ANY_MEMBER = f"element:{RANDOM}"
GROWING = (
    Growing("GET", "GET", ("MSET",), ("key:{:012d}", "xxx"), ("GET", f"key:{RANDOM}")),
    Growing("SET", "SET", ("MSET",), ("key:{:012d}", "xxx"), ("SET", f"key:{RANDOM}", "xxx")),
    Growing("HGET", "HGET", ("HSET", "h"), (MEMBER, "xxx"), ("HGET", "h", ANY_MEMBER)),
    Growing("HSCAN", "HSCAN", ("HSET", "h"), (MEMBER, "xxx"), ("HSCAN", "h", "0")),
    Growing("ZRANK", "ZRANK", ("ZADD", "z"), ("{}", MEMBER), ("ZRANK", "z", ANY_MEMBER)),
    Growing("ZADD", "ZADD", ("ZADD", "z"), ("{}", MEMBER), ("ZADD", "z", RANDOM, ANY_MEMBER)),
    Growing("LINDEX", "LINDEX", ("RPUSH", "l"), (MEMBER,), ("LINDEX", "l", "{middle}")),
    Growing("SRANDMEMBER", "SRANDMEMBER", ("SADD", "s"), (MEMBER,), ("SRANDMEMBER", "s")),
    Growing("RANDOMKEY", "RANDOMKEY", ("MSET",), ("key:{:012d}", "xxx"), ("RANDOMKEY",)),
    Growing("SCAN", "SCAN", ("MSET",), ("key:{:012d}", "xxx"), ("SCAN", "0")),
)


@dataclass(slots=True)
class Growth:
    """Costs of one command on one server, in µs of CPU time, per size."""

    name: str
    server: str
    costs: dict[int, float] = field(default_factory=dict)
    absent: str = ""

    @property
    def slope(self) -> float | None:
        sizes = list(self.costs)
        return slope(sizes, list(self.costs.values())) if len(sizes) > 1 else None


def measure(
    servers: Sequence[Server], plan: Plan, growing: Sequence[Growing] = GROWING
) -> list[Growth]:
    return [_grow(one, server, plan) for one in growing for server in servers]


def _grow(growing: Growing, server: Server, plan: Plan) -> Growth:
    growth = Growth(growing.name, server.name)
    for command in (growing.command, growing.fill[0]):
        growth.absent = growth.absent or absence(server, command) or ""
    if growth.absent:
        return growth
    with server.client() as client:
        client.call("FLUSHALL")
        before = 0
        for size in SIZES:
            client.load(growing.pieces(before, size))
            growth.costs[size] = _cost(growing, server, size, plan)
            before = size
        client.call("FLUSHALL")
    return growth


def _cost(growing: Growing, server: Server, size: int, plan: Plan) -> float:
    """The least of the rounds: disturbances only ever add."""
    load = Load(
        tuple(word.replace("{middle}", str(size // 2)) for word in growing.request),
        requests=WARM_UP_REQUESTS,
        clients=plan.clients,
        pipeline=PIPELINE,
        keys=size,
        core=plan.load_core,
    )
    speed = run(load, server.port).rps
    load = replace(load, requests=enough_requests([speed], plan.seconds / plan.rounds))
    costs = []
    for _ in range(plan.rounds):
        start = server.cpu_seconds()
        outcome = run(load, server.port)
        costs.append((server.cpu_seconds() - start) * 1e6 / outcome.requests)
    return min(costs)
