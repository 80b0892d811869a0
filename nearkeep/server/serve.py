"""A server: listeners around one namespace, its background work, and its end."""

import asyncio
import gc
import os
import resource
import signal
import socket
import sqlite3
import ssl
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, cast

import nearkeep
from nearkeep.engine import commands  # noqa: F401 - declares all commands
from nearkeep.engine.acl import User
from nearkeep.engine.namespace import Host, Namespace
from nearkeep.engine.session import BUSY, PAUSED
from nearkeep.engine.settings import SettingError, Settings
from nearkeep.server.client import Client
from nearkeep.server.clock import SystemClock
from nearkeep.server.connection import Connection, Tick
from nearkeep.server.facts import facts, resident_bytes
from nearkeep.server.folders import data_folder
from nearkeep.server.http import Http, Site
from nearkeep.server.oom_score import OomScore
from nearkeep.server.origin import Origins
from nearkeep.server.peers import Peers
from nearkeep.server.schedule import LoopSchedule
from nearkeep.tiers.disk import Disk
from nearkeep.tiers.segment import Damage
from nearkeep.tiers.store import InUse, Store

STEP: Final = 200
"""Keys that a step of background work looks at; well under a millisecond."""

BUDGET: Final = 0.002
"""Seconds of background work before clients get their turn again."""

FOLDER: Final = "nearkeep"
"""Name of the data's folder in `dir`."""

SWITCH: Final = 0.0005
"""Seconds after which a thread beside the loop gives way to it; Python's default is ten times that."""

DRAIN: Final = 3.0
"""Seconds that clients have to receive what they were answered before the end."""

_BUSY_SECONDS: Final = 0.01
"""How long what comes from elsewhere waits for a script to end, before it looks again."""

_MAX_CLIENTS: Final = b"ERR max number of clients reached"
_PROTECTED: Final = (
    b"DENIED Redis is running in protected mode because protected mode is enabled and no password"
    b" is set for the default user. In this mode connections are only accepted from the loopback"
    b" interface. To let others in, set a password (requirepass), or start with --protected-mode no"
    b" if the network is trusted."
)


Endpoint = tuple[str, int, bool]
"""A word of `bind`, a port, and whether TLS is spoken there."""


class Server(Host):
    """One process that serves one namespace."""

    def __init__(self, settings: Settings, config_file: str | None) -> None:
        super().__init__()
        self.settings = settings
        self.config_file = config_file
        self.loop = _event_loop()
        self.clock = SystemClock()
        self.namespace = Namespace(settings, self.clock, Random(), self)
        self.namespace.begin()
        self.tick = Tick(self.namespace, self.loop.call_soon)
        self.tick.alarm_changed = self._set_alarm
        self.store: Store | None = None
        self.site = Site(
            self.tick,
            Origins(partial(settings.string, "http-origins")),
            os.urandom(6).hex().encode(),
            self._replace,
            self._is_stopping,
        )
        self.connections: dict[Client, None] = {}
        self.listeners: dict[Endpoint, asyncio.AbstractServer] = {}
        self._bound: dict[Endpoint, socket.socket] = {}
        self.unix_listeners: list[asyncio.AbstractServer] = []
        self.tls: ssl.SSLContext | None = None
        self.peers = Peers()
        self._tasks: set[asyncio.Task[None]] = set()
        self.operations_per_second = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._cron: asyncio.TimerHandle | None = None
        self._seconds: asyncio.TimerHandle | None = None
        self._sampled = (time.monotonic(), 0)
        self._shutdown: asyncio.TimerHandle | None = None
        self._stopped: asyncio.Future[int] = self.loop.create_future()
        self._follow_settings()

    # ---- settings

    def _follow_settings(self) -> None:
        for name in (
            "client-output-buffer-limit",
            "client-query-buffer-limit",
            "proto-max-bulk-len",
        ):
            self.settings.on_change(name, self._set_limits)
        for name in ("port", "tls-port", "bind"):
            self.settings.on_change(name, partial(self._listen_again, name))
        self._set_limits()
        if not OomScore(self.settings).start():
            print("nearkeep: the kernel refuses the oom-score-adj of the settings", file=sys.stderr)

    def _set_limits(self) -> None:
        self.tick.limits = self.settings.integers("client-output-buffer-limit")
        self.tick.query_limit = self.settings.integer("client-query-buffer-limit")
        self.tick.max_bulk = self.settings.integer("proto-max-bulk-len")
        for connection in self.connections:
            connection.set_max_bulk(self.tick.max_bulk)

    # ---- listening

    def bind(self, tls: "ssl.SSLContext | None") -> None:
        """Takes all ports of the settings; nobody can connect yet. Raises OSError."""
        self.tls = tls
        self._bound = self._bind_new()

    async def listen(self) -> None:
        """Opens all ports of the settings."""
        for endpoint, bound in self._bound.items():
            await self._open(endpoint, bound)
        path = self._unix_path()
        if path is not None:
            path.unlink(missing_ok=True)
            unix = await self.loop.create_unix_server(self._protocol, path)
            self.unix_listeners.append(unix)
            mode = self.settings.integer("unixsocketperm")
            if mode:
                path.chmod(mode)

    def _unix_path(self) -> Path | None:
        name = self.settings.string("unixsocket").decode()
        return Path(name) if name else None

    def _protocol(self) -> asyncio.BaseProtocol:
        # The compiled class has a protocol's methods but not its base class.
        return cast("asyncio.BaseProtocol", Connection(self.tick, self._admit))

    def _endpoints(self) -> list[Endpoint]:
        """Where the settings want the server to listen."""
        ports = [(self.settings.integer("port"), False)]
        if self.tls is not None:
            ports.append((self.settings.integer("tls-port"), True))
        return [
            (word.decode(), port, encrypted)
            for port, encrypted in ports
            if port
            for word in self.settings.strings("bind")
        ]

    def _bind_new(self) -> dict[Endpoint, socket.socket]:
        """Sockets for the endpoints that are not open yet: all, or OSError and none."""
        bound: dict[Endpoint, socket.socket] = {}
        try:
            for endpoint in self._endpoints():
                if endpoint not in self.listeners:
                    one = _bind(endpoint[0], endpoint[1])
                    if one is not None:
                        bound[endpoint] = one
        except OSError:
            for one in bound.values():
                one.close()
            raise
        return bound

    async def _open(self, endpoint: Endpoint, bound: socket.socket) -> None:
        backlog = self.settings.integer("tcp-backlog")
        context = self.tls if endpoint[2] else None
        self.listeners[endpoint] = await self.loop.create_server(
            self._protocol, sock=bound, ssl=context, backlog=backlog
        )

    def _listen_again(self, name: str) -> None:
        """Moves to other ports or addresses; connections that are open stay."""
        try:
            bound = self._bind_new()
        except OSError:
            what = "Failed to bind to specified addresses."
            if name != "bind":
                what = "Unable to listen on this port. Check server logs."
            raise SettingError(name, self.settings.text(name), what) from None
        for gone in set(self.listeners) - set(self._endpoints()):
            self.listeners.pop(gone).close()
        for endpoint, one in bound.items():
            self._start(self._open(endpoint, one))

    def _admit(self, connection: Connection) -> bytes | None:
        """Takes a connection in, or says why not."""
        if len(self.connections) >= self.settings.integer("maxclients"):
            return _MAX_CLIENTS
        default: User = self.namespace.users.default
        if (
            default.open
            and self.settings.flag("protected-mode")
            and not _from_loopback(connection.address)
        ):
            return _PROTECTED
        if self.settings.flag("http"):
            connection.switch = self._speak_http
        self._keep(connection)
        return None

    def _keep(self, connection: Client) -> None:
        self.connections[connection] = None
        connection.on_lost = self._lose

    def _replace(self, old: Client, new: Client) -> None:
        self._lose(old)
        self._keep(new)

    def _lose(self, connection: Client) -> None:
        self.connections.pop(connection, None)

    def _speak_http(self, first: Connection, data: bytes) -> None:
        """Hands a connection over to HTTP."""
        transport = first.transport
        if transport is None:
            return
        http = Http(self.site, first)
        self._replace(first, http)
        transport.set_protocol(cast("asyncio.BaseProtocol", http))
        http.data_received(data)

    # ---- in the background

    def _work(self) -> None:
        """Background work in small pieces; more of it while there is more to do."""
        namespace = self.namespace
        namespace.begin()
        start = time.perf_counter()
        more = True
        while more and time.perf_counter() - start < BUDGET:
            more = namespace.step(STEP)
        delay = BUDGET * 3 if more else 1.0 / self.settings.integer("hz")
        self._cron = self.loop.call_later(delay, self._work)

    def _set_alarm(self, at: int) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if at:
            wait = max(at - int(time.time() * 1000), 0) * 0.001
            self._alarm = self.loop.call_later(wait + 0.0005, self._ring)

    def _ring(self) -> None:
        self.namespace.begin()
        self.namespace.step(0)
        self._set_alarm(self.namespace.alarm)

    def _each_second(self) -> None:
        """Samples, limits that depend on time, and cycles that the loop's own objects make."""
        now, count = time.monotonic(), self.namespace.commands_run
        then, before = self._sampled
        self.operations_per_second = round(int(count - before) / max(now - then, 1e-9))
        self._sampled = (now, count)
        timeout = self.settings.integer("timeout")
        for connection in list(self.connections):
            connection.each_second()
            if timeout and connection.idle_seconds() > timeout:
                connection.close(after_reply=False)
        # Young objects alone: what has lived for long, the keys above all, is never walked.
        gc.collect(1)
        self._seconds = self.loop.call_later(1, self._each_second)

    # ---- what the engine asks for

    def shutdown(self, save: bool | None, now: bool, force: bool) -> None:
        self._shutdown = self.loop.call_later(0, self._stop)

    def abort_shutdown(self) -> bool:
        if self._shutdown is None:
            return False
        self._shutdown.cancel()
        self._shutdown = None
        return True

    def keeps_data(self) -> bool:
        return self.store is not None

    def checkpoint(self) -> bytes | None:
        return None if self.store is None else self.store.checkpoint_now()

    def begin_checkpoint(self) -> bool:
        if self.store is None or self.store.checkpoint.running:
            return False
        self.loop.call_soon(self.store.start_checkpoint)
        return True

    def last_checkpoint(self) -> int:
        return 0 if self.store is None else self.store.checkpoint.saved

    def reload(self) -> bytes | None:
        return None if self.store is None else self.store.reload()

    def facts(self) -> dict[str, str]:
        known = facts(self.config_file or "", self.operations_per_second)
        known["migrate_cached_sockets"] = str(len(self.peers))
        return known if self.store is None else known | self.store.facts()

    def resident_bytes(self) -> int:
        return resident_bytes()

    def entropy(self, count: int) -> bytes:
        return os.urandom(count)

    def read_text(self, path: bytes) -> bytes:
        return Path(os.fsdecode(path)).read_bytes()

    def write_text(self, path: bytes, text: bytes) -> None:
        target = Path(os.fsdecode(path)).resolve()
        draft = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        try:
            with draft.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def load_users(self) -> None:
        """Takes over the users of the configuration or of its ACL file.

        Raises:
            ValueError: they won't do.
        """
        if not self.settings.string("aclfile"):
            self.namespace.users.configure(self.settings.users)
            return
        if self.settings.users:
            raise ValueError("aclfile and user lines can't both be in the configuration")
        errors = self.namespace.load_users()
        if errors:
            raise ValueError(errors.decode(errors="replace"))

    def open_store(self, folder: Path) -> list[str]:
        """Brings back what a folder has, and keeps all changes there; lines about it.

        Raises:
            InUse, Damage, ValueError, OSError: as `Store.open`.
        """
        sys.setswitchinterval(SWITCH)
        store = Store(folder, self.namespace, LoopSchedule(self.loop), Disk(), self.tick.release)
        store.open()
        self.store = store
        self.tick.before_replies = store.before_replies
        return [*store.notes, f"Data: {folder}"]

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def log(self, level: int, message: bytes) -> None:
        wanted = self.settings.string("loglevel").decode()
        if wanted in _LEVELS and level >= _LEVELS.index(wanted):
            print(f"nearkeep: {message.decode(errors='replace')}", file=sys.stderr)

    def exchange(
        self,
        host: bytes,
        port: int,
        timeout_ms: int,
        requests: list[list[bytes]],
        heard: Callable[[list[bytes], bytes], None],
    ) -> bool:
        self._start(self._exchange(host, port, timeout_ms, requests, heard))
        return True

    async def _exchange(
        self,
        host: bytes,
        port: int,
        timeout_ms: int,
        requests: list[list[bytes]],
        heard: Callable[[list[bytes], bytes], None],
    ) -> None:
        replies, failed = await self.peers.exchange(
            os.fsdecode(host), port, timeout_ms * 0.001, requests
        )
        while self.namespace.gate & (BUSY | PAUSED):  # noqa: ASYNC110
            await asyncio.sleep(_BUSY_SECONDS)
        self.namespace.begin()
        heard(replies, failed)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        """Has work done beside all else, and keeps it from the garbage collector meanwhile."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def takes_turns(self) -> bool:
        return True

    def take_turn(self, resume: Callable[[], None]) -> None:
        self.loop.call_soon(resume)

    def report(self, command: bytes, error: Exception) -> None:
        print(f"nearkeep: {command.decode()} failed, please report this:", file=sys.stderr)
        traceback.print_exception(error)

    # ---- the life of the process

    def run(self, welcome: Callable[[], None]) -> int:
        """Serves until it is told to stop; returns the exit status."""
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.listen())
        except OSError as error:
            print(f"nearkeep: {error.strerror or error}", file=sys.stderr)
            return 1
        gc.collect()
        gc.freeze()
        gc.disable()
        self._work()
        self._each_second()
        # A signal that uvloop is to handle and that comes while the loop stands still is lost.
        self.loop.call_soon(self._await_signals)
        self.loop.call_soon(welcome)
        status = self.loop.run_until_complete(self._stopped)
        self.loop.run_until_complete(self._drain())
        if self.store is not None:
            self.store.close()
        self.loop.close()
        return status

    def _await_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self._stop)

    def _is_stopping(self) -> bool:
        return self._stopped.done()

    def _stop(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(0)

    async def _drain(self) -> None:
        """Takes no more requests, and sends what has been answered."""
        for listener in (*self.listeners.values(), *self.unix_listeners):
            listener.close()
        for handle in (self._cron, self._seconds, self._alarm):
            if handle is not None:
                handle.cancel()
        self.peers.close()
        for connection in list(self.connections):
            connection.close(after_reply=True)
        deadline = self.loop.time() + DRAIN
        while self.connections and self.loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        for connection in list(self.connections):
            connection.close(after_reply=False)
        await asyncio.sleep(0)
        path = self._unix_path()
        if path is not None:
            path.unlink(missing_ok=True)


_LEVELS: Final = ("debug", "verbose", "notice", "warning")

_ABSENT: Final = frozenset({99, 97})  # EADDRNOTAVAIL, EAFNOSUPPORT: the machine has no such address


def _bind(word: str, port: int) -> socket.socket | None:
    """A socket bound to an address of `bind`; None where it is optional and the machine has none.

    Raises:
        OSError: it can't be bound.
    """
    host = word.lstrip("-")
    host = {"*": "0.0.0.0", "::*": "::"}.get(host, host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if word.startswith("-") and error.errno in _ABSENT:
            return None
        why = f"can't listen on {host}:{port}: {os.strerror(error.errno or 0)}"
        raise OSError(error.errno, why) from error
    return bound


def _from_loopback(address: bytes) -> bool:
    return address.startswith((b"127.", b"[::1]", b"/", b":", b"[::ffff:127."))


def _event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - where there is no uvloop, asyncio's own loop serves
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def raise_file_limit(wanted: int) -> None:
    """Asks the system for as many open files as clients may come."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted + 64:
        high = wanted + 64 if hard == resource.RLIM_INFINITY else min(wanted + 64, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (high, hard))


def run(settings: Settings, config_file: str | None) -> int:
    """Serves with these settings until told to stop; returns the exit status."""
    raise_file_limit(settings.integer("maxclients"))
    server = Server(settings, config_file)
    try:
        server.load_users()
    except ValueError as error:
        print(f"nearkeep: {error}", file=sys.stderr)
        return 1
    tls, notes = None, list[str]()
    if settings.integer("tls-port"):
        from nearkeep.server.tls import server_context  # noqa: PLC0415 - only where TLS is on

        try:
            tls, notes = server_context(settings, ("http/1.1",))
        except (SettingError, OSError, ssl.SSLError) as error:
            print(f"nearkeep: {error}", file=sys.stderr)
            return 1
    try:
        server.bind(tls)
    except OSError as error:
        print(f"nearkeep: {error.strerror or error}", file=sys.stderr)
        return 1
    if settings.flag("appendonly"):
        folder = data_folder_of(settings)
        try:
            notes = [*server.open_store(folder), *notes]
        except (InUse, Damage, ValueError, sqlite3.Error) as error:
            print(f"nearkeep: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            why = f"{error.filename or folder}: {error.strerror or error}"
            hint = "name a folder with --dir, or keep all in memory with --appendonly no"
            print(f"nearkeep: can't keep data in {why}: {hint}", file=sys.stderr)
            return 1
    return server.run(partial(_welcome, settings, notes))


def data_folder_of(settings: Settings) -> Path:
    """The folder of a server's data: in `dir` where that was given, else in the user's own.

    There, servers are told apart by their ports.
    """
    if "dir" in settings.given:
        return Path(os.fsdecode(settings.string("dir")), FOLDER)
    port = settings.integer("port") or settings.integer("tls-port")
    return data_folder() / str(port or "default")


def _welcome(settings: Settings, notes: list[str]) -> None:
    """Says how to connect."""
    host = settings.strings("bind")[0].decode().lstrip("-") if settings.strings("bind") else "*"
    host = "127.0.0.1" if host in {"*", "0.0.0.0", "::", "::*"} else host
    host = f"[{host}]" if ":" in host else host
    secret = ":<password>@" if settings.string("requirepass") else ""
    lines = [
        f"Nearkeep {nearkeep.__version__} ({nearkeep.engine_kind()} engine): Ready to accept connections"
    ]
    port, tls_port = settings.integer("port"), settings.integer("tls-port")
    if port:
        lines.append(f"  redis://{secret}{host}:{port}")
    if tls_port:
        lines.append(f"  rediss://{secret}{host}:{tls_port}")
    if settings.string("unixsocket"):
        lines.append(f"  unix://{settings.string('unixsocket').decode()}")
    lines += notes
    option = f"-p {port}" if port else f"--tls -p {tls_port}"
    lines.append(f"Try: redis-cli {option} set greeting hello")
    print("\n".join(lines), flush=True)
