"""Arrays of floating-point numbers of one width: the FPHA option of JSON.SET.

An array of numbers of which one is no integer is held as numbers of that width. Here they are
doubles with the fewest digits that mean the same number in that width.

Source: https://redis.io/docs/latest/commands/json.set/
"""

import struct
from typing import Any, Final

from nearkeep.wire.reply import Failure

WIDTHS: Final = {b"FP16": b"F16", b"BF16": b"BF16", b"FP32": b"F32", b"FP64": b"F64"}
"""The names of the option, and those in errors."""

_DIGITS: Final = 17
"""With so many a double is told from all others."""


def narrowed(value: object, width: bytes) -> object:
    """A value in which the arrays of numbers have that width; arrays are changed in place.

    Raises:
        Failure: a number is out of its range.
    """
    if isinstance(value, dict):
        for item in value.values():
            narrowed(item, width)
    elif isinstance(value, list):
        if _is_homogeneous(value):
            value[:] = [_shortest(float(item), width) for item in value]
        else:
            for item in value:
                narrowed(item, width)
    return value


def _is_homogeneous(items: list[Any]) -> bool:
    kinds = {type(item) for item in items}
    return float in kinds and kinds <= {int, float}


def _shortest(number: float, width: bytes) -> float:
    target = _rounded(number, width)
    for digits in range(1, _DIGITS):
        short = float(f"{target:.{digits}g}")
        if _fits(short, width) and _rounded(short, width) == target:
            return short
    return target


def _fits(number: float, width: bytes) -> bool:
    try:
        _rounded(number, width)
    except Failure:
        return False
    return True


def _rounded(number: float, width: bytes) -> float:
    """The nearest number of that width, ties to even."""
    if width == b"FP64":
        return number
    try:
        if width == b"FP16":
            return float(struct.unpack("<e", struct.pack("<e", number))[0])
        single = struct.pack("<f", number)
    except OverflowError:
        raise _out_of_range(width) from None
    if width == b"FP32":
        return float(struct.unpack("<f", single)[0])
    bits = int.from_bytes(single, "little")
    bits = bits + 0x7FFF + (bits >> 16 & 1) & ~0xFFFF
    if bits & 0x7F800000 == 0x7F800000:
        raise _out_of_range(width)
    return float(struct.unpack("<f", bits.to_bytes(4, "little"))[0])


def _out_of_range(width: bytes) -> Failure:
    return Failure(b"value out of range for %s" % WIDTHS[width])
