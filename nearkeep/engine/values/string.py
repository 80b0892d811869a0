"""Strings. In the keyspace one of three: `bytes`, `int`, or a `bytearray` that grows in place.

An `int` is the canonical decimal of a signed 64-bit integer; it takes less memory and counts
without parsing. A `bytearray` is what APPEND and SETRANGE leave, so that appending is amortised
O(1) in what is appended. OBJECT ENCODING calls them int, embstr or raw as Redis does.
"""

from typing import Final

from nearkeep.engine.values.value import WRONG_TYPE, Value
from nearkeep.wire.reply import Failure
from nearkeep.wire.request import parse_integer

_EMBEDDED: Final = 41
"""Bytes of key and value that Redis 8.2 keeps in one allocation; an expiry takes eight of them."""


def compact(data: bytes) -> object:
    """A string as the keyspace keeps it."""
    if len(data) <= 20:
        number = parse_integer(data)
        if number is not None:
            return number
    return data


def string_of(value: object) -> bytes:
    """The bytes of a string value.

    Raises:
        Failure: it is of another type.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, bytearray):
        return bytes(value)
    raise Failure(WRONG_TYPE.message)


def is_string(value: object) -> bool:
    """Whether a value is a string."""
    return isinstance(value, (bytes, int, bytearray))


def string_length(value: object) -> int:
    """Length in bytes of a string value.

    Raises:
        Failure: it is of another type.
    """
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    return len(string_of(value))


def growable(value: object) -> bytearray:
    """A string value to be changed in place; the same object if it was one already.

    Raises:
        Failure: it is of another type.
    """
    if isinstance(value, bytearray):
        return value
    return bytearray(string_of(value))


def string_encoding(value: object, key: bytes, expires: bool) -> bytes:
    """The name that OBJECT ENCODING gives to a string value at a key."""
    if isinstance(value, int):
        return b"int"
    if not isinstance(value, bytes):
        return b"raw"
    size = len(key) + len(value)
    room = _EMBEDDED - 8 if expires else _EMBEDDED
    # Redis' allocator gives keys from 32 bytes on more than they ask for, which an expiry then fits.
    if size <= room or (size in (40, 41) and len(key) >= 32):
        return b"embstr"
    return b"raw"


def as_encoded(value: object, key: bytes, expires: bool) -> object:
    """A value that is about to get another key or to lose its expiry: if it is raw, it stays so."""
    if not isinstance(value, bytes) or len(value) > _EMBEDDED:
        return value
    return value if string_encoding(value, key, expires) == b"embstr" else bytearray(value)


def type_name(value: object) -> bytes:
    """The type of any value, as TYPE names it."""
    if isinstance(value, Value):
        return value.type_name()
    return b"string"


def copy_value(value: object) -> object:
    """A value of its own with equal content; what can't change may be shared."""
    if isinstance(value, Value):
        return value.copy()
    if isinstance(value, bytearray):
        return bytearray(value)
    return value
