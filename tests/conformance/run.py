"""One unit of the suite on a fresh server: start, run within the time limit, collect, clean up."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tests.conformance.source import Unavailable
from tests.conformance.transcript import Outcome, Test, Transcript, read
from tests.conformance.units import Skip, Unit
from tests.servers import (
    Server,
    Setting,
    redis_binary,
    start_nearkeep,
    start_redis,
    start_valkey,
    valkey_binary,
)

# What the suite's own external runs give the server.
SERVER_SETTINGS: dict[str, Setting] = {
    "save": "",
    "appendonly": False,
    "enable_debug_command": True,
    "enable_protected_configs": True,
    "enable_module_command": True,
}
LOG_TAIL = 3000
# A dead server fails every test that is left; the suite is given this long to say at which one.
GRACE_AFTER_DEATH = 5.0
FIRST_PORT = 20000
LAST_PORT = 31000
PORTS = 500
# The suite's own server listens this far below the ports that it gives to others.
OWN_PORT = 32


@dataclasses.dataclass(frozen=True)
class Subject:
    """A server that can be put to the test.

    Attributes:
        start: starts one with the given settings.
        command: the words that start one with a configuration file.
    """

    name: str
    start: Callable[..., Server]
    command: Callable[[], list[str]]


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("nearkeep", start_nearkeep, lambda: [sys.executable, "-m", "nearkeep", "serve"]),
        Subject("redis", start_redis, lambda: [str(redis_binary("8.2.3"))]),
        Subject(
            "redis-7.0",
            lambda **settings: start_redis("7.0", **settings),
            lambda: [str(redis_binary("7.0"))],
        ),
        Subject("valkey", start_valkey, lambda: [str(valkey_binary())]),
    )
}


@dataclasses.dataclass(frozen=True)
class Report:
    """What came of one unit.

    Attributes:
        trouble: why the unit did not run to its end, or "".
        log: the end of the server's log, where the server may be at fault.
    """

    unit: Unit
    transcript: Transcript
    seconds: float
    trouble: str = ""
    log: str = ""

    @property
    def passed(self) -> int:
        return len(self.transcript.of(Outcome.PASSED))

    @property
    def skipped(self) -> int:
        """Tests left out by the list, and tests or whole blocks left out by a tag of the suite."""
        left_out = self.transcript.of(Outcome.SKIPPED) + self.transcript.of(Outcome.IGNORED)
        return len(left_out) + self.transcript.ignored_blocks

    @property
    def not_run(self) -> int:
        """Tests of the unit that were never reached."""
        return max(0, self.unit.tests - len(self.transcript.tests))

    @property
    def failures(self) -> list[Test]:
        """The failed tests; also each abort, the test that hung and those that were not reached."""
        found = self.transcript.of(Outcome.FAILED)
        found += [
            Test("(outside a test)", Outcome.FAILED, abort) for abort in self.transcript.aborts
        ]
        if self.trouble:
            name = self.transcript.hung or "(the unit)"
            found.append(Test(name, Outcome.FAILED, self.trouble))
        if self.not_run:
            found.append(Test(f"({self.not_run} tests not run)", Outcome.FAILED))
        return found

    @property
    def failed(self) -> int:
        """How many failed, each test that was not reached counted."""
        return len(self.failures) + max(0, self.not_run - 1)


def run_unit(unit: Unit, subject: Subject, suite: Path, skips: Iterable[Skip] = ()) -> Report:
    """Run a unit of the suite that is unpacked at `suite`, leaving out `skips`."""
    with contextlib.ExitStack() as stack:
        tree = stack.enter_context(own_tree(suite))
        if unit.tls:
            make_certificates(tree)
        skipfile = tree / "skipped"
        skipfile.write_text("".join(f"{skip.test}\n" for skip in skips))
        stall = min(unit.stall, unit.limit)
        command = ["./runtest", "--single", unit.name, "--skipfile", str(skipfile), "--durable"]
        command += ["--clients", "1", "--timeout", str(int(stall)), "--dont-clean"]
        command += ["--baseport", str(first_port()), "--portcount", str(PORTS)]
        server = None
        if unit.spawned:
            stand_in(tree, unit, subject)
        else:
            try:
                server = stack.enter_context(contextlib.closing(start(unit, subject, tree)))
            except RuntimeError as reason:
                return Report(unit, Transcript(), 0.0, str(reason)[:LOG_TAIL])
            port = server.tls_port if unit.tls else server.port
            command += ["--host", "127.0.0.1", "--port", str(port)]
        if unit.tls:
            command.append("--tls")
        if unit.ignore_encoding:
            command.append("--ignore-encoding")
        began = time.monotonic()
        output, trouble = supervise(command, tree, unit.limit, server)
        seconds = time.monotonic() - began
        transcript = read(output)
        if transcript.hung is not None:
            trouble = f"no progress in {stall:.0f} s"
        if not (transcript.finished or transcript.aborts or trouble):
            trouble = f"ended early: {output.strip()[-300:]}"
        return Report(
            unit,
            transcript,
            seconds,
            trouble,
            server_log(server, tree)[-LOG_TAIL:] if trouble or transcript.aborts else "",
        )


def first_port() -> int:
    """The first of a range of ports for the suite's use, at random: others may run it as well."""
    for _ in range(100):
        port = random.randrange(FIRST_PORT, LAST_PORT)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port - OWN_PORT))
            return port
    raise Unavailable(f"no port is free between {FIRST_PORT} and {LAST_PORT}")


@contextlib.contextmanager
def own_tree(suite: Path) -> Iterator[Path]:
    """A copy of the suite to run in: its files are the ones it cleans up at its start."""
    with tempfile.TemporaryDirectory(
        prefix="nearkeep-conformance-", ignore_cleanup_errors=True
    ) as scratch:
        tree = Path(scratch)
        shutil.copytree(suite / "tests", tree / "tests")
        shutil.copytree(suite / "utils", tree / "utils")
        shutil.copy2(suite / "runtest", tree / "runtest")
        (tree / "src").mkdir()
        redis_cli = shutil.which("redis-cli")
        if redis_cli:
            (tree / "src" / "redis-cli").symlink_to(redis_cli)
        yield tree


def make_certificates(tree: Path) -> None:
    """The certificates of the suite's TLS tests, made by its own script."""
    missing = [tool for tool in ("openssl", "bash") if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"{missing[0]} is not here, which makes the certificates of the TLS unit")
    certificates = tree / "tests" / "tls"
    certificates.mkdir()
    # Parameters that take long to find and that no test of a running server uses.
    (certificates / "redis.dh").touch()
    made = subprocess.run(
        ["bash", "utils/gen-test-certs.sh"], cwd=tree, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise Unavailable(f"no certificates for the TLS unit: {made.stderr.strip()[-300:]}")


def start(unit: Unit, subject: Subject, tree: Path) -> Server:
    """A fresh server, with a TLS port as well where the unit runs over TLS."""
    settings = dict(SERVER_SETTINGS)
    for name, value in of_old(unit, subject).items():
        settings[name.replace("-", "_")] = value
    if unit.tls:
        certificates = tree / "tests" / "tls"
        settings |= {
            "tls_port": 0,
            "tls_cert_file": certificates / "server.crt",
            "tls_key_file": certificates / "server.key",
            "tls_ca_cert_file": certificates / "ca.crt",
        }
    return subject.start(**settings)


def of_old(unit: Unit, subject: Subject) -> Mapping[str, str | int]:
    """The settings that bring back what 7.0 did, for a server that needs them."""
    return {} if subject.name == "redis-7.0" else unit.as_in_7_0


def stand_in(tree: Path, unit: Unit, subject: Subject) -> None:
    """Put the subject in the place of src/redis-server.

    The suite waits for the process id in the log before it looks further, in the words of Redis'
    banner.
    """
    path = filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")])
    flags = [
        word for name, value in of_old(unit, subject).items() for word in (f"--{name}", str(value))
    ]
    script = tree / "src" / "redis-server"
    script.write_text(
        "#!/bin/sh\n"
        f"export PYTHONPATH={shlex.quote(os.pathsep.join(path))}\n"
        'echo " PID: $$"\n'
        f'exec {shlex.join(subject.command())} "$@" {shlex.join(flags)}\n'
    )
    script.chmod(0o755)


def supervise(
    command: list[str], tree: Path, limit: float, server: Server | None
) -> tuple[str, str]:
    """Run the suite until it ends, the limit passes or the server dies.

    Returns:
        What it printed, and what went wrong or "".
    """
    output = tree / "output"
    with output.open("wb") as sink:
        suite = subprocess.Popen(
            command,
            cwd=tree,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TERM": "dumb", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        trouble = ""
        # The suite itself tells which test makes no progress; it is ended here where it can't.
        deadline = time.monotonic() + limit + 5
        try:
            while suite.poll() is None:
                if time.monotonic() > deadline:
                    trouble = trouble or f"not done in {limit:.0f} s"
                    break
                if server is not None and server.process.poll() is not None and not trouble:
                    trouble = f"the server ended with status {server.process.returncode}"
                    deadline = min(deadline, time.monotonic() + GRACE_AFTER_DEATH)
                time.sleep(0.05)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(suite.pid, signal.SIGKILL)
            suite.wait()
    return output.read_text(errors="replace"), trouble


def server_log(server: Server | None, tree: Path) -> str:
    """The log of the server, or the last one of those that the suite started."""
    if server is not None:
        return server.log()
    logs = sorted(
        (tree / "tests" / "tmp").glob("server.*/std*"), key=lambda log: log.stat().st_mtime
    )
    return "\n".join(log.read_text(errors="replace") for log in logs[-2:])
