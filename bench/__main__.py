"""Measure Nearkeep beside its peers, print what came out, and judge it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from bench import floors, growth, hits, memory, openloop, report
from bench.client import ReplyError
from bench.load import LoadError
from bench.machine import Machine
from bench.measure import Case, Plan, Result, cases, measure
from bench.servers import AOF, KINDS, MEMORY_ONLY, Server, ServerError, Setup, started_all
from bench.workloads import ALL, BY_NAME, STANDARD, Workload

KEYSPACE = 100_000
QUICK_TESTS = ("GET", "SET", "INCR")
QUICK_SECONDS = 60.0
OVERHEAD_SECONDS = 0.3
"""What one measurement costs besides its own time: starting, loading, warming up."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    servers = parser.add_argument_group("servers").add_argument
    servers("--subject", default="nearkeep", choices=KINDS, help="the server to judge")
    servers("--peers", type=_names, default=["redis", "valkey"], help="beside which (%(default)s)")
    servers("--nearkeep-flags", type=shlex.split, default=[], help="further flags for Nearkeep")
    servers("--aof", action="store_true", help="appendonly yes, appendfsync everysec on all")
    servers(
        "--pin",
        action=argparse.BooleanOptionalAction,
        default=len(os.sched_getaffinity(0)) > 1,
        help="servers on one core, the load generator on another (default where there are two)",
    )

    load = parser.add_argument_group("load").add_argument
    load("--tests", type=_names, help="names of tests, e.g. GET,SET")
    load("--all", action="store_true", help="every default test of redis-benchmark")
    load("--pipeline", type=_numbers, default=[1, 16, 64], help="pipeline depths (1,16,64)")
    load("--keys", type=_numbers, default=[0, KEYSPACE], help="key spaces; 0 is a single key")
    load("--clients", type=int, default=50, help="connections (%(default)s)")
    load("--size", type=int, default=3, help="bytes of a value (%(default)s)")
    load("--rounds", type=int, default=7, help="measurements of each server (%(default)s)")
    load("--seconds", type=float, default=0.5, help="length of one measurement (%(default)s)")
    load("--requests", type=int, help="a fixed number of requests instead of --seconds")
    load("--quick", action="store_true", help="GET, SET and INCR against Redis within a minute")

    others = parser.add_argument_group("other measurements, instead of the above").add_argument
    others("--latency", action="store_true", help="at a fixed load below saturation")
    others("--rate", type=int, help="requests per second for --latency (half of saturation)")
    others("--growth", action="store_true", help="cost of a command as its data grows")
    others("--memory", action="store_true", help="resident bytes of a key")
    others("--hits", action="store_true", help="hit ratios at equal memory, by eviction policy")
    others("--idle", type=int, metavar="N", help="resident bytes of each of N idle connections")

    output = parser.add_argument_group("output").add_argument
    output("--check", action="store_true", help="exit 1 when a floor is not reached")
    output("--markdown", action="store_true", help="tables in Markdown")
    output("--json", type=Path, metavar="FILE", help="write every measurement here")
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _workloads(options: argparse.Namespace) -> Sequence[Workload]:
    if options.tests:
        names = [name.upper() for name in options.tests]
        if unknown := [name for name in names if name not in BY_NAME]:
            raise ServerError(f"no test is called {', '.join(unknown)}, only {', '.join(BY_NAME)}")
        return [BY_NAME[name] for name in names]
    return ALL if options.all else STANDARD


def _core(options: argparse.Namespace, place: int) -> int | None:
    return sorted(os.sched_getaffinity(0))[place] if options.pin else None


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        rounds=options.rounds,
        seconds=options.seconds,
        requests=options.requests,
        clients=options.clients,
        size=options.size,
        load_core=_core(options, 1),
        case_seconds=options.case_seconds,
    )


def _hasten(options: argparse.Namespace) -> None:
    """Fit the run into the budget of --quick."""
    options.tests = options.tests or list(QUICK_TESTS)
    options.peers = options.peers[:1]
    options.keys = options.keys[-1:]
    options.rounds = min(options.rounds, 5)
    options.case_seconds = QUICK_SECONDS / (len(options.tests) * len(options.pipeline))
    each = options.case_seconds / (options.rounds * (1 + len(options.peers)))
    options.seconds = max(0.1, min(options.seconds, each - OVERHEAD_SECONDS))


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    options.case_seconds = None
    if options.quick:
        _hasten(options)
    setup = Setup(
        durability=AOF if options.aof else MEMORY_ONLY,
        nearkeep_flags=tuple(options.nearkeep_flags),
        core=_core(options, 0),
    )
    kinds = [options.subject, *options.peers]
    pages = report.Report(markdown=options.markdown)
    try:
        if options.hits:
            pages.say(Machine.here().line())
            pages.show(report.hits(list(hits.measure(options.peers[:1], setup))))
            return 0
        if options.memory or options.idle:
            return _weigh(options, kinds, setup, pages)
        with started_all(kinds, setup) as servers:
            pages.say(Machine.here().line())
            pages.say(", ".join(f"{server.name} {server.version}" for server in servers))
            if options.growth:
                pages.show(report.growth(growth.measure(servers, _plan(options)), servers))
                return 0
            if options.latency:
                pages.show(report.offered(openloop.compare(servers, options.rate, _plan(options))))
                return 0
            return _compare(options, servers, pages)
    except (ServerError, LoadError, ReplyError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def _weigh(
    options: argparse.Namespace, kinds: Sequence[str], setup: Setup, pages: report.Report
) -> int:
    pages.say(Machine.here().line())
    if options.memory:
        pages.show(report.memory(memory.keys(kinds, setup), kinds))
    if options.idle:
        pages.show(report.idle(memory.idle(kinds, setup, options.idle)))
    return 0


def _compare(options: argparse.Namespace, servers: Sequence[Server], pages: report.Report) -> int:
    subject, *peers = (server.name for server in servers)
    plan = _plan(options)
    results: list[Result] = []
    planned = cases(_workloads(options), options.pipeline, options.keys)
    for pipeline, group in groupby(planned, lambda case: case.pipeline):
        measured = [_measured(case, servers, plan) for case in group]
        results += measured
        pages.heading(
            f"Pipeline {pipeline}, {plan.clients} clients, values of {plan.size} bytes, "
            f"{plan.rounds} rounds"
        )
        for table in (report.throughput, report.processor_time, report.latency):
            pages.show(table(measured, subject, peers))
    if options.json:
        _write(options.json, options, servers, results)
    if not options.check:
        return 0
    verdicts = floors.judge(floors.read(), results, subject)
    pages.show(report.verdicts(verdicts))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _measured(case: Case, servers: Sequence[Server], plan: Plan) -> Result:
    if sys.stderr.isatty():
        print(f"\r\033[Kmeasuring {case.label} …", end="\r", file=sys.stderr, flush=True)
    return measure(case, servers, plan)


def _write(
    path: Path, options: argparse.Namespace, servers: Sequence[Server], results: Sequence[Result]
) -> None:
    content = {
        "machine": asdict(Machine.here()),
        "options": {name: value for name, value in vars(options).items() if name != "json"},
        "servers": {server.name: server.version for server in servers},
        "results": [report.samples_as_json(result) for result in results],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
