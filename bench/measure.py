"""Rounds of redis-benchmark over several servers in alternation.

Within a round each server is measured once, and the order turns by one from round to round,
so that drift of the machine falls on all of them alike. The others stay up and idle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from bench.client import ReplyError
from bench.load import Load, LoadError, Outcome, run
from bench.servers import Server
from bench.statistics import Ratio
from bench.workloads import Extent, Workload

BUSY = 0.9
"""Below this share of one core, the throughput is not the server's own limit."""

SLOWEST_STRETCH = 3.0
"""A server may take this many times longer than the others before it gets fewer requests."""
LEAST_ROUNDS = 3
"""Fewer have no median that outvotes a disturbance."""
MOST_FRESH_REQUESTS = 300_000
"""What has to be loaded anew for every measurement is kept this small."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How thoroughly to measure."""

    rounds: int
    seconds: float
    """What one measurement should take, where `requests` is not given."""
    requests: int | None
    clients: int
    size: int
    load_core: int | None
    case_seconds: float | None = None
    """What all rounds of a case may take; when it is over, three rounds are enough."""


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the tables: a workload at one pipeline depth on one key space."""

    workload: Workload
    pipeline: int
    keys: int

    @property
    def label(self) -> str:
        keyed = f" {self.keys} keys" if self.keys else ""
        return f"{self.workload.name} P{self.pipeline}{keyed}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one server."""

    outcome: Outcome
    cpu_seconds: float
    """CPU time that the server took, all threads."""

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's CPU time for one request."""
        return self.cpu_seconds * 1e6 / self.outcome.requests

    @property
    def busy(self) -> float:
        """Share of the run that the server computed."""
        return self.cpu_seconds / self.outcome.seconds


@dataclass(slots=True)
class Result:
    """All rounds of one case, per server in the order of the rounds."""

    case: Case
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Servers that could not be measured, and why."""

    def values(self, server: str, figure: Callable[[Sample], float]) -> list[float]:
        return [figure(sample) for sample in self.samples.get(server, [])]

    def middle(self, server: str, figure: Callable[[Sample], float]) -> float | None:
        values = self.values(server, figure)
        return median(values) if values else None

    def ratio(self, subject: str, peer: str, figure: Callable[[Sample], float]) -> Ratio | None:
        ours, theirs = self.values(subject, figure), self.values(peer, figure)
        return Ratio.of(ours, theirs) if ours and theirs else None


def rps(sample: Sample) -> float:
    return sample.outcome.rps


def cpu_us(sample: Sample) -> float:
    return sample.cpu_us


def busy(sample: Sample) -> float:
    return sample.busy


def p50(sample: Sample) -> float:
    return sample.outcome.p50


def p99(sample: Sample) -> float:
    return sample.outcome.p99


def p999(sample: Sample) -> float:
    return sample.outcome.p999


def cases(
    workloads: Sequence[Workload], pipelines: Sequence[int], keyspaces: Sequence[int]
) -> Iterator[Case]:
    for pipeline in pipelines:
        for workload in workloads:
            for keys in keyspaces if workload.keyed else (0,):
                yield Case(workload, pipeline, keys)


def rotated(servers: Sequence[Server], turn: int) -> list[Server]:
    first = turn % len(servers) if servers else 0
    return [*servers[first:], *servers[:first]]


def measure(case: Case, servers: Sequence[Server], plan: Plan) -> Result:
    """Measure one case on all servers that know its command."""
    result = Result(case)
    present = []
    for server in servers:
        if reason := absence(server, case.workload.command):
            result.absent[server.name] = reason
        else:
            present.append(server)
    load = Load(
        case.workload.arguments,
        requests=_warm_up_requests(case.pipeline),
        clients=plan.clients,
        pipeline=case.pipeline,
        keys=case.keys,
        size=plan.size,
        core=plan.load_core,
    )
    present, load = _warm_up(case.workload, present, load, plan, result)
    start = time.monotonic()
    for turn in range(plan.rounds):
        late = plan.case_seconds is not None and time.monotonic() - start > plan.case_seconds
        if late and turn >= LEAST_ROUNDS:
            break
        for server in rotated(present, turn):
            if case.workload.fresh:
                _prepare(case.workload, server, load)
            sample = _sample(server, load)
            result.samples.setdefault(server.name, []).append(sample)
    return result


def absence(server: Server, command: str) -> str | None:
    """Why the server cannot be measured with this command; None when it can."""
    with server.client() as client:
        try:
            known = client.call("COMMAND", "INFO", command)
        except ReplyError as error:
            return f"COMMAND INFO: {error}"
    return None if known and known[0] else "missing"


def _warm_up_requests(pipeline: int) -> int:
    return 10_000 * min(pipeline, 10)


def _warm_up(
    workload: Workload, servers: Sequence[Server], load: Load, plan: Plan, result: Result
) -> tuple[list[Server], Load]:
    """Load the data and run once; returns the servers that can be measured, and the real load."""
    speeds = []
    working = []
    for server in servers:
        try:
            _prepare(workload, server, load)
            speeds.append(run(load, server.port).rps)
        except (LoadError, ReplyError) as error:
            result.absent[server.name] = str(error)
        else:
            working.append(server)
    requests = plan.requests or enough_requests(speeds, plan.seconds)
    if workload.fresh:
        requests = min(requests, MOST_FRESH_REQUESTS)
    return working, replace(load, requests=requests)


def enough_requests(speeds: Sequence[float], seconds: float) -> int:
    """Requests that take the fastest server this long, and none more than three times as long."""
    if not speeds:
        return 1
    return max(1, int(seconds * min(max(speeds), SLOWEST_STRETCH * min(speeds))))


def _prepare(workload: Workload, server: Server, load: Load) -> None:
    """Leave exactly the data that the workload needs."""
    with server.client() as client:
        client.call("FLUSHALL")
        client.load(workload.prepare(Extent(load.keys, load.size, load.requests)))


def _sample(server: Server, load: Load) -> Sample:
    before = server.cpu_seconds()
    outcome = run(load, server.port)
    return Sample(outcome, server.cpu_seconds() - before)
