"""How often keys were used that were evicted not long ago.

What it must do: in O(1) and some four bytes for each key that memory holds, tell a key that returns
from one that was never seen. It may err now and then: then a key stays a little longer or shorter.

There are two tables of bytes, by the low bits of a key's hash. A byte is four other bits of the hash
and a count. When two thirds as many keys have gone as there are, the younger table becomes the older
one, and an empty one begins.
"""

from typing import Final

from mypy_extensions import i64

MOST: Final = 15
"""The highest count that is kept."""

_LEAST_SIZE: Final = 1 << 10


class Recent:
    """Counts from 1 to MOST by keys, which are soon forgotten."""

    def __init__(self) -> None:
        self._young = bytearray()
        self._old = bytearray()
        self._room: i64 = 0  # keys that the younger table still takes

    def memory(self) -> int:
        """Bytes that it takes."""
        return len(self._young) + len(self._old)

    def clear(self) -> None:
        """Forgets all."""
        self._young = bytearray()
        self._old = bytearray()
        self._room = 0

    def note(self, key: bytes, count: i64, keys: i64) -> None:
        """Keeps the count of a key, where memory holds so many keys."""
        if self._room == 0:
            self._old = self._young
            size: i64 = _LEAST_SIZE
            while size < keys * 2:
                size *= 2
            self._young = bytearray(size)
            self._room = keys * 2 // 3 + 1
        self._room -= 1
        code: i64 = hash(key)
        mask: i64 = len(self._young) - 1
        self._young[code & mask] = (((code >> 40) & 15) << 4) | min(count, MOST)

    def recall(self, key: bytes) -> i64:
        """The count of a key, 0 if it is not known."""
        code: i64 = hash(key)
        count = _look(self._young, code)
        return count or _look(self._old, code)


def _look(table: bytearray, code: i64) -> i64:
    size: i64 = len(table)
    if size == 0:
        return 0
    found: i64 = table[code & (size - 1)]
    return found & MOST if found >> 4 == (code >> 40) & 15 else 0
