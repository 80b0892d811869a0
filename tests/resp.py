"""A RESP client that keeps the bytes: what a server sent, exactly, beside what it means.

Client libraries smooth over what the tests want to see (the spelling of a double, a null of one
type or another), so the tests read the wire themselves.
Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

Argument: TypeAlias = bytes | str | int | float
Plain: TypeAlias = "bytes | int | float | bool | list[Plain] | Error | Status | None"

# A reply is read whole into memory; nothing a test asks for comes near this, in bytes.
LONGEST_REPLY = 1 << 30


class Error(str):
    """An error reply's text, as a value."""

    __slots__ = ()


class Status(str):
    """A simple string's text, as a value."""

    __slots__ = ()


class Incomplete(Exception):
    """The buffer ends within a reply."""


class Closed(ConnectionError):
    """The server closed the connection; `rest` is what it sent before, if not a whole reply."""

    def __init__(self, rest: bytes = b"") -> None:
        super().__init__(f"the server closed the connection after {rest!r}")
        self.rest = rest


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. `kind` is its type byte; aggregates hold `items`, maps keys and values in turn."""

    kind: bytes
    payload: bytes | None
    items: tuple[Reply, ...] | None
    raw: bytes

    @property
    def is_push(self) -> bool:
        return self.kind == b">"

    @property
    def is_error(self) -> bool:
        return self.kind in (b"-", b"!")

    @property
    def is_null(self) -> bool:
        return self.payload is None and self.items is None

    @property
    def value(self) -> Plain:
        """The reply as Python values: bytes, int, float, bool, None, lists, Status and Error.

        A map or an attribute becomes a flat list of keys and values, as in RESP2.
        """
        if self.items is not None:
            return [item.value for item in self.items]
        if self.payload is None:
            return None
        match self.kind:
            case b":" | b"(":
                return int(self.payload)
            case b",":
                return float(self.payload)
            case b"#":
                return self.payload == b"t"
            case b"+":
                return Status(self.payload.decode("utf-8", "surrogateescape"))
            case b"-" | b"!":
                return Error(self.payload.decode("utf-8", "surrogateescape"))
            case _:
                return self.payload


def argument(value: Argument) -> bytes:
    """The bytes that stand for a value in a command."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "surrogateescape")


def encode(*arguments: Argument) -> bytes:
    """One command in the multibulk form."""
    parts = [b"*%d\r\n" % len(arguments)]
    for value in arguments:
        text = argument(value)
        parts.append(b"$%d\r\n%s\r\n" % (len(text), text))
    return b"".join(parts)


def parse(buffer: bytes | bytearray, start: int = 0) -> Reply:
    """The reply that begins at `start`; its `raw` says where it ends.

    Raises Incomplete if more bytes are needed and ValueError if these are not RESP.
    """
    line_end = buffer.find(b"\r\n", start)
    if line_end < 0:
        raise Incomplete
    kind = bytes(buffer[start : start + 1])
    head = bytes(buffer[start + 1 : line_end])
    end = line_end + 2
    if kind in b"+-:,#_(" and kind:
        payload = None if kind == b"_" else head
        return Reply(kind, payload, None, bytes(buffer[start:end]))
    if kind in (b"$", b"!", b"="):
        length = int(head)
        if length < 0:
            return Reply(kind, None, None, bytes(buffer[start:end]))
        if length > LONGEST_REPLY:
            raise ValueError(f"a string of {length} bytes")
        stop = end + length + 2
        if len(buffer) < stop:
            raise Incomplete
        if buffer[stop - 2 : stop] != b"\r\n":
            raise ValueError(f"a string of {length} bytes does not end in CRLF")
        return Reply(kind, bytes(buffer[end : stop - 2]), None, bytes(buffer[start:stop]))
    if kind in (b"*", b"~", b">", b"%", b"|"):
        count = int(head)
        if count < 0:
            return Reply(kind, None, None, bytes(buffer[start:end]))
        if kind in (b"%", b"|"):
            count *= 2
        items = []
        for _ in range(count):
            item = parse(buffer, end)
            items.append(item)
            end += len(item.raw)
        return Reply(kind, None, tuple(items), bytes(buffer[start:end]))
    raise ValueError(f"not a reply: {bytes(buffer[start : start + 80])!r}")


class Connection:
    """One blocking connection. Reads give up after `timeout` seconds with TimeoutError."""

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        plain = socket.create_connection((host, port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(plain, server_hostname=host) if tls else plain
        self.pushes: deque[Reply] = deque()
        self._buffer = bytearray()

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send(self, *arguments: Argument) -> None:
        self.send_bytes(encode(*arguments))

    def read(self, timeout: float | None = None) -> Reply:
        """The next thing the server sends, be it a reply or a push.

        Raises Closed at the end of the stream and TimeoutError after `timeout` seconds.
        """
        while True:
            try:
                reply = parse(self._buffer)
            except Incomplete:
                self._receive(timeout)
                continue
            del self._buffer[: len(reply.raw)]
            return reply

    def read_reply(self, timeout: float | None = None) -> Reply:
        """The next reply; RESP3 pushes before it go to `pushes`."""
        while (reply := self.read(timeout)).is_push:
            self.pushes.append(reply)
        return reply

    def read_push(self, timeout: float | None = None) -> Reply:
        """The next RESP3 push, kept or still to come. A reply in its place is a ValueError."""
        if self.pushes:
            return self.pushes.popleft()
        reply = self.read(timeout)
        if not reply.is_push:
            raise ValueError(f"a reply where a push was expected: {reply.raw!r}")
        return reply

    def call(self, *arguments: Argument) -> Reply:
        """Send one command and read its reply."""
        self.send(*arguments)
        return self.read_reply()

    def value(self, *arguments: Argument) -> Plain:
        """Send one command and read its reply as Python values."""
        return self.call(*arguments).value

    def pipeline(self, commands: list[tuple[Argument, ...]]) -> list[Reply]:
        """Send all commands at once and read one reply for each."""
        self.send_bytes(b"".join(encode(*command) for command in commands))
        return [self.read_reply() for _ in commands]

    def read_all(self, timeout: float) -> tuple[bytes, bool]:
        """What arrives until the server is silent for `timeout` seconds, and whether it closed."""
        try:
            while True:
                self._receive(timeout)
        except TimeoutError:
            closed = False
        except Closed:
            closed = True
        received = bytes(self._buffer)
        self._buffer.clear()
        return received, closed

    def _receive(self, timeout: float | None) -> None:
        before = self.socket.gettimeout()
        if timeout is not None:
            self.socket.settimeout(timeout)
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        finally:
            self.socket.settimeout(before)
        if not data:
            raise Closed(bytes(self._buffer))
        self._buffer += data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
