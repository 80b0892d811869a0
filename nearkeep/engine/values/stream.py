"""Streams: entries in the order of their IDs, and the consumer groups that read them.

What one must do: append in O(1), find an ID in O(log n), and drop the oldest without moving the
rest. So entries stand in blocks that are never moved, filled one after the other. A block is what
Redis calls a node: `stream-node-max-entries` and `stream-node-max-bytes` end it, and a trim that
need not be exact drops whole ones.

An ID is one number, milliseconds shifted left by 64 bits plus the sequence number, so that IDs
compare as they should. An entry is its fields and values in turn; entries of a block that have the
same fields share the names.
"""

from bisect import bisect_left, bisect_right
from typing import Final

from mypy_extensions import i64

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.consumer_group import NONE, ConsumerGroup
from nearkeep.engine.values.footprint import Ledger, text_bytes, texts_bytes
from nearkeep.engine.values.value import Value

SEQUENCE: Final = (1 << 64) - 1
"""The highest sequence number, and the highest number of milliseconds."""

HIGHEST: Final = (1 << 128) - 1
"""The highest ID."""

# What becomes of the groups' references to entries that are deleted.
KEEP: Final = 0  # they stay
DROP: Final = 1  # they go as well
RESPECT: Final = 2  # an entry that some group has yet to read or acknowledge is not deleted

_LARGEST_BLOCK: Final = 1024
_LARGEST_NODE: Final = 1 << 30
_NODE_BYTES: Final = 17
_ENTRY_BYTES: Final = 10
_ELEMENT_BYTES: Final = 2
_EMPTY_BYTES: Final = 200
_BLOCK_BYTES: Final = 440
_HELD_BYTES: Final = 126  # for each entry: its ID, its list and their places
_POINTER: Final = 8

Entry = tuple[int, list[bytes]]
"""An ID with fields and values in turn."""


class Block:
    """Some entries of a stream.

    Attributes:
        ids: in ascending order.
        entries: the fields and values of each.
        names: the fields of the first entry.
        gone: entries that were deleted one by one; they count as long as the block is there.
        size: bytes of the node that Redis would have, about.
        held: bytes that the block takes.
    """

    def __init__(self, names: list[bytes]) -> None:
        self.ids: list[int] = []
        self.entries: list[list[bytes]] = []
        self.names = names
        self.gone: i64 = 0
        self.size: i64 = _NODE_BYTES
        for name in names:
            self.size += len(name) + _ELEMENT_BYTES
        self.held: i64 = _BLOCK_BYTES + texts_bytes(names)

    def copy(self) -> "Block":
        other = Block(self.names)
        other.ids = self.ids.copy()
        other.entries = self.entries.copy()
        other.gone = self.gone
        other.size = self.size
        other.held = self.held
        return other

    def append(self, entry: int, fields: list[bytes]) -> None:
        """Adds an entry with a higher ID than any; the list is taken over."""
        names = self.names
        count: i64 = len(names)
        same = count * 2 == len(fields)
        place: i64 = 0
        while same and place < count:
            same = fields[place * 2] == names[place]
            place += 1
        size: i64 = _ENTRY_BYTES
        self.held += _HELD_BYTES + _POINTER * len(fields)
        for index in range(len(fields)):
            if same and index % 2 == 0:
                fields[index] = names[index // 2]
            else:
                size += len(fields[index]) + _ELEMENT_BYTES
                self.held += text_bytes(len(fields[index]))
        self.size += size
        self.ids.append(entry)
        self.entries.append(fields)

    def remove(self, place: int) -> None:
        """Removes the entry at a place."""
        fields = self.entries[place]
        self.held -= _HELD_BYTES + _POINTER * len(fields)
        shared = bool(self.names) and bool(fields) and fields[0] is self.names[0]
        for index in range(len(fields)):
            if not (shared and index % 2 == 0):
                self.held -= text_bytes(len(fields[index]))
        del self.ids[place]
        del self.entries[place]
        self.gone += 1


class Stream(Value):
    """A stream.

    Attributes:
        blocks: the entries in order; no block is empty. To be read only.
        last_id: the highest ID that an entry ever had, or what XSETID made of it.
        max_deleted: the highest ID that XDEL removed, 0 for none.
        added: how many entries were ever added.
        groups: the consumer groups by name.
    """

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._starts: list[int] = []  # of each block, an ID not above its first
        self._count: i64 = 0
        self.last_id = 0
        self.max_deleted = 0
        self.added: i64 = 0
        self.groups: dict[bytes, ConsumerGroup] = {}
        self.held = _EMPTY_BYTES

    def type_name(self) -> bytes:
        return b"stream"

    def encoding(self, settings: Settings) -> bytes:
        return b"stream"

    def copy(self) -> "Stream":
        other = Stream()
        other.blocks = [block.copy() for block in self.blocks]
        other._starts = self._starts.copy()
        other._count = self._count
        other.last_id = self.last_id
        other.max_deleted = self.max_deleted
        other.added = self.added
        other.groups = {name: group.copy() for name, group in self.groups.items()}
        other.held = self.held
        return other

    def __len__(self) -> int:
        return self._count

    def memory(self) -> int:
        total = super().memory()
        for group in self.groups.values():
            total += group.held
        return total

    def attach(self, ledger: Ledger) -> None:
        super().attach(ledger)
        for group in self.groups.values():
            group.ledger = ledger

    def detach(self) -> None:
        super().detach()
        for group in self.groups.values():
            group.ledger = None

    def add_group(self, name: bytes, group: ConsumerGroup) -> None:
        """Adds a consumer group."""
        self.groups[name] = group
        group.ledger = self.ledger
        if self.ledger is not None:
            self.ledger.total += group.held

    def remove_group(self, name: bytes) -> ConsumerGroup | None:
        """Removes a consumer group and returns it, or None if it is not there."""
        group = self.groups.pop(name, None)
        if group is not None:
            group.ledger = None
            if self.ledger is not None:
                self.ledger.total -= group.held
        return group

    def release(self, limit: int) -> bool:
        if self.blocks:
            del self.blocks[-max(limit // 100, 1) :]
            return True
        for name, group in self.groups.items():
            for _ in range(min(limit, len(group.deliveries))):
                group.deliveries.popitem()
            if not group.deliveries:
                del self.groups[name]
            break
        return bool(self.groups)

    # ---- entries

    def first_id(self) -> int:
        """The ID of the first entry, 0 if there is none."""
        return self.blocks[0].ids[0] if self.blocks else 0

    def top_id(self) -> int:
        """The ID of the last entry, 0 if there is none."""
        return self.blocks[-1].ids[-1] if self.blocks else 0

    def append(self, entry: int, fields: list[bytes], settings: Settings) -> None:
        """Adds an entry with an ID above `last_id`: fields and values in turn, a list of its own."""
        size: i64 = 0
        for element in fields:
            size += len(element)
        if not self.blocks or _is_full(self.blocks[-1], size, settings):
            block = Block(fields[::2])
            self.blocks.append(block)
            self._starts.append(entry)
            self.grow(block.held)
        block = self.blocks[-1]
        before = block.held
        block.append(entry, fields)
        self.grow(block.held - before)
        self._count += 1
        self.added += 1
        self.last_id = entry

    def append_block(self, block: Block) -> None:
        """Adds a block that is not empty, with IDs above all others; nothing else changes."""
        self.grow(block.held)
        self.blocks.append(block)
        self._starts.append(block.ids[0])
        self._count += len(block.ids)

    def get(self, entry: int) -> list[bytes] | None:
        """The fields and values of an entry in turn, not to be changed; None if it is not there."""
        if not self.blocks:
            return None
        block = self.blocks[self._block(entry)]
        at = bisect_left(block.ids, entry)
        if at < len(block.ids) and block.ids[at] == entry:
            return block.entries[at]
        return None

    def range(self, start: int, end: int, count: int, backwards: bool) -> list[Entry]:
        """Up to `count` entries (0: all) from one ID to another, which is included.

        Backwards they are the last ones, the highest ID first.
        """
        found: list[Entry] = []
        if not self.blocks or start > end:
            return found
        left: i64 = count if 0 < count < self._count else self._count
        at = self._block(end if backwards else start)
        while 0 <= at < len(self.blocks) and left > 0:
            block = self.blocks[at]
            ids, entries = block.ids, block.entries
            low: i64 = bisect_left(ids, start)
            high: i64 = bisect_right(ids, end)
            if backwards:
                while high > low and left > 0:
                    high -= 1
                    left -= 1
                    found.append((ids[high], entries[high]))
                if low > 0:
                    break
                at -= 1
            else:
                size: i64 = len(ids)
                ended = high < size
                while low < high and left > 0:
                    found.append((ids[low], entries[low]))
                    low += 1
                    left -= 1
                if ended:
                    break
                at += 1
        return found

    def delete(self, entry: int) -> bool:
        """Deletes an entry; whether it was there."""
        if not self._remove(entry):
            return False
        self.max_deleted = max(self.max_deleted, entry)
        return True

    def is_referenced(self, entry: int) -> bool:
        """Whether a group has yet to read or to acknowledge an entry."""
        for group in self.groups.values():
            if entry > group.last_id or entry in group.deliveries:
                return True
        return False

    def drop_references(self, entry: int) -> None:
        """Acknowledges an entry for all groups."""
        for group in self.groups.values():
            group.acknowledge(entry)

    # ---- trimming

    def trim(self, most: int, lowest: int, whole: bool, limit: int, references: int) -> "Stream":
        """Removes the oldest entries: all above `most` in number and all below the ID `lowest`.

        If `whole`, whole blocks alone, of `limit` entries at most (0: as many as need be). Returns a
        stream of the blocks that went as a whole, which the caller frees.
        """
        rest = Stream()
        blocks = self.blocks
        at: i64 = 0
        if references == KEEP:
            while at < len(blocks) and self._count > most:
                ids = blocks[at].ids
                size: i64 = len(ids)
                if limit and rest._count + size > limit:
                    break
                if self._count - size < most or ids[-1] >= lowest:
                    break
                rest._count += size
                rest.held += blocks[at].held
                self._count -= size
                self.grow(-blocks[at].held)
                at += 1
            rest.blocks = blocks[:at]
            del blocks[:at]
            del self._starts[:at]
        if not whole:
            self._trim_entries(most, lowest, references)
        return rest

    def _trim_entries(self, most: int, lowest: int, references: int) -> None:
        at: i64 = 0
        while at < len(self.blocks) and self._count > most and self.blocks[at].ids[0] < lowest:
            block = self.blocks[at]
            gone: list[int] = []
            excess = self._count - most
            for entry in block.ids:
                if entry >= lowest or len(gone) == excess:
                    break
                if references == RESPECT and self.is_referenced(entry):
                    continue
                if references == DROP:
                    self.drop_references(entry)
                gone.append(entry)
            before = len(self.blocks)
            for entry in gone:
                self._remove(entry)
            if len(self.blocks) == before:
                at += 1

    def _remove(self, entry: int) -> bool:
        if not self.blocks:
            return False
        at = self._block(entry)
        block = self.blocks[at]
        place = bisect_left(block.ids, entry)
        if place == len(block.ids) or block.ids[place] != entry:
            return False
        before = block.held
        block.remove(place)
        self.grow(block.held - before)
        self._count -= 1
        if not block.ids:
            self.grow(-block.held)
            del self.blocks[at]
            del self._starts[at]
        return True

    def _block(self, entry: int) -> int:
        """The block in which an ID stands, if it stands anywhere."""
        return max(bisect_right(self._starts, entry) - 1, 0)

    # ---- how far groups have read

    def read_up_to(self, entry: int) -> int:
        """How many entries were ever added up to an ID; NONE if that can't be told."""
        if not self.added:
            return 0
        if not self._count and entry <= self.last_id:
            return self.added
        if entry == self.last_id:
            return self.added
        if entry > self.last_id:
            return NONE
        first = self.first_id()
        if self.max_deleted < first:
            if entry < first:
                return self.added - self._count
            if entry == first:
                return self.added - self._count + 1
        return NONE

    def has_gaps(self, entry: int) -> bool:
        """Whether entries from an ID on may have been deleted one by one."""
        if not self._count or not self.max_deleted or self.max_deleted < self.first_id():
            return False
        return entry <= self.max_deleted <= self.last_id

    def lag(self, group: ConsumerGroup) -> int:
        """How many entries a group has yet to read; NONE if that can't be told."""
        if not self.added or not self._count:
            return 0
        first = self.first_id()
        if group.last_id < first and self.max_deleted < first:
            return self._count
        read = group.entries_read
        if read == NONE or self.has_gaps(group.last_id):
            read = self.read_up_to(group.last_id)
        return NONE if read == NONE else self.added - read

    def advance(self, group: ConsumerGroup, entry: int) -> None:
        """Notes that a group has read on to an entry."""
        counts = group.entries_read != NONE and group.last_id >= self.first_id()
        if counts and not self.has_gaps(group.last_id):
            group.entries_read += 1
        elif self.added:
            group.entries_read = self.read_up_to(entry)
        group.last_id = entry


def _is_full(block: Block, size: i64, settings: Settings) -> bool:
    """Whether an entry of so many bytes begins another block."""
    most: i64 = settings.integer("stream-node-max-entries")
    if most <= 0 or most > _LARGEST_BLOCK:
        most = _LARGEST_BLOCK
    if len(block.ids) + block.gone >= most:
        return True
    most_bytes: i64 = settings.integer("stream-node-max-bytes")
    return block.size + size >= (most_bytes or _LARGEST_NODE)
