"""Lists.

What one must do: push and pop at either end in O(1), and find, insert and remove in the middle of a
million elements without moving them all. So the elements stand in blocks, Python lists of at most
`_BLOCK` each, in a list of blocks. An end is a small list to which adding is cheap; an index is
found by the lengths of the blocks, from the nearer end; a part of the list is a few slices.

Redis keeps a list in one listpack, or, once that would exceed `list-max-listpack-size`, in a
quicklist, and back in one when few elements are left. OBJECT ENCODING shows which of the two, and so
do we: of a list that is small, the bytes that it would take as a listpack are counted.
"""

from typing import Final

from mypy_extensions import i64

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.footprint import text_bytes, texts_bytes
from nearkeep.engine.values.value import Value
from nearkeep.wire.request import parse_integer

_BLOCK: Final = 256
"""Elements of a block at most."""

_UNKNOWN: Final = -1
_LISTPACK_FRAME: Final = 7
_LISTPACK_LIMITS: Final = (4096, 8192, 16384, 32768, 65536)
"""Bytes for list-max-listpack-size of -1, -2, …; 8192 is also the limit where it is a number."""

_EMPTY_BYTES: Final = 96
"""The list of blocks."""

_BLOCK_BYTES: Final = 88
"""A block without its elements: its list, the room that it keeps to grow, its place among others."""

_PLACE_BYTES: Final = 9
"""An element's place in its block."""

_SAMPLED: Final = 16
"""Elements of a block by which the block is weighed, where there are many blocks."""

_RECOUNTED: Final = 4096
"""Elements that are weighed one by one."""


class List(Value):
    """A list of byte strings.

    What gets `settings` may change how the list is held, by Redis' `list-max-listpack-size`.

    Attributes:
        blocks: the elements in order; no block is empty. To be read only.
    """

    def __init__(self) -> None:
        self.blocks: list[list[bytes]] = []
        self._count: i64 = 0
        self._packed = True
        self._limit: i64 = -2  # list-max-listpack-size when it became what it is
        self._bytes: i64 = _LISTPACK_FRAME  # as a listpack, while that is known
        self.held = _EMPTY_BYTES

    def type_name(self) -> bytes:
        return b"list"

    def encoding(self, settings: Settings) -> bytes:
        return b"listpack" if self._packed else b"quicklist"

    def copy(self) -> "List":
        other = List()
        other.blocks = [block.copy() for block in self.blocks]
        other._count = self._count
        other._packed = self._packed
        other._limit = self._limit
        other._bytes = self._bytes
        other.held = self.held
        return other

    def __len__(self) -> int:
        return self._count

    def release(self, limit: int) -> bool:
        del self.blocks[-max(limit // _BLOCK, 1) :]
        return bool(self.blocks)

    # ---- the ends

    def push(self, elements: list[bytes], left: bool, settings: Settings) -> None:
        """Adds elements one after the other at an end."""
        self._expect(elements, settings)
        blocks = self.blocks
        most = self._capacity()
        added: i64 = 0
        for element in elements:
            added += text_bytes(len(element)) + _PLACE_BYTES
            if left:
                if not blocks or len(blocks[0]) >= most:
                    blocks.insert(0, [element])
                    added += _BLOCK_BYTES
                else:
                    blocks[0].insert(0, element)
            elif not blocks or len(blocks[-1]) >= most:
                blocks.append([element])
                added += _BLOCK_BYTES
            else:
                blocks[-1].append(element)
        self._count += len(elements)
        self.grow(added)

    def pop(self, left: bool) -> bytes:
        """Removes the element at an end and returns it; the list must not be empty."""
        blocks = self.blocks
        block = blocks[0] if left else blocks[-1]
        element = block.pop(0) if left else block.pop()
        self._count -= 1
        gone: i64 = text_bytes(len(element)) + _PLACE_BYTES
        if not block:
            blocks.pop(0 if left else -1)
            gone += _BLOCK_BYTES
        self.grow(-gone)
        if self._bytes >= 0:
            self._bytes -= packed_size(element)
        if not self._packed:
            self._shrunk()
        return element

    def pop_many(self, count: int, left: bool) -> list[bytes]:
        """Removes up to `count` elements at an end and returns them, the outermost first."""
        size: i64 = self._count
        if count >= size:
            popped = self.slice(0, size - 1)
            self.trim(1, 0)
        elif left:
            popped = self.slice(0, count - 1)
            self.trim(count, size - 1)
        else:
            popped = self.slice(size - count, size - 1)
            self.trim(0, size - count - 1)
        if not left:
            popped.reverse()
        return popped

    # ---- by index, from 0

    def at(self, index: i64) -> bytes:
        """The element at an index, which must be there."""
        place, offset = self._place(index)
        return self.blocks[place][offset]

    def set(self, index: i64, element: bytes, settings: Settings) -> bool:
        """Replaces the element at an index; whether there is one."""
        self._expect([element], settings)
        if not 0 <= index < self._count:
            self._bytes = _UNKNOWN
            return False
        place, offset = self._place(index)
        block = self.blocks[place]
        if self._bytes >= 0:
            self._bytes -= packed_size(block[offset])
        self.grow(text_bytes(len(element)) - text_bytes(len(block[offset])))
        block[offset] = element
        self._shrunk()
        return True

    def slice(self, start: i64, stop: i64) -> list[bytes]:
        """The elements from one index to another, which is included; a new list."""
        if stop < start:
            return []
        blocks = self.blocks
        place, offset = self._place(start)
        left = stop - start + 1
        found = blocks[place][offset : offset + left]
        left -= len(found)
        while left > 0:
            place += 1
            block = blocks[place]
            size: i64 = len(block)
            if size > left:
                found += block[:left]
            else:
                found += block
            left -= size
        return found

    def trim(self, start: i64, stop: i64) -> "List":
        """Keeps the elements from one index to another, which is included.

        Returns the blocks of which all elements go, to be freed.
        """
        blocks = self.blocks
        rest = List()
        if stop < start:
            rest.blocks = blocks
            rest.held = self.held
            self.grow(_EMPTY_BYTES - self.held)
            self.blocks = []
            self._bytes = _UNKNOWN
        else:
            last, end = self._place(stop)
            first, begin = self._place(start)
            if self._bytes >= 0 and first == 0 and last == len(blocks) - 1:
                self._forget(blocks[last][end + 1 :])
                self._forget(blocks[first][:begin])
            else:
                self._bytes = _UNKNOWN
            cut = blocks[last][end + 1 :] + blocks[first][:begin]
            del blocks[last][end + 1 :]
            del blocks[first][:begin]
            rest.blocks = blocks[:first] + blocks[last + 1 :]
            self.blocks = blocks[first : last + 1]
            self._part(rest, cut, stop - start + 1)
        rest._count = len(rest.blocks) * _BLOCK
        self._count = stop - start + 1 if self.blocks else 0
        self._shrunk()
        return rest

    # ---- by element

    def insert(self, pivot: bytes, element: bytes, after: bool, settings: Settings) -> bool:
        """Inserts an element before or after the first that equals `pivot`; whether there is one."""
        self._expect([element], settings)
        for place, block in enumerate(self.blocks):
            if pivot not in block:
                continue
            block.insert(block.index(pivot) + (1 if after else 0), element)
            self._count += 1
            self.grow(text_bytes(len(element)) + _PLACE_BYTES)
            if len(block) > self._capacity():
                half = len(block) // 2
                self.grow(_BLOCK_BYTES)
                self.blocks.insert(place + 1, block[half:])
                del block[half:]
            return True
        self._bytes = _UNKNOWN
        return False

    def remove(self, element: bytes, count: int) -> int:
        """Removes elements equal to one; returns how many.

        `count` of them from the start on, or from the end on if it is negative; all if it is 0.
        """
        limit: i64 = abs(count) if count else self._count
        removed: i64 = 0
        kept: list[list[bytes]] = []
        blocks = self.blocks
        for step in range(len(blocks)):
            block = blocks[-1 - step] if count < 0 else blocks[step]
            if removed < limit and element in block:
                matches = block.count(element)
                if removed + matches <= limit:
                    block = [each for each in block if each != element]
                    removed += matches
                else:
                    while removed < limit:
                        del block[_last(block, element) if count < 0 else block.index(element)]
                        removed += 1
            if block:
                kept.append(block)
        if not removed:
            return 0
        if count < 0:
            kept.reverse()
        emptied = len(blocks) - len(kept)
        each = text_bytes(len(element)) + _PLACE_BYTES
        self.grow(-each * removed - _BLOCK_BYTES * emptied)
        self.blocks = kept
        self._count -= removed
        if self._bytes >= 0:
            self._bytes -= removed * packed_size(element)
        self._shrunk()
        return removed

    def find(self, element: bytes, rank: int, count: int, limit: int) -> list[int]:
        """The indices of elements equal to one: of the `rank`-th and those after it.

        A negative rank counts from the end, and so goes the search. `count` ends it when so many
        were found, `limit` when so many elements were looked at; 0 is for no end.
        """
        found: list[int] = []
        skipped: i64 = abs(rank) - 1
        left: i64 = limit if 0 < limit < self._count else self._count
        backwards = rank < 0
        blocks = self.blocks
        base: i64 = self._count if backwards else 0
        for step in range(len(blocks)):
            block = blocks[-1 - step] if backwards else blocks[step]
            size: i64 = len(block)
            looked = min(size, left)
            if backwards:
                base -= size
            if element in block:
                for turn in range(looked):
                    offset = size - 1 - turn if backwards else turn
                    if block[offset] != element:
                        continue
                    if skipped > 0:
                        skipped -= 1
                        continue
                    found.append(base + offset)
                    if len(found) == count:
                        return found
            if not backwards:
                base += size
            left -= looked
            if left == 0:
                break
        return found

    # ---- how it is held

    def spread(self) -> None:
        """Makes it a quicklist."""
        self._packed = False

    def _place(self, index: i64) -> tuple[i64, i64]:
        """The block that holds an index, and where in it."""
        blocks = self.blocks
        if index * 2 < self._count:
            place: i64 = 0
            size: i64 = len(blocks[0])
            while index >= size:
                index -= size
                place += 1
                size = len(blocks[place])
            return place, index
        place = len(blocks) - 1
        before: i64 = self._count - len(blocks[place])
        while index < before:
            place -= 1
            before -= len(blocks[place])
        return place, index - before

    def _expect(self, elements: list[bytes], settings: Settings) -> None:
        """Prepares for elements to be added: what gets too large becomes a quicklist."""
        if self._packed:
            size = self._size()
            for element in elements:
                size += len(element)
            self._limit = settings.integer("list-max-listpack-size")
            if exceeds(self._limit, size, self._count + len(elements), 1):
                self._packed = False
        elif len(self.blocks) > 1:
            self._bytes = _UNKNOWN
        if self._bytes >= 0:
            for element in elements:
                self._bytes += packed_size(element)

    def _shrunk(self) -> None:
        """Makes a quicklist a listpack again when it is half as large as one may be."""
        if self._packed or len(self.blocks) > 1:
            return
        self._packed = not exceeds(self._limit, self._size(), self._count, 2)

    def _capacity(self) -> i64:
        """Elements of a block at most."""
        return self._limit if 0 < self._limit < _BLOCK else _BLOCK

    def _size(self) -> i64:
        """Bytes of the list as a listpack, where it is small."""
        if self._bytes < 0:
            self._bytes = _LISTPACK_FRAME
            for block in self.blocks:
                for element in block:
                    self._bytes += packed_size(element)
        return self._bytes

    def _part(self, rest: "List", cut: list[bytes], left: i64) -> None:
        """Parts what the list takes from what `rest` and the elements cut off take."""
        self.grow(-texts_bytes(cut) - _PLACE_BYTES * len(cut))
        if not rest.blocks:
            return
        if left <= _RECOUNTED:
            weight = _EMPTY_BYTES + _weight(self.blocks)
            rest.held = self.held - weight
            self.grow(-rest.held)
            return
        if len(rest.blocks) * _BLOCK <= _RECOUNTED:
            rest.held = _weight(rest.blocks)
        else:
            for block in rest.blocks:
                sample = block[:: max(len(block) // _SAMPLED, 1)]
                each = texts_bytes(sample) // len(sample) + _PLACE_BYTES
                rest.held += _BLOCK_BYTES + each * len(block)
        self.grow(-rest.held)

    def _forget(self, elements: list[bytes]) -> None:
        for element in elements:
            self._bytes -= packed_size(element)


def _weight(blocks: list[list[bytes]]) -> i64:
    """Bytes that blocks take, with the elements in them."""
    total: i64 = 0
    for block in blocks:
        total += _BLOCK_BYTES + _PLACE_BYTES * len(block) + texts_bytes(block)
    return total


def exceeds(limit: i64, size: i64, count: i64, divisor: i64) -> bool:
    """Whether a listpack is larger than the setting, divided, allows."""
    if limit >= 0:
        most: i64 = limit or 1
        return count > most // divisor or size > _LISTPACK_LIMITS[1]
    return size > _LISTPACK_LIMITS[min(-limit, 5) - 1] // divisor


def packed_size(element: bytes) -> i64:
    """Bytes of an entry in a listpack.

    Source: https://github.com/antirez/listpack/blob/master/listpack.md
    """
    size: i64 = len(element)
    if size <= 20:
        number = parse_integer(element)
        if number is not None:
            if 0 <= number <= 127:
                return 2
            if -4096 <= number <= 4095:
                return 3
            if -(1 << 15) <= number < 1 << 15:
                return 4
            if -(1 << 23) <= number < 1 << 23:
                return 5
            return 6 if -(1 << 31) <= number < 1 << 31 else 10
    if size < 64:
        return size + 2
    size += 2 if size < 4096 else 5
    for bits in (7, 14, 21, 28):
        if size < 1 << bits:
            return size + bits // 7
    return size + 5


def _last(block: list[bytes], element: bytes) -> int:
    """The index of the last element equal to one that is there."""
    at = len(block) - 1
    while block[at] != element:
        at -= 1
    return at
