"""The least client that a benchmark needs: one connection, single calls, and loading in bulk."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Self, cast

import hiredis

TIMEOUT_SECONDS = 120.0
LOAD_BATCH = 1_000
"""Commands in flight while loading: few enough that the replies never fill both sockets."""

Argument = str | bytes | int
Command = tuple[Argument, ...]


class ReplyError(Exception):
    """The server answered with an error."""


class Client:
    """A connection to 127.0.0.1 that speaks RESP2."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = hiredis.Reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self, *command: Argument) -> Any:
        """Send one command and return its reply. Raises ReplyError."""
        self._socket.sendall(_packed(command))
        return self._reply()

    def load(self, commands: Iterable[Command]) -> None:
        """Send commands in pipelined batches, and check every reply. Raises ReplyError."""
        for batch in _batches(commands):
            self._socket.sendall(b"".join(map(_packed, batch)))
            for _ in batch:
                self._reply()

    def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands at once and return their replies. Raises ReplyError."""
        self._socket.sendall(b"".join(map(_packed, commands)))
        return [self._reply() for _ in commands]

    def _reply(self) -> Any:
        while True:
            reply = self._reader.gets()
            if reply is not False:
                break
            received = self._socket.recv(1 << 16)
            if not received:
                raise ReplyError("the server closed the connection")
            self._reader.feed(received)
        if isinstance(reply, hiredis.ReplyError):
            raise ReplyError(str(reply))
        return reply


def _packed(command: Command) -> bytes:
    # hiredis' stub declares a tuple of one element where it takes any number.
    return cast(bytes, hiredis.pack_command(command))  # type: ignore[arg-type]


def _batches(commands: Iterable[Command]) -> Iterator[list[Command]]:
    remaining = iter(commands)
    while batch := list(islice(remaining, LOAD_BATCH)):
        yield batch
