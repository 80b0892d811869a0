"""Replies ⇄ Lua values.

What has no counterpart crosses the border as a row of tokens: strings and numbers stand for
themselves, False for null, and True announces a code with what belongs to it.

    ARRAY n, n values      OK text       ERROR text     DOUBLE number    MAP n, 2n values
    SET n, n values        BIG digits    VERBATIM format, text           TRUE          FALSE

sandbox.lua has the other side of this.

Source: https://redis.io/docs/latest/develop/programmability/lua-api/#data-type-conversion
"""

import math
from typing import Final

from nearkeep.engine.text import integer
from nearkeep.wire.double import format_double
from nearkeep.wire.reply import (
    Attribute,
    BigNumber,
    Failure,
    Map,
    Pairs,
    Push,
    Raw,
    Reply,
    SetReply,
    Status,
    Verbatim,
)

STATUS: Final = 1
FAILURE: Final = 2
FLAT: Final = 3
NESTED: Final = 4
LONG: Final = 5

_ARRAY: Final = 1
_OK: Final = 2
_ERROR: Final = 3
_DOUBLE: Final = 4
_MAP: Final = 5
_SET: Final = 6
_BIG: Final = 7
_VERBATIM: Final = 8
_TRUE: Final = 9
_FALSE: Final = 10

MOST: Final = 1000
"""Values that cross the border at once; more would not fit Lua's stack."""


def flat(items: list[object], protocol: int) -> bool:
    """Whether the items can stand in Lua as they are, once None is what the protocol has for it."""
    for item in items:
        kind = type(item)
        if kind is not bytes and kind is not int and (item is not None or protocol == 3):
            return False
    return True


def tokens_of(reply: Reply, protocol: int, tokens: list[object]) -> None:
    """Appends a reply as tokens, as a client of that protocol would be answered."""
    if isinstance(reply, bytes):
        tokens.append(reply)
    elif reply is None:
        tokens.append(False)
    elif isinstance(reply, bool):
        if protocol == 3:
            tokens += (True, _TRUE if reply else _FALSE)
        else:
            tokens.append(1 if reply else 0)
    elif isinstance(reply, int):
        tokens.append(reply)
    elif isinstance(reply, list):
        _add_items(_ARRAY, len(reply), reply, protocol, tokens)
    elif isinstance(reply, Status):
        tokens += (True, _OK, reply.text)
    elif isinstance(reply, Failure):
        tokens += (True, _ERROR, reply.message)
    elif isinstance(reply, float):
        if protocol == 3:
            tokens += (True, _DOUBLE, reply)
        else:
            tokens.append(format_double(reply))
    elif isinstance(reply, Map):
        if protocol == 3:
            _add_items(_MAP, len(reply.flat) // 2, reply.flat, protocol, tokens)
        else:
            _add_items(_ARRAY, len(reply.flat), reply.flat, protocol, tokens)
    elif isinstance(reply, SetReply):
        kind = _SET if protocol == 3 else _ARRAY
        _add_items(kind, len(reply.items), reply.items, protocol, tokens)
    else:
        _rare_tokens(reply, protocol, tokens)


def _rare_tokens(reply: Reply, protocol: int, tokens: list[object]) -> None:
    if isinstance(reply, Pairs):
        if protocol == 3:
            pairs: list[object] = [
                [reply.flat[index], reply.flat[index + 1]] for index in range(0, len(reply.flat), 2)
            ]
            _add_items(_ARRAY, len(pairs), pairs, protocol, tokens)
        else:
            _add_items(_ARRAY, len(reply.flat), reply.flat, protocol, tokens)
    elif isinstance(reply, Verbatim):
        if protocol == 3:
            tokens += (True, _VERBATIM, reply.kind, reply.text)
        else:
            tokens.append(reply.text)
    elif isinstance(reply, BigNumber):
        if protocol == 3:
            tokens += (True, _BIG, reply.digits)
        else:
            tokens.append(reply.digits)
    elif isinstance(reply, Attribute):
        tokens_of(reply.reply, protocol, tokens)
    elif isinstance(reply, bytearray):
        tokens.append(bytes(reply))
    elif isinstance(reply, Push):
        _add_items(_ARRAY, len(reply.items), reply.items, protocol, tokens)
    elif isinstance(reply, Raw) and not reply.resp2.startswith((b"*-1", b"$-1")):
        tokens_of(_plain(reply.resp2), protocol, tokens)
    else:
        tokens.append(False)


def _add_items(
    kind: int, count: int, items: list[object], protocol: int, tokens: list[object]
) -> None:
    tokens += (True, kind, count)
    for item in items:
        tokens_of(item, protocol, tokens)


def _plain(wire: bytes) -> Reply:
    """The value of a reply that stands in RESP already, if it is a simple one."""
    line, _, rest = wire.partition(b"\r\n")
    kind, text = line[:1], line[1:]
    if kind == b"+":
        return Status(text)
    if kind == b"-":
        return Failure(text)
    if kind == b":":
        return integer(text)
    if kind == b"$":
        return rest[: int(text)]
    if line == b"*0":
        return list[object]()
    raise ValueError(f"no Lua value for {wire!r}")


def number_word(number: int | float) -> bytes:  # noqa: PYI041 - compiled, a float is no int
    """A Lua number as a word of a command."""
    if isinstance(number, int) and -(1 << 52) <= number <= 1 << 52:
        return b"%d" % number
    return format_double(float(number))


def whole(number: int | float) -> int:  # noqa: PYI041
    """A Lua number as an integer reply: the fraction is cut off."""
    if isinstance(number, float):
        if not math.isfinite(number):
            return -(1 << 63)
        number = int(number)
    return number if -(1 << 63) <= number < 1 << 63 else -(1 << 63)


class Tokens:
    """Reads a row of tokens, as a script's result."""

    def __init__(self, tokens: list[object]) -> None:
        self._tokens = tokens
        self._at = 0

    def _next(self) -> object:
        self._at += 1
        return self._tokens[self._at - 1]

    def _text(self) -> bytes:
        text = self._next()
        assert isinstance(text, bytes)
        return text

    def _number(self) -> int | float:
        number = self._next()
        assert isinstance(number, (int, float))
        return number

    def _items(self, count: int) -> list[object]:
        return [self.value() for _ in range(count)]

    def value(self) -> Reply:
        """The next value."""
        token = self._next()
        if isinstance(token, bytes):
            return token
        if token is False or token is None:
            return None
        if token is not True:
            assert isinstance(token, (int, float))
            return whole(token)
        kind = int(self._number())
        if kind == _ARRAY:
            return self._items(int(self._number()))
        if kind == _OK:
            return Status(one_line(self._text()))
        if kind == _ERROR:
            return Failure(one_line(self._text()))
        if kind == _DOUBLE:
            return float(self._number())
        if kind == _MAP:
            return Map(self._items(2 * int(self._number())))
        if kind == _SET:
            return SetReply(self._items(int(self._number())))
        if kind == _BIG:
            return BigNumber(one_line(self._text()))
        if kind == _VERBATIM:
            form = self._text()
            return Verbatim(self._text(), (form + b"   ")[:3])
        return kind == _TRUE


def one_line(text: bytes) -> bytes:
    """Text without line ends, as simple strings and errors must be."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")
