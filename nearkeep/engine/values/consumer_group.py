"""Consumer groups of streams: who was given which entry and has not acknowledged it.

What a group must do: give out an entry, find it by its ID when it is acknowledged, and walk what is
pending, its own and that of one consumer, in the order of IDs. Entries are found by a dictionary;
their order is kept by blocks of IDs, in which adding at the end, the common case, moves nothing.
"""

from bisect import bisect_left
from typing import Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.values.footprint import Ledger, shell_bytes, text_bytes

_BLOCK: Final = 512
NONE: Final = -1
"""No ID; also a number that is not known."""

_EMPTY_BYTES: Final = 700
_CONSUMER_BYTES: Final = 500
"""What was given out: its ID and when, in a dictionary and in two lists."""


class SortedIds:
    """IDs in ascending order, each once."""

    def __init__(self) -> None:
        self._blocks: list[list[int]] = []
        self._count: i64 = 0

    def __len__(self) -> int:
        return self._count

    def copy(self) -> "SortedIds":
        other = SortedIds()
        other._blocks = [block.copy() for block in self._blocks]
        other._count = self._count
        return other

    def first(self) -> int:
        """The lowest ID, or NONE."""
        return self._blocks[0][0] if self._blocks else NONE

    def last(self) -> int:
        """The highest ID, or NONE."""
        return self._blocks[-1][-1] if self._blocks else NONE

    def all(self) -> list[int]:
        """All IDs in order. A new list."""
        return [entry for block in self._blocks for entry in block]

    def following(self, entry: int) -> int:
        """The lowest ID that is not below this one, or NONE."""
        at = self._find(entry)
        if at == len(self._blocks):
            return NONE
        block = self._blocks[at]
        return block[bisect_left(block, entry)]

    def add(self, entry: int) -> None:
        """Adds an ID that is not there yet."""
        self._count += 1
        blocks = self._blocks
        if not blocks:
            blocks.append([entry])
            return
        at = self._find(entry)
        if at == len(blocks):
            if len(blocks[-1]) < _BLOCK:
                blocks[-1].append(entry)
            else:
                blocks.append([entry])
            return
        block = blocks[at]
        block.insert(bisect_left(block, entry), entry)
        if len(block) > _BLOCK:
            blocks.insert(at + 1, block[_BLOCK // 2 :])
            del block[_BLOCK // 2 :]

    def remove(self, entry: int) -> None:
        """Removes an ID that is there."""
        self._count -= 1
        at = self._find(entry)
        block = self._blocks[at]
        del block[bisect_left(block, entry)]
        if not block:
            del self._blocks[at]

    def _find(self, entry: int) -> int:
        """The first block with an ID that is not below this one; their number if there is none."""
        blocks = self._blocks
        low: i64 = 0
        high: i64 = len(blocks)
        while low < high:
            middle = (low + high) // 2
            if blocks[middle][-1] < entry:
                low = middle + 1
            else:
                high = middle
        return low


class Consumer:
    """One consumer of a group.

    Attributes:
        seen: when it last asked for entries, milliseconds since the epoch.
        active: when it was last given some; NONE for never.
        pending: the IDs of the entries that it has not acknowledged.
    """

    def __init__(self, name: bytes, seen: int) -> None:
        self.name = name
        self.seen: i64 = seen
        self.active: i64 = NONE
        self.pending = SortedIds()


@mypyc_attr(acyclic=True)
class Delivery:
    """That an entry was given to a consumer.

    Attributes:
        at: when, milliseconds since the epoch.
        count: how often it was given to anyone.
    """

    def __init__(self, consumer: Consumer, at: int, count: int) -> None:
        self.consumer = consumer
        self.at: i64 = at
        self.count: i64 = count


_DELIVERY_BYTES: Final = 100 + shell_bytes(Delivery(Consumer(b"", 0), 0, 0))  # two dictionaries


class ConsumerGroup:
    """One group.

    Attributes:
        last_id: of the last entry that was given out.
        entries_read: how many entries of the stream were, up to `last_id`; NONE if that is unknown.
        deliveries: those not acknowledged, by the ID of the entry; to be read only.
        pending: their IDs in order; to be read only.
        held: bytes that the group takes.
        ledger: where it is counted, while a keyspace holds its stream.
    """

    def __init__(self, last_id: int, entries_read: int) -> None:
        self.last_id = last_id
        self.entries_read: i64 = entries_read
        self.consumers: dict[bytes, Consumer] = {}
        self.deliveries: dict[int, Delivery] = {}
        self.pending = SortedIds()
        self.held: i64 = _EMPTY_BYTES
        self.ledger: Ledger | None = None

    def _grow(self, change: i64) -> None:
        self.held += change
        if self.ledger is not None:
            self.ledger.total += change

    def add_consumer(self, name: bytes, now: int) -> Consumer:
        """Adds a consumer that is not there, seen now, in milliseconds since the epoch."""
        consumer = self.consumers[name] = Consumer(name, now)
        self._grow(_CONSUMER_BYTES + text_bytes(len(name)))
        return consumer

    def copy(self) -> "ConsumerGroup":
        other = ConsumerGroup(self.last_id, self.entries_read)
        for name, consumer in self.consumers.items():
            twin = Consumer(name, consumer.seen)
            twin.active = consumer.active
            twin.pending = consumer.pending.copy()
            other.consumers[name] = twin
        other.pending = self.pending.copy()
        for entry, delivery in self.deliveries.items():
            twin = other.consumers[delivery.consumer.name]
            other.deliveries[entry] = Delivery(twin, delivery.at, delivery.count)
        other.held = self.held
        return other

    def deliver(self, entry: int, consumer: Consumer, at: int, count: int) -> None:
        """Notes that an entry was given to a consumer, in place of whom it was given to before."""
        delivery = self.deliveries.get(entry)
        if delivery is None:
            self.deliveries[entry] = Delivery(consumer, at, count)
            self._grow(_DELIVERY_BYTES)
            self.pending.add(entry)
            consumer.pending.add(entry)
            return
        if delivery.consumer is not consumer:
            delivery.consumer.pending.remove(entry)
            consumer.pending.add(entry)
            delivery.consumer = consumer
        delivery.at = at
        delivery.count = count

    def acknowledge(self, entry: int) -> bool:
        """Forgets that an entry is pending; whether it was."""
        delivery = self.deliveries.pop(entry, None)
        if delivery is None:
            return False
        self._grow(-_DELIVERY_BYTES)
        self.pending.remove(entry)
        delivery.consumer.pending.remove(entry)
        return True

    def remove_consumer(self, name: bytes) -> int:
        """Removes a consumer and what it has pending; how much that was, NONE if it is not there."""
        consumer = self.consumers.pop(name, None)
        if consumer is None:
            return NONE
        self._grow(-_CONSUMER_BYTES - text_bytes(len(name)))
        count = len(consumer.pending)
        entry = consumer.pending.first()
        while entry != NONE:
            self.acknowledge(entry)
            entry = consumer.pending.first()
        return count
