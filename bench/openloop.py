"""Latency at a fixed offered load, below saturation.

redis-benchmark sends the next request when the last answer has come: a server that stalls is
asked less while it stalls, and the wait does not show. Here requests leave at moments drawn in
advance (a Poisson process), whether answers have come or not, and a latency counts from the
moment that was drawn. The sender is Python: it notes how late it was itself, and where its own
lateness rivals the latencies, they say more about it than about the server.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import select
import socket
import time
from array import array
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from bench.load import Load, LoadError, run
from bench.measure import Plan, rotated
from bench.servers import Server
from bench.statistics import percentile

CONNECTIONS = 50
KEYS = 10_000
SECONDS = 1.0
"""Length of a round: p99.9 of 10,000 requests rests on ten of them."""
WARM_UP_SECONDS = 0.2
HALF = 0.5
MOST_PER_SECOND = 25_000
"""What the generator can offer on one core before its own lateness governs the result."""
SEED = 20_240_229

PR_SET_TIMERSLACK = 29
NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Traffic:
    """One kind of request whose replies all have the same length."""

    name: str
    requests: tuple[bytes, ...]
    reply: bytes


def traffic(size: int) -> list[Traffic]:
    """GET and SET over the same keys, with values of `size` bytes."""
    value = b"x" * size
    gets, sets = [], []
    for number in range(KEYS):
        key = b"key:%012d" % number
        gets.append(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key))
        sets.append(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, size, value))
    return [
        Traffic("SET", tuple(sets), b"+OK\r\n"),
        Traffic("GET", tuple(gets), b"$%d\r\n%s\r\n" % (size, value)),
    ]


@dataclass(frozen=True, slots=True)
class Round:
    """Latencies and delays of the sender, in ns, in the order of the requests."""

    latencies: array[int]
    delays: array[int]


@dataclass(slots=True)
class Latencies:
    """All rounds of one kind of traffic on one server."""

    server: str
    traffic: str
    rate: float
    """Requests offered per second."""
    rounds: list[Round] = field(default_factory=list)

    def latency_us(self, percent: float) -> float:
        """Median over the rounds, so that a disturbance in one of them does not decide."""
        return median(percentile(sorted(one.latencies), percent) / 1e3 for one in self.rounds)

    def delay_us(self, percent: float) -> float:
        return median(percentile(sorted(one.delays), percent) / 1e3 for one in self.rounds)


def compare(servers: Sequence[Server], rate: int | None, plan: Plan) -> list[Latencies]:
    """Offer the same load to each server in alternation."""
    _sleep_precisely()
    if plan.load_core is not None:
        os.sched_setaffinity(0, {plan.load_core})
    measured: list[Latencies] = []
    for kind in traffic(plan.size):
        offered = rate or _half_load(servers, kind.name, plan)
        for server in servers:
            _prepare(server, plan.size)
        results = {server.name: Latencies(server.name, kind.name, offered) for server in servers}
        for turn in range(plan.rounds):
            for server in rotated(servers, turn):
                results[server.name].rounds.append(offer(server, kind, offered, SECONDS, turn))
        measured += results.values()
    return measured


def _half_load(servers: Sequence[Server], test: str, plan: Plan) -> int:
    """Half of what the slowest server manages, and no more than the generator does."""
    load = Load(
        ("-t", test.lower()),
        20_000,
        clients=CONNECTIONS,
        keys=KEYS,
        size=plan.size,
        core=plan.load_core,
    )
    saturation = min(run(load, server.port).rps for server in servers)
    return min(MOST_PER_SECOND, int(saturation * HALF))


def _prepare(server: Server, size: int) -> None:
    """Leave exactly the keys and values that the replies are checked against."""
    with server.client() as client:
        client.call("FLUSHALL")
        client.load(("SET", f"key:{number:012d}", b"x" * size) for number in range(KEYS))


def offer(server: Server, kind: Traffic, rate: float, seconds: float, seed: int) -> Round:
    """Send at this rate for this long, after a warm-up that is not counted."""
    chance = random.Random(SEED + seed)
    moments = array("q")
    moment = 0.0
    while moment < WARM_UP_SECONDS + seconds:
        moment += chance.expovariate(rate)
        moments.append(int(moment * NANOSECONDS))
    requests = chance.choices(kind.requests, k=len(moments))
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(CONNECTIONS)
        ]
        gc.disable()
        try:
            latencies, delays = _exchange(sockets, moments, requests, kind.reply)
        finally:
            gc.enable()
    first = next(n for n, moment in enumerate(moments) if moment > WARM_UP_SECONDS * NANOSECONDS)
    return Round(latencies[first:], delays[first:])


def _exchange(
    sockets: Sequence[socket.socket], moments: array[int], requests: Sequence[bytes], reply: bytes
) -> tuple[array[int], array[int]]:
    """Latency and delay of each request, in ns, in the order of `moments`."""
    latencies, delays = array("q", moments), array("q", moments)
    waiting: dict[int, deque[int]] = {}
    by_number: dict[int, socket.socket] = {}
    ready = select.epoll()
    for one in sockets:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setblocking(False)
        waiting[one.fileno()] = deque()
        by_number[one.fileno()] = one
        ready.register(one.fileno(), select.EPOLLIN)
    received: dict[int, int] = dict.fromkeys(by_number, 0)
    clock = time.perf_counter_ns
    length, lanes, total = len(reply), len(sockets), len(moments)
    sent = answered = 0
    start = clock()
    while answered < total:
        now = clock() - start
        while sent < total and moments[sent] <= now:
            lane = sockets[sent % lanes]
            lane.send(requests[sent])
            waiting[lane.fileno()].append(sent)
            delays[sent] = now - moments[sent]
            sent += 1
            now = clock() - start
        pause = (moments[sent] - now) / NANOSECONDS if sent < total else 1.0
        # epoll counts in milliseconds, select in microseconds: select waits for the epoll.
        if pause > 0 and not select.select((ready,), (), (), pause)[0]:
            continue
        for number, _ in ready.poll(0):
            data = by_number[number].recv(1 << 16)
            now = clock() - start
            if not data or not data.startswith(reply[received[number] :][: len(data)]):
                raise LoadError(f"expected {reply!r}, not {data[:80]!r}")
            complete, received[number] = divmod(received[number] + len(data), length)
            queue = waiting[number]
            for _ in range(complete):
                which = queue.popleft()
                latencies[which] = now - moments[which]
                answered += 1
    ready.close()
    return latencies, delays


def _sleep_precisely() -> None:
    """Have the kernel wake this thread on the microsecond (its default is 50 µs late)."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
