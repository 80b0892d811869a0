"""Values to bytes, as Redis 8.2 writes them; strings are not compressed."""

import struct

from nearkeep.engine.rdb.kinds import (
    HASH,
    HASH_LISTPACK,
    HASH_LISTPACK_TIMED,
    HASH_TIMED,
    LIST_QUICKLIST_2,
    MODULE,
    SET,
    SET_INTSET,
    SET_LISTPACK,
    STREAM_3,
    STRING,
    ZSET_2,
    ZSET_LISTPACK,
)
from nearkeep.engine.rdb.module import saved_document
from nearkeep.engine.rdb.stream import saved_stream
from nearkeep.engine.settings import Settings
from nearkeep.engine.values.hash import FieldTimes, Hash
from nearkeep.engine.values.json import Json
from nearkeep.engine.values.list import List, exceeds, packed_size
from nearkeep.engine.values.set import Set
from nearkeep.engine.values.stream import Stream
from nearkeep.engine.values.string import string_of
from nearkeep.engine.values.value import Value
from nearkeep.engine.values.zset import SortedSet
from nearkeep.wire.double import format_double
from nearkeep.wire.rdb import intset, length, listpack, string
from nearkeep.wire.reply import Failure

_PLAIN = length(1)  # a node that is one element
_PACKED = length(2)


def saved(value: object, settings: Settings) -> tuple[int, bytes]:
    """The type of a value, and the value.

    Raises:
        Failure: it is of a type that Redis' own format has none for.
    """
    if isinstance(value, Hash):
        return _hash(value)
    if isinstance(value, List):
        return LIST_QUICKLIST_2, _list(value, settings)
    if isinstance(value, Set):
        return _set(value)
    if isinstance(value, SortedSet):
        return _sorted_set(value)
    if isinstance(value, Stream):
        return STREAM_3, saved_stream(value)
    if isinstance(value, Json):
        return MODULE, saved_document(value)
    if isinstance(value, Value):
        raise Failure(b"ERR there is no encoding for a value of type " + value.type_name())
    return STRING, string(string_of(value))


def _strings(strings: list[bytes]) -> bytes:
    return b"".join([string(one) for one in strings])


def _blob(data: bytes) -> bytes:
    """Bytes that are no text: never written as an integer."""
    return length(len(data)) + data


def _list(value: List, settings: Settings) -> bytes:
    """Nodes as large as `list-max-listpack-size` lets them be."""
    limit = settings.integer("list-max-listpack-size")
    nodes: list[bytes] = []
    packed: list[bytes] = []
    size = 0
    for block in value.blocks:
        for element in block:
            large = exceeds(limit, len(element), 0, 1)
            size += packed_size(element)
            if packed and (large or exceeds(limit, size, len(packed) + 1, 1)):
                nodes.append(_PACKED + _blob(listpack(packed)))
                packed = []
                size = packed_size(element)
            if large:
                nodes.append(_PLAIN + string(element))
                size = 0
            else:
                packed.append(element)
    if packed:
        nodes.append(_PACKED + _blob(listpack(packed)))
    return length(len(nodes)) + b"".join(nodes)


def _set(value: Set) -> tuple[int, bytes]:
    if value.numbers is not None:
        return SET_INTSET, _blob(intset(list(value.numbers)))
    members = value.members()
    if value.small is not None:
        return SET_LISTPACK, _blob(listpack(members))
    return SET, length(len(members)) + _strings(members)


def _sorted_set(value: SortedSet) -> tuple[int, bytes]:
    members, scores = value.pairs(0, len(value))
    if value.is_large():
        parts = [length(len(members))]
        for place in range(len(members) - 1, -1, -1):
            parts.append(string(members[place]))
            parts.append(struct.pack("<d", scores[place]))
        return ZSET_2, b"".join(parts)
    flat: list[bytes] = []
    for place in range(len(members)):
        flat.append(members[place])
        flat.append(format_double(scores[place]))
    return ZSET_LISTPACK, _blob(listpack(flat))


def _hash(value: Hash) -> tuple[int, bytes]:
    flat = value.flat(0)  # with the fields that have expired: they do so wherever they come
    times = value.times
    if value.small is None:
        if times is None or not times.times:
            return HASH, length(len(value)) + _strings(flat)
        return HASH_TIMED, _timed(flat, times)
    if times is None:
        return HASH_LISTPACK, _blob(listpack(flat))
    return HASH_LISTPACK_TIMED, struct.pack("<q", times.earliest) + _blob(_timed_pack(flat, times))


def _timed(flat: list[bytes], times: FieldTimes) -> bytes:
    """Each field after its time, which is told as the distance from the earliest, plus one."""
    base = times.earliest - 1
    parts = [struct.pack("<q", times.earliest), length(len(flat) // 2)]
    for index in range(0, len(flat), 2):
        at = times.times.get(flat[index])
        parts.append(length(0 if at is None else at - base))
        parts.append(string(flat[index]))
        parts.append(string(flat[index + 1]))
    return b"".join(parts)


def _timed_pack(flat: list[bytes], times: FieldTimes) -> bytes:
    """Field, value and time in turn, the earliest first and those that stay, with 0, last."""
    order: list[tuple[int, int]] = []
    for index in range(0, len(flat), 2):
        at = times.times.get(flat[index])
        if at is not None:
            order.append((at, index))
    order.sort()
    found: list[bytes] = []
    for at, index in order:
        found += [flat[index], flat[index + 1], b"%d" % at]
    for index in range(0, len(flat), 2):
        if flat[index] not in times.times:
            found += [flat[index], flat[index + 1], b"0"]
    return listpack(found)
