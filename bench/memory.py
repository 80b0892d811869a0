"""What data and connections cost in resident memory, each measured on a server of its own.

An allocator keeps what it freed, so every figure comes from a fresh process.
"""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.client import Command
from bench.servers import Server, ServerError, Setup, started

KEYS = 1_000_000
KEY_BYTES = 16
VALUE_BYTES = (3, 32)
TTL_SECONDS = 86_400
SETTLE_SECONDS = 0.5
OTHER_FILES = 100
"""Open files that this process needs besides its idle connections."""


@dataclass(frozen=True, slots=True)
class Weight:
    """Resident bytes that one key or connection added."""

    server: str
    what: str
    count: int
    empty: int
    """Resident bytes of the server before."""
    full: int

    @property
    def each(self) -> float:
        return (self.full - self.empty) / self.count


def _strings(count: int, size: int, ttl: bool) -> Iterator[Command]:
    expiry: Command = ("EX", TTL_SECONDS) if ttl else ()
    value = b"x" * size
    for number in range(count):
        yield "SET", f"key:{number:0{KEY_BYTES - 4}d}", value, *expiry


def keys(kinds: Sequence[str], setup: Setup, count: int = KEYS) -> list[Weight]:
    """Memory of small string keys, with and without a time to live."""
    weights = []
    for size in VALUE_BYTES:
        for ttl in (False, True):
            what = f"{size}-byte value{', TTL' if ttl else ''}"
            for kind in kinds:
                with started(kind, setup) as server, server.client() as client:
                    empty = _settled(server)
                    client.load(_strings(count, size, ttl))
                    weights.append(Weight(kind, what, count, empty, _settled(server)))
    return weights


def idle(kinds: Sequence[str], setup: Setup, count: int) -> list[Weight]:
    """Memory of idle connections. What the kernel keeps for a socket is not the server's, nor here.

    Raises ServerError when this process may not open that many files.
    """
    _allow_open_files(count + OTHER_FILES)
    weights = []
    for kind in kinds:
        with started(kind, setup) as server, ExitStack() as connections:
            with server.client() as client:
                client.call("CONFIG", "SET", "maxclients", count + OTHER_FILES)
            empty = _settled(server)
            for _ in range(count):
                connection = socket.create_connection(("127.0.0.1", server.port))
                connections.enter_context(connection)
                connection.sendall(b"PING\r\n")
                connection.recv(64)
            weights.append(Weight(kind, "connection", count, empty, _settled(server)))
    return weights


def _settled(server: Server) -> int:
    """Resident bytes once the server's own housekeeping had a moment."""
    time.sleep(SETTLE_SECONDS)
    return server.resident_bytes()


def _allow_open_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise ServerError(f"only {hard} files may be open here: raise ulimit -Hn above {count}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
