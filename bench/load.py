"""One run of redis-benchmark: its command line, and what its output says."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from dataclasses import dataclass

from bench.servers import ServerError

TIMEOUT_SECONDS = 300.0

_THROUGHPUT = re.compile(r"throughput summary: ([\d.]+) requests per second")
_COMPLETED = re.compile(r"(\d+) requests completed in")
_LATENCY = re.compile(
    r"^ +avg +min +p50 +p95 +p99 +max *\n"
    r" +[\d.]+ +[\d.]+ +(?P<p50>[\d.]+) +[\d.]+ +(?P<p99>[\d.]+)",
    re.MULTILINE,
)
_PERCENTILE = re.compile(
    r"^([\d.]+)% <= ([\d.]+) milliseconds \(cumulative count \d+\)", re.MULTILINE
)


class LoadError(Exception):
    """redis-benchmark failed, or said something that cannot be read."""


@dataclass(frozen=True, slots=True)
class Load:
    """What redis-benchmark is to send."""

    arguments: tuple[str, ...]
    requests: int
    clients: int = 50
    pipeline: int = 1
    keys: int = 0
    """Size of the random key space; 0 leaves -r out."""
    size: int = 3
    core: int | None = None
    """The only core that redis-benchmark may run on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What redis-benchmark saw. Latencies are milliseconds, from sending to the whole reply."""

    requests: int
    rps: float
    p50: float
    p99: float
    p999: float
    generator_cpu_seconds: float = 0.0
    """CPU time of redis-benchmark itself."""

    @property
    def seconds(self) -> float:
        return self.requests / self.rps


def command_line(load: Load, port: int) -> list[str]:
    program = shutil.which("redis-benchmark")
    if program is None:
        raise ServerError("redis-benchmark is not on the PATH (Debian: apt install redis-tools)")
    pinned = ["taskset", "--cpu-list", str(load.core)] if load.core is not None else []
    options = {
        "-h": "127.0.0.1",
        "-p": port,
        "-n": load.requests,
        "-c": load.clients,
        "-P": load.pipeline,
        "-d": load.size,
        "--precision": 3,
    }
    if load.keys:
        options["-r"] = load.keys
    flags = [str(word) for option in options.items() for word in option]
    return [*pinned, program, *flags, *load.arguments]


def run(load: Load, port: int) -> Outcome:
    """Run redis-benchmark once. Raises LoadError, also when the server answers with an error."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(
            command_line(load, port),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{load.arguments} did not end within {TIMEOUT_SECONDS:.0f} s") from error
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or "Error from server" in done.stderr:
        raise LoadError(done.stderr.strip() or f"redis-benchmark ended with {done.returncode}")
    cpu_seconds = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return parse(done.stdout, cpu_seconds)


def parse(output: str, generator_cpu_seconds: float = 0.0) -> Outcome:
    """Read the report of a run with a single test (not --csv, which leaves out p99.9)."""
    throughput = _THROUGHPUT.findall(output)
    completed = _COMPLETED.findall(output)
    latency = _LATENCY.search(output)
    p999 = next((float(ms) for pct, ms in _PERCENTILE.findall(output) if float(pct) >= 99.9), None)
    if len(throughput) != 1 or len(completed) != 1 or latency is None or p999 is None:
        raise LoadError(f"not the report of one redis-benchmark test:\n{output[-500:]}")
    return Outcome(
        requests=int(completed[0]),
        rps=float(throughput[0]),
        p50=float(latency["p50"]),
        p99=float(latency["p99"]),
        p999=p999,
        generator_cpu_seconds=generator_cpu_seconds,
    )
