"""Numbers and strings as Redis reads and writes them in commands."""

import math
from typing import Final

from nearkeep.wire.reply import Failure
from nearkeep.wire.request import parse_integer

NOT_INTEGER: Final = Failure(b"ERR value is not an integer or out of range")
NOT_FLOAT: Final = Failure(b"ERR value is not a valid float")
SYNTAX_ERROR: Final = Failure(b"ERR syntax error")

_DECIMAL: Final = frozenset(b"0123456789+-.eEinfINFtyTY")
_HEXADECIMAL: Final = frozenset(b"0123456789+-.abcdefABCDEFpPxX")


def integer(text: bytes) -> int:
    """A signed 64-bit integer.

    Raises:
        Failure: it is none.
    """
    number = parse_integer(text)
    if number is None:
        raise Failure(NOT_INTEGER.message)
    return number


def number_or(text: bytes, message: bytes) -> int:
    """A signed 64-bit integer, or a failure with a message of its own."""
    number = parse_integer(text)
    if number is None:
        raise Failure(message)
    return number


def double(text: bytes) -> float:
    """A double as the C function strtod reads it, and no NaN.

    Raises:
        Failure: it is none, or so large or small that it would be read as infinity or 0.
    """
    number = parse_double(text)
    if number is None:
        raise Failure(NOT_FLOAT.message)
    return number


def double_or(text: bytes, message: bytes) -> float:
    """The same, or a failure with a message of its own."""
    number = parse_double(text)
    if number is None:
        raise Failure(message)
    return number


def parse_double(text: bytes) -> float | None:
    """The same, or None."""
    whole = parse_integer(text)
    if whole is not None:
        return float(whole)
    hexadecimal = b"x" in text or b"X" in text
    if not (_HEXADECIMAL if hexadecimal else _DECIMAL).issuperset(text):
        return None  # blanks, underscores and the digits of other scripts, which Python would take
    try:
        number = float.fromhex(text.decode()) if hexadecimal else float(text)
    except (ValueError, OverflowError):
        return None
    if number == 0.0:
        significand = text.lower().partition(b"p" if hexadecimal else b"e")[0]
        return None if significand.strip(b"+-0.x") else number
    if math.isnan(number) or (math.isinf(number) and b"i" not in text.lower()):
        return None
    return number


def lenient_double(text: bytes) -> float | None:
    """A double as bounds of scores are read, or None: to the first NUL, and nothing is 0.

    No hexadecimal numbers; what is too large or too small is read as infinity or 0.
    """
    whole = parse_integer(text)
    if whole is not None:
        return float(whole)
    shown = c_string(text)
    if not shown:
        return 0.0
    if not _DECIMAL.issuperset(shown):
        return None
    try:
        number = float(shown)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def int32(text: bytes) -> int:
    """A signed 32-bit integer.

    Raises:
        Failure: it is none; one that is too large is told the range.
    """
    number = integer(text)
    if not -0x80000000 <= number <= 0x7FFFFFFF:
        raise Failure(b"ERR value is out of range, value must between -2147483648 and 2147483647")
    return number


def int32_or(text: bytes, message: bytes) -> int:
    """A signed 32-bit integer, or a failure with a message of its own."""
    number = parse_integer(text)
    if number is None or not -0x80000000 <= number <= 0x7FFFFFFF:
        raise Failure(message)
    return number


def c_string(text: bytes) -> bytes:
    """A text as Redis' C functions see it, and as error replies show it: to its first NUL."""
    return text.partition(b"\x00")[0]


def no_such_form(args: list[bytes]) -> Failure:
    """The error of a subcommand that takes its arguments in other numbers."""
    return Failure(
        b"ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP."
        % (c_string(args[1][:128]), args[0].upper())
    )


def quoted(text: bytes) -> bytes:
    """Text in double quotes, with all that can't be printed escaped."""
    parts = bytearray(b'"')
    for char in text:
        escape = _ESCAPES.get(char)
        if escape is not None:
            parts += escape
        elif 32 <= char < 127:
            parts.append(char)
        else:
            parts += b"\\x%02x" % char
    parts += b'"'
    return bytes(parts)


_ESCAPES: Final = {
    34: b'\\"',
    92: b"\\\\",
    10: b"\\n",
    13: b"\\r",
    9: b"\\t",
    7: b"\\a",
    8: b"\\b",
}
