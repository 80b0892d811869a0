"""What objects take in memory, as CPython lays them out.

Memory is counted as it changes, so each figure must come from a length or two. pymalloc rounds an
object of up to 512 bytes to 16, malloc a larger one with its header; tables know their own size.
What is true of this interpreter and of this build, compiled or not, is asked when the server starts.

Source: CPython's Objects/obmalloc.c, Objects/bytesobject.c and Objects/dictobject.c.
"""

from sys import getsizeof
from typing import Final

from mypy_extensions import i64, mypyc_attr

INT_BYTES: Final = 32
"""An integer that does not stand in CPython's table of small ones, or a double."""

_LARGEST_SHARED: Final = 1
_HEADER: Final = 33
_LARGEST_POOLED: Final = 512 - _HEADER

_PROBED: Final = 1024
_DICT_BYTES: Final[list[int]] = []


@mypyc_attr(acyclic=True)
class Ledger:
    """The sum of what is held.

    Attributes:
        total: bytes.
    """

    def __init__(self) -> None:
        self.total: i64 = 0


def text_bytes(length: i64) -> i64:
    """Bytes that a byte string of this length takes; the shortest are shared."""
    if length <= _LARGEST_SHARED:
        return 0
    if length <= _LARGEST_POOLED:
        return (length + _HEADER + 15) & -16
    return (length + _HEADER + 23) & -16


def texts_bytes(texts: list[bytes]) -> i64:
    """Bytes that these byte strings take."""
    total: i64 = 0
    for text in texts:
        total += text_bytes(len(text))
    return total


def string_bytes(value: object) -> i64:
    """Bytes that a string's value takes (see `values/string.py`); less than 0 if it is none."""
    if isinstance(value, bytes):
        return text_bytes(len(value))
    if isinstance(value, int):
        return INT_BYTES
    if isinstance(value, bytearray):
        return getsizeof(value)
    return -1


def dict_bytes(count: i64) -> i64:
    """Bytes of a dictionary that was filled with so many keys, one by one."""
    if count < _PROBED:
        return _DICT_BYTES[count]
    capacity: i64 = 2048
    while capacity * 2 // 3 < count:
        capacity *= 2
    index: i64 = 2 if capacity <= 1 << 16 else 4
    return 96 + capacity * index + capacity * 2 // 3 * 24


def shell_bytes(sample: object) -> int:
    """Bytes of an object like this one, without what its attributes refer to."""
    size = getsizeof(sample)
    attributes = getattr(sample, "__dict__", None)
    if attributes is not None:  # not compiled: a table of attributes, in which numbers are objects
        size += 16 + 8 * len(attributes)
        for each in attributes.values():
            if isinstance(each, int) and not isinstance(each, bool):
                size += INT_BYTES // 2
    return (size + 15) & -16


def boxed_bytes(sample: object) -> int:
    """Bytes of a number that stands in an object like this one, besides the object's own."""
    return INT_BYTES if hasattr(sample, "__dict__") else 0


def _probe() -> None:
    sample: dict[bytes, None] = {}
    for number in range(_PROBED):
        _DICT_BYTES.append(getsizeof(sample))
        sample[b"%d" % number] = None


_probe()
