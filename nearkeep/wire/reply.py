"""What a command answers, and how it stands on the wire.

A command returns a plain value; this module alone knows RESP. So the same answer goes to a RESP2
or RESP3 client, into a script, into JSON or to a caller in the same process.

    bytes      bulk string          None     null
    int        integer              float    double (RESP2: a bulk string)
    list       array                bool     boolean (RESP2: 1 or 0)
    Status     simple string        Failure  error
    Map        map (RESP2: flat)    SetReply set (RESP2: array)
    Pairs      array of pairs (RESP2: flat)
    Push       out-of-band message  Verbatim verbatim string (RESP2: bulk)
    BigNumber  big number           Raw      bytes that are RESP already
    Several    messages in a row

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from typing import Final

from mypy_extensions import i64

from nearkeep.wire.buffer import BytesWriter
from nearkeep.wire.double import format_double

Reply = object
"""Any of the values in this module's table."""

PARTS_FROM: Final = 65536
"""Strings of this many bytes or more are handed to the transport as they are, without a copy."""


class Status:
    """A simple string such as OK."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.wire = b"+" + text + b"\r\n"

    def __repr__(self) -> str:
        return f"Status({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Status) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


class Failure(Exception):
    """An error reply, `b"CODE what was wrong"`; returned or raised."""

    def __init__(self, message: bytes) -> None:
        super().__init__(message)
        self.message = message

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failure) and other.message == self.message

    def __hash__(self) -> int:
        return hash(self.message)


class Map:
    """A map, given flat: [key, value, key, value, …], so that order and any key type are kept."""

    def __init__(self, flat: list[object]) -> None:
        self.flat = flat


class SetReply:
    """An unordered collection without repeats."""

    def __init__(self, items: list[object]) -> None:
        self.items = items


class Pairs:
    """Pairs given flat: RESP2 clients get them flat, RESP3 clients as arrays of two."""

    def __init__(self, flat: list[object]) -> None:
        self.flat = flat


class Push:
    """An out-of-band message. One object goes to every receiver and is encoded once."""

    def __init__(self, items: list[object]) -> None:
        self.items = items
        self.resp2: bytes | None = None
        self.resp3: bytes | None = None
        self.forms: dict[str, bytes] | None = None
        """Other encodings, by name, once there are any."""
        self.id = b""
        """Where the message stands among those that are kept; empty for others."""


class Verbatim:
    """Text with a three-letter format, for people to read."""

    def __init__(self, text: bytes, kind: bytes = b"txt") -> None:
        self.text = text
        self.kind = kind


class BigNumber:
    """An integer beyond 64 bits, as decimal digits."""

    def __init__(self, digits: bytes) -> None:
        self.digits = digits


class Attribute:
    """A map of side information that precedes `reply` (RESP3 only)."""

    def __init__(self, flat: list[object], reply: object) -> None:
        self.flat = flat
        self.reply = reply


class Several:
    """Messages in a row that stand for one: within EXEC's array, what SUBSCRIBE answers."""

    def __init__(self, messages: list[object]) -> None:
        self.messages = messages


class Raw:
    """Bytes that stand in RESP already."""

    def __init__(self, resp2: bytes, resp3: bytes) -> None:
        self.resp2 = resp2
        self.resp3 = resp3


OK: Final = Status(b"OK")
QUEUED: Final = Status(b"QUEUED")
PONG: Final = Status(b"PONG")
NULL_ARRAY: Final = Raw(b"*-1\r\n", b"_\r\n")
EMPTY: Final = b""
NO_REPLY: Final = Raw(b"", b"")
"""The command answers nothing now: its answer went out as pushes, or comes when it unblocks."""

_CRLF: Final = b"\r\n"
_BULK: Final = [b"$%d\r\n" % size for size in range(1024)]
_ARRAY: Final = [b"*%d\r\n" % size for size in range(1024)]
_INTEGER: Final = [b":%d\r\n" % number for number in range(10_000)]
_INTEGER_HEAD: Final = [b":%d" % number for number in range(10_000)]
_INTEGER_TAIL: Final = [b"%04d\r\n" % number for number in range(10_000)]


class Writer:
    """Collects the replies of one client until they are sent.

    Short replies are copied into one buffer; strings of `PARTS_FROM` bytes and more are kept as
    they are, so that a large value is never copied on its way out.
    """

    def __init__(self) -> None:
        self.protocol = 2
        self._buffer = BytesWriter()
        self._parts: list[bytes] = []
        self._parts_size = 0

    def size(self) -> int:
        """Bytes waiting."""
        return self._parts_size + len(self._buffer)

    def take(self) -> list[bytes]:
        """All that waits, as byte strings to be sent in order; the writer is empty then."""
        parts = self._parts
        if len(self._buffer):
            if not parts:
                single = self._buffer.getvalue()
                self._buffer.truncate(0)
                return [single]
            parts.append(self._buffer.getvalue())
            self._buffer.truncate(0)
        self._parts = []
        self._parts_size = 0
        return parts

    def joined(self) -> bytes:
        """All that waits, as one byte string; the writer is empty then."""
        return b"".join(self.take())

    def raw(self, data: bytes) -> None:
        """Bytes that stand in RESP already."""
        self._buffer.write(data)

    def bulk(self, data: bytes) -> None:
        """One bulk string."""
        size = len(data)
        buffer = self._buffer
        if size < 1024:
            buffer.write(_BULK[size])
            buffer.write(data)
            buffer.write(_CRLF)
            return
        buffer.write(b"$%d\r\n" % size)
        if size >= PARTS_FROM:
            self._parts.append(buffer.getvalue())
            self._parts.append(data)
            self._parts_size += len(buffer) + size
            buffer.truncate(0)
        else:
            buffer.write(data)
        buffer.write(_CRLF)

    def _header(self, kind: bytes, size: int) -> None:
        if kind == b"*" and size < 1024:
            self._buffer.write(_ARRAY[size])
        else:
            self._buffer.write(b"%s%d\r\n" % (kind, size))

    def _items(self, items: list[object]) -> None:
        for item in items:
            if type(item) is bytes:
                self.bulk(item)
            else:
                self.reply(item)

    def reply(self, value: object) -> None:
        """Any reply, in the client's protocol."""
        if isinstance(value, bytes):
            self.bulk(value)
        elif isinstance(value, Status):
            self._buffer.write(value.wire)
        elif value is None:
            self._buffer.write(b"_\r\n" if self.protocol == 3 else b"$-1\r\n")
        elif isinstance(value, bool):
            if self.protocol == 3:
                self._buffer.write(b"#t\r\n" if value else b"#f\r\n")
            else:
                self._buffer.write(b":1\r\n" if value else b":0\r\n")
        elif isinstance(value, int):
            if 0 <= value < 10_000:
                self._buffer.write(_INTEGER[value])
            elif 0 < value < 100_000_000:
                number: i64 = value
                self._buffer.write(_INTEGER_HEAD[number // 10_000])
                self._buffer.write(_INTEGER_TAIL[number % 10_000])
            else:
                self._buffer.write(b":%d\r\n" % value)
        elif isinstance(value, list):
            self._header(b"*", len(value))
            self._items(value)
        else:
            self._rare(value)

    def _rare(self, value: object) -> None:
        resp3 = self.protocol == 3
        if isinstance(value, Raw):
            self._buffer.write(value.resp3 if resp3 else value.resp2)
        elif isinstance(value, Failure):
            line = value.message.rstrip(b"\r\n").replace(b"\r", b" ").replace(b"\n", b" ")
            self._buffer.write(b"-%s\r\n" % line)
        elif isinstance(value, float):
            text = format_double(value)
            if resp3:
                self._buffer.write(b",%s\r\n" % text)
            else:
                self.bulk(text)
        elif isinstance(value, Map):
            self._header(
                b"%" if resp3 else b"*", len(value.flat) // 2 if resp3 else len(value.flat)
            )
            self._items(value.flat)
        elif isinstance(value, SetReply):
            self._header(b"~" if resp3 else b"*", len(value.items))
            self._items(value.items)
        elif isinstance(value, Pairs):
            self._pairs(value)
        elif isinstance(value, Push):
            self._push(value)
        elif isinstance(value, Verbatim):
            if resp3:
                self._buffer.write(b"=%d\r\n%s:" % (len(value.text) + 4, value.kind))
                self._buffer.write(value.text)
                self._buffer.write(_CRLF)
            else:
                self.bulk(value.text)
        elif isinstance(value, BigNumber):
            if resp3:
                self._buffer.write(b"(%s\r\n" % value.digits)
            else:
                self.bulk(value.digits)
        elif isinstance(value, Attribute):
            if resp3:
                self._header(b"|", len(value.flat) // 2)
                self._items(value.flat)
            self.reply(value.reply)
        elif isinstance(value, bytearray):
            self.bulk(bytes(value))
        elif isinstance(value, Several):
            self._items(value.messages)
        else:
            raise TypeError(f"no RESP for {type(value).__name__}")

    def _pairs(self, value: Pairs) -> None:
        if self.protocol != 3:
            self._header(b"*", len(value.flat))
            self._items(value.flat)
            return
        self._header(b"*", len(value.flat) // 2)
        for index in range(0, len(value.flat), 2):
            self._buffer.write(_ARRAY[2])
            self.reply(value.flat[index])
            self.reply(value.flat[index + 1])

    def _push(self, value: Push) -> None:
        resp3 = self.protocol == 3
        wire = value.resp3 if resp3 else value.resp2
        if wire is None:
            alone = Writer()
            alone.protocol = self.protocol
            alone._header(b">" if resp3 else b"*", len(value.items))
            alone._items(value.items)
            wire = alone.joined()
            if resp3:
                value.resp3 = wire
            else:
                value.resp2 = wire
        if len(wire) < PARTS_FROM:
            self._buffer.write(wire)
        else:
            if len(self._buffer):
                self._parts_size += len(self._buffer)
                self._parts.append(self._buffer.getvalue())
                self._buffer.truncate(0)
            self._parts.append(wire)
            self._parts_size += len(wire)


def encode(value: object, protocol: int = 2) -> bytes:
    """One reply as RESP bytes."""
    writer = Writer()
    writer.protocol = protocol
    writer.reply(value)
    return writer.joined()
