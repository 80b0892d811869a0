"""The work of the Lua modules `bit` and `struct`, and the floats of `cmsgpack`.

Arguments come checked (see numbers.lua): numbers, or strings that Lua takes for numbers. What is
wrong nonetheless is answered as `(False, problem, position)`, the position of the argument or None.

Source: https://redis.io/docs/latest/develop/programmability/lua-api/#struct-library
"""

import math
import struct
from collections.abc import Callable
from typing import Final, Literal

_WORD: Final = 0xFFFFFFFF
_LONG: Final = 0xFFFFFFFFFFFFFFFF
_EXACT: Final = 1 << 51
_SHIFT: Final = float(3 << 51)
_LARGEST: Final = 32
_SIZES: Final = {"b": 1, "h": 2, "l": 8, "T": 8, "i": 4}
_NATIVE: Final = 8


def tobit(value: object) -> int:
    """A number as a signed 32-bit integer; halves are rounded to even."""
    number = _number(value)
    if isinstance(number, int) and -_EXACT <= number <= _EXACT:
        return _signed(number)
    # The low bits of the mantissa, once the number is shifted to where they are the integer's.
    low: int = struct.unpack("<i", struct.pack("<d", float(number) + _SHIFT)[:4])[0]
    return low


def _number(value: object) -> int | float:
    if isinstance(value, (int, float)):
        return value
    assert isinstance(value, bytes)
    text = value.strip().lower()
    return int(text, 16) if b"0x" in text else float(text)


def _signed(word: int) -> int:
    return ((word + 0x80000000) & _WORD) - 0x80000000


def band(*values: object) -> int:
    word = _WORD
    for value in values:
        word &= tobit(value)
    return _signed(word)


def bor(*values: object) -> int:
    word = 0
    for value in values:
        word |= tobit(value)
    return _signed(word)


def bxor(*values: object) -> int:
    word = 0
    for value in values:
        word ^= tobit(value)
    return _signed(word)


def bnot(value: object, *_rest: object) -> int:
    return ~tobit(value)


def bswap(value: object, *_rest: object) -> int:
    return int.from_bytes((tobit(value) & _WORD).to_bytes(4, "little"), "big", signed=True)


def lshift(value: object, by: object, *_rest: object) -> int:
    return _signed(tobit(value) << (tobit(by) & 31))


def rshift(value: object, by: object, *_rest: object) -> int:
    return _signed((tobit(value) & _WORD) >> (tobit(by) & 31))


def arshift(value: object, by: object, *_rest: object) -> int:
    return tobit(value) >> (tobit(by) & 31)


def rol(value: object, by: object, *_rest: object) -> int:
    word = tobit(value) & _WORD
    count = tobit(by) & 31
    return _signed(word << count | word >> (32 - count))


def ror(value: object, by: object, *_rest: object) -> int:
    return rol(value, 32 - (tobit(by) & 31))


def tohex(value: object, digits: object = 8, *_rest: object) -> bytes:
    count = tobit(digits)
    text = b"%08x" % (tobit(value) & _WORD)
    if count < 0:
        text, count = text.upper(), -count
    return text[max(8 - count, 0) :]


# ---- struct


class _Problem(Exception):
    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message.encode()
        self.position = position


class _Format:
    """Goes through a format: each option with its size and the padding before it."""

    def __init__(self, text: bytes, name: str) -> None:
        self.text = text.decode("latin-1")
        self.name = name
        self.at = 0
        self.order: Literal["little", "big"] = "little"
        self.align = 1

    def _count(self, default: int) -> int:
        start = self.at
        while self.at < len(self.text) and "0" <= self.text[self.at] <= "9":
            self.at += 1
        if start == self.at:
            return default
        count = int(self.text[start : self.at])
        if count > 0x7FFFFFFF:
            raise _Problem("integral size overflow")
        return count

    def next(self) -> tuple[str, int]:
        """The next option and its size; ("", 0) at the end."""
        while self.at < len(self.text):
            option = self.text[self.at]
            self.at += 1
            if option == " ":
                continue
            if option in "<>":
                self.order = "little" if option == "<" else "big"
            elif option == "!":
                self.align = self._count(_NATIVE)
                if self.align == 0 or self.align & (self.align - 1):
                    raise _Problem(f"alignment {self.align} is not a power of 2")
            else:
                return option, self._size(option)
        return "", 0

    def _size(self, option: str) -> int:
        if option in "fd":
            return 4 if option == "f" else 8
        if option == "x":
            return 1
        if option == "c":
            return self._count(1)
        if option == "s":
            return 0
        if option in "iI":
            size = self._count(4)
            if size > _LARGEST:
                raise _Problem(f"integral size {size} is larger than limit of {_LARGEST}")
            return size
        size = _SIZES.get(option if option == "T" else option.lower(), 0)
        if size == 0 or option == "t":
            raise _Problem(f"invalid format option '{option}'", 1)
        return size

    def padding(self, option: str, size: int, at: int) -> int:
        """Bytes to be skipped so that an option is aligned."""
        if size == 0 or option in "cx":
            return 0
        align = min(size, self.align)
        if align <= 1:
            return 0
        if align & (align - 1):
            raise _Problem(f"alignment {align} is not a power of 2")
        return -at % align


_Failed = tuple[bool, bytes, int | None]


def _text(value: object) -> bytes:
    return value if isinstance(value, bytes) else b"%.14g" % _number(value)


def struct_pack(form: object, *values: object) -> bytes | _Failed:
    try:
        return _pack(_Format(_text(form), "pack"), values)
    except _Problem as problem:
        return (False, problem.message, problem.position)


def _pack(form: _Format, values: tuple[object, ...]) -> bytes:
    packed = bytearray()
    taken = 0
    option, size = form.next()
    while option:
        packed += bytes(form.padding(option, size, len(packed)))
        if option == "x":
            packed.append(0)
        else:
            value = values[taken] if taken < len(values) else None
            taken += 1
            packed += _packed(form, option, size, value, taken + 1)
        option, size = form.next()
    return bytes(packed)


def _packed(form: _Format, option: str, size: int, value: object, position: int) -> bytes:
    if option in "sc":
        if not isinstance(value, (bytes, int, float)) or isinstance(value, bool):
            raise _Problem(f"string expected, got {_kind(value)}", position)
        text = _text(value)
        if option == "s":
            return text + b"\0"
        if size and len(text) < size:
            raise _Problem("string too short", position + 1)
        return text[:size] if size else text
    number = _given(value, position)
    if option in "fd":
        code = ("<" if form.order == "little" else ">") + option
        try:
            return struct.pack(code, number)
        except OverflowError:
            return struct.pack(code, float("inf") if number > 0 else float("-inf"))
    word = _whole(number) & _LONG
    if size < 8:
        word &= (1 << 8 * size) - 1
    return word.to_bytes(size, form.order)


def _given(value: object, position: int) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        try:
            return _number(value)
        except ValueError:
            pass
    raise _Problem(f"number expected, got {_kind(value)}", position)


def _whole(number: int | float) -> int:  # noqa: PYI041 - compiled, a float is no int
    if isinstance(number, float) and not math.isfinite(number):
        return 1 << 63
    return int(number)


def _kind(value: object) -> str:
    if value is None:
        return "nil"
    if isinstance(value, bytes):
        return "string"
    return "boolean" if isinstance(value, bool) else "table"


def struct_unpack(form: object, data: object, start: object = 1, *_rest: object) -> object:
    try:
        return tuple(_unpack(_Format(_text(form), "unpack"), _text(data), start))
    except _Problem as problem:
        return (False, problem.message, problem.position)


def _unpack(form: _Format, data: bytes, start: object) -> list[object]:
    at = int(_given(start, 3)) - 1
    if at == -1:
        raise _Problem("offset must be 1 or greater", 3)
    if at < 0:
        at = len(data) + 1
    found: list[object] = []
    option, size = form.next()
    while option:
        at += form.padding(option, size, at)
        if at + size > len(data):
            raise _Problem("data string too short", 2)
        if option == "c":
            if size == 0:
                if not found or not isinstance(found[-1], int):
                    raise _Problem("format 'c0' needs a previous size")
                size = int(found.pop())  # type: ignore[call-overload]
                if size < 0 or at + size > len(data):
                    raise _Problem("data string too short", 2)
            found.append(data[at : at + size])
        elif option == "s":
            end = data.find(0, at)
            if end < 0:
                raise _Problem("unfinished string in data")
            found.append(data[at:end])
            size = end - at + 1
        elif option != "x":
            found.append(_unpacked(form, option, data[at : at + size]))
        at += size
        option, size = form.next()
    found.append(at + 1)
    return found


def _unpacked(form: _Format, option: str, data: bytes) -> int | float:
    if option in "fd":
        code = ("<" if form.order == "little" else ">") + option
        value: float = struct.unpack(code, data)[0]
        return value
    low = data[:8] if form.order == "little" else data[-8:]
    signed = option.islower() or option == "T"
    number = int.from_bytes(low, form.order, signed=signed)
    return number if number < 1 << 63 else float(number)


def struct_size(form: object, *_rest: object) -> int | _Failed:
    try:
        return _size(_Format(_text(form), "size"))
    except _Problem as problem:
        return (False, problem.message, problem.position)


def _size(form: _Format) -> int:
    total = 0
    option, size = form.next()
    while option:
        total += form.padding(option, size, total)
        if option == "s" or (option == "c" and size == 0):
            named = "c0" if option == "c" else "s"
            raise _Problem(f"option '{named}' has no fixed size", 1)
        total += size
        option, size = form.next()
    return total


# ---- the floats and longs of MessagePack


def pack_float(value: object) -> bytes:
    """A float as MessagePack: in four bytes where that loses nothing."""
    number = float(_number(value))
    try:
        if struct.unpack(">f", struct.pack(">f", number))[0] == number:
            return b"\xca" + struct.pack(">f", number)
    except OverflowError:
        pass
    if number != number:  # noqa: PLR0124 - the sign that x86 gives to 0/0
        return b"\xcb\xff\xf8\0\0\0\0\0\0"
    return b"\xcb" + struct.pack(">d", number)


def pack_long(value: object) -> bytes:
    return b"\xd3" + struct.pack(">q", int(_number(value)))


def read_float(data: object) -> float:
    assert isinstance(data, bytes)
    number: float = struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    return number


def read_long(data: object) -> int:
    assert isinstance(data, bytes)
    return int.from_bytes(data, "big", signed=True)


FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
    "tobit": tobit,
    "band": band,
    "bor": bor,
    "bxor": bxor,
    "bnot": bnot,
    "bswap": bswap,
    "lshift": lshift,
    "rshift": rshift,
    "arshift": arshift,
    "rol": rol,
    "ror": ror,
    "tohex": tohex,
    "struct_pack": struct_pack,
    "struct_unpack": struct_unpack,
    "struct_size": struct_size,
    "pack_float": pack_float,
    "pack_long": pack_long,
    "read_float": read_float,
    "read_long": read_long,
}
"""What Lua finds under these names."""
