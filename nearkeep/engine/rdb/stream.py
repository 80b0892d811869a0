"""Streams to bytes and back, with their consumer groups.

A stream's entries stand in listpacks, one for each block, each under the ID of its first entry. At
the head of one are the number of its entries, of those deleted, and the fields of the first, which
an entry with the same need not repeat. IDs are told as the distance from the first.

Source: https://github.com/antirez/listpack and, for the layout, what Redis itself writes.
"""

import struct
from typing import Final

from nearkeep.engine.values.consumer_group import NONE, ConsumerGroup
from nearkeep.engine.values.stream import SEQUENCE, Block, Stream
from nearkeep.wire.rdb import Malformed, Reader, length, listpack, listpack_elements, string
from nearkeep.wire.request import parse_integer

_DELETED: Final = 1
_SAME_FIELDS: Final = 2
_ID_BYTES: Final = 16
_LARGEST: Final = (1 << 63) - 1
_LATEST: Final = 1 << 61  # milliseconds; beyond that differences of times overflow


def saved_stream(stream: Stream) -> bytes:
    """A stream, as Redis has it since version 7.2."""
    parts = [length(len(stream.blocks))]
    for block in stream.blocks:
        packed = _saved_block(block)
        parts += [_text_id(block.ids[0]), length(len(packed)), packed]
    parts.append(length(len(stream)))
    for entry in (stream.last_id, stream.first_id(), stream.max_deleted):
        parts.append(_saved_id(entry))
    parts.append(length(stream.added))
    parts.append(length(len(stream.groups)))
    for name in sorted(stream.groups):
        parts += [string(name), _saved_group(stream.groups[name])]
    return b"".join(parts)


def _saved_id(entry: int) -> bytes:
    return length(entry >> 64) + length(entry & SEQUENCE)


def _raw_id(entry: int) -> bytes:
    return entry.to_bytes(_ID_BYTES, "big")


def _text_id(entry: int) -> bytes:
    return length(_ID_BYTES) + _raw_id(entry)


def _saved_block(block: Block) -> bytes:
    first = block.ids[0]
    names = block.names
    packed = [b"%d" % len(block.ids), b"0", b"%d" % len(names), *names, b"0"]
    for place in range(len(block.ids)):
        entry, flat = block.ids[place], block.entries[place]
        same = flat[::2] == names
        packed.append(b"%d" % (_SAME_FIELDS if same else 0))
        packed.append(b"%d" % _signed((entry >> 64) - (first >> 64)))
        packed.append(b"%d" % _signed((entry & SEQUENCE) - (first & SEQUENCE)))
        elements = flat[1::2] if same else [b"%d" % (len(flat) // 2), *flat]
        packed += elements
        packed.append(b"%d" % (len(elements) + 3))
    return listpack(packed)


def _signed(number: int) -> int:
    """A number as 64 bits with a sign hold it."""
    number &= SEQUENCE
    return number - (1 << 64) if number > _LARGEST else number


def _saved_group(group: ConsumerGroup) -> bytes:
    parts = [_saved_id(group.last_id), length(int(group.entries_read) & SEQUENCE)]
    pending = group.pending.all()
    parts.append(length(len(pending)))
    for entry in pending:
        delivery = group.deliveries[entry]
        parts += [_raw_id(entry), struct.pack("<q", delivery.at), length(delivery.count)]
    parts.append(length(len(group.consumers)))
    for name in sorted(group.consumers):
        consumer = group.consumers[name]
        pending = consumer.pending.all()
        parts += [string(name), struct.pack("<qq", consumer.seen, consumer.active)]
        parts.append(length(len(pending)))
        parts += [_raw_id(entry) for entry in pending]
    return b"".join(parts)


def loaded_stream(source: Reader, version: int) -> Stream:
    """A stream in one of three versions: Redis 5, 7.0 and 7.2.

    Raises:
        Malformed: it is none.
    """
    stream = Stream()
    for _ in range(source.length()):
        key = source.string()
        if len(key) != _ID_BYTES:
            raise Malformed
        first = int.from_bytes(key, "big")
        stream.append_block(_loaded_block(first, source.string(), stream.top_id()))
    count = source.length()
    if count != len(stream):
        raise Malformed
    stream.last_id = _loaded_id(source)
    stream.added = count
    if version >= 2:
        _loaded_id(source)  # of the first entry
        stream.max_deleted = _loaded_id(source)
        stream.added = _bounded(source.length())
    if stream.top_id() > stream.last_id:
        raise Malformed
    for _ in range(source.length()):
        name = source.string()
        if name in stream.groups:
            raise Malformed
        stream.add_group(name, _loaded_group(source, version, stream))
    return stream


def _loaded_id(source: Reader) -> int:
    milliseconds = source.length()
    return milliseconds << 64 | source.length()


def _bounded(number: int) -> int:
    if number > _LARGEST:
        raise Malformed
    return number


class _Elements:
    """The elements of a listpack, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._elements = listpack_elements(data)
        self._at = 0

    def left(self) -> int:
        return len(self._elements) - self._at

    def take(self, count: int) -> list[bytes]:
        """So many elements."""
        if not 0 <= count <= self.left():
            raise Malformed
        self._at += count
        return self._elements[self._at - count : self._at]

    def number(self) -> int:
        """An element that is an integer."""
        number = parse_integer(self.take(1)[0])
        if number is None:
            raise Malformed
        return number


def _loaded_block(first: int, data: bytes, above: int) -> Block:
    """A block of which all IDs are above one."""
    packed = _Elements(data)
    count, gone = packed.number(), packed.number()
    block = Block(packed.take(packed.number()))
    block.gone = gone
    if gone < 0 or packed.number() != 0:
        raise Malformed
    while packed.left():
        flags = packed.number()
        entry = _distant(first, packed.number(), packed.number())
        before = packed.left()
        flat = _flat(packed, block.names if flags & _SAME_FIELDS else None)
        if packed.number() != before - packed.left() + 2:  # this number itself was taken
            raise Malformed
        if flags & _DELETED:
            gone -= 1
            continue
        if entry <= above or not flat:
            raise Malformed
        block.append(entry, flat)
        above = entry
    if gone or not count or count != len(block.ids):
        raise Malformed
    return block


def _distant(first: int, milliseconds: int, sequence: int) -> int:
    """The ID at a distance from another; both halves are counted in 64 bits."""
    return ((first >> 64) + milliseconds & SEQUENCE) << 64 | (
        first & SEQUENCE
    ) + sequence & SEQUENCE


def _flat(packed: _Elements, names: list[bytes] | None) -> list[bytes]:
    """Fields and values of an entry; the fields are these, if they do not stand there."""
    if names is None:
        return packed.take(packed.number() * 2)
    flat: list[bytes] = []
    for name, value in zip(names, packed.take(len(names)), strict=True):
        flat += [name, value]
    return flat


def _loaded_group(source: Reader, version: int, stream: Stream) -> ConsumerGroup:
    group = ConsumerGroup(_loaded_id(source), NONE)
    if version >= 2:
        read = _signed(source.length())
        if read < NONE:
            raise Malformed
        group.entries_read = read
    else:
        group.entries_read = stream.read_up_to(group.last_id)
    pending: dict[int, tuple[int, int]] = {}
    for _ in range(source.length()):
        entry = source.unsigned(_ID_BYTES, big=True)
        if entry in pending:
            raise Malformed
        pending[entry] = (_time(source), _bounded(source.length()))
    for _ in range(source.length()):
        name = source.string()
        if name in group.consumers:
            raise Malformed
        consumer = group.add_consumer(name, _time(source))
        consumer.active = _time(source) if version >= 3 else consumer.seen
        for _ in range(source.length()):
            entry = source.unsigned(_ID_BYTES, big=True)
            given = pending.pop(entry, None)
            if given is None:
                raise Malformed
            group.deliver(entry, consumer, given[0], given[1])
    if pending:
        raise Malformed
    return group


def _time(source: Reader) -> int:
    """Milliseconds since the epoch, NONE for never."""
    return min(max(source.signed(8), NONE), _LATEST)
