"""Bytes to values: all types that Redis has ever written, and of modules that of JSON.

What is malformed, empty or says one thing twice is refused, and nothing is made that the bytes do
not fill.
"""

import math
from collections.abc import Callable
from typing import Final

from nearkeep.engine.rdb import kinds
from nearkeep.engine.rdb.module import loaded_document
from nearkeep.engine.rdb.stream import loaded_stream
from nearkeep.engine.settings import Settings
from nearkeep.engine.values.hash import Hash
from nearkeep.engine.values.list import List
from nearkeep.engine.values.set import Set, set_of
from nearkeep.engine.values.string import compact
from nearkeep.engine.values.zset import SortedSet, sorted_set_of
from nearkeep.wire.rdb import (
    Malformed,
    Reader,
    intset_numbers,
    listpack_elements,
    parsed_double,
    ziplist_elements,
    zipmap_elements,
)
from nearkeep.wire.request import parse_integer

_LATEST: Final = 0xFFFFFFFFFFFE
"""The latest time, milliseconds since the epoch, at which a field can expire."""

_PLAIN: Final = 1
_PACKED: Final = 2


def loaded(kind: int, source: Reader, settings: Settings) -> object:
    """The value of a type that comes next.

    Raises:
        Malformed: it does not.
    """
    load = _LOADERS.get(kind)
    if load is None:
        raise Malformed
    return load(source, settings)


# ---- strings and lists


def _string(source: Reader, _settings: Settings) -> object:
    return compact(source.string())


def _strings(source: Reader, each: int) -> list[bytes]:
    """As many strings as a length says, `each` times; a forged length ends with the bytes."""
    found: list[bytes] = []
    for _ in range(source.length() * each):
        found.append(source.string())
    return found


def _list(source: Reader, settings: Settings) -> object:
    return _list_of(_strings(source, 1), settings)


def _list_ziplist(source: Reader, settings: Settings) -> object:
    return _list_of(ziplist_elements(source.string()), settings)


def _list_quicklist(source: Reader, settings: Settings) -> object:
    nodes = source.length()
    elements: list[bytes] = []
    for _ in range(nodes):
        elements += ziplist_elements(source.string())
    return _list_of(elements, settings, nodes > 1)


def _list_quicklist_2(source: Reader, settings: Settings) -> object:
    nodes = source.length()
    elements: list[bytes] = []
    for _ in range(nodes):
        container = source.length()
        if container == _PLAIN:
            elements.append(source.string())
        elif container == _PACKED:
            elements += listpack_elements(source.string())
        else:
            raise Malformed
    return _list_of(elements, settings, nodes > 1)


def _list_of(elements: list[bytes], settings: Settings, spread: bool = False) -> List:
    """The list of these elements; `spread` if it is a quicklist, be it ever so short."""
    if not elements:
        raise Malformed
    made = List()
    made.push(elements, False, settings)
    if spread:
        made.spread()
    return made


# ---- sets


def _set(source: Reader, settings: Settings) -> object:
    return _set_of(_strings(source, 1), settings)


def _set_listpack(source: Reader, settings: Settings) -> object:
    return _set_of(listpack_elements(source.string()), settings, strings=True)


def _set_intset(source: Reader, settings: Settings) -> object:
    numbers = intset_numbers(source.string())
    return _set_of([b"%d" % number for number in numbers], settings)


def _set_of(members: list[bytes], settings: Settings, strings: bool = False) -> Set:
    """The set of these members; `strings` if it holds them as strings though they be integers."""
    if not members or len(set(members)) != len(members):
        raise Malformed
    if not strings:
        return set_of(members, settings)
    made = Set()
    made.expect(b"", len(members), settings)
    for member in members:
        made.add(member, settings)
    return made


# ---- sorted sets


def _zset(source: Reader, settings: Settings) -> object:
    scores: dict[bytes, float] = {}
    for _ in range(source.length()):
        _score(scores, source.string(), source.text_double())
    return _sorted_set_of(scores, settings)


def _zset_2(source: Reader, settings: Settings) -> object:
    scores: dict[bytes, float] = {}
    for _ in range(source.length()):
        _score(scores, source.string(), source.double())
    return _sorted_set_of(scores, settings)


def _zset_ziplist(source: Reader, settings: Settings) -> object:
    return _sorted_set_in(ziplist_elements(source.string()), settings)


def _zset_listpack(source: Reader, settings: Settings) -> object:
    return _sorted_set_in(listpack_elements(source.string()), settings)


def _sorted_set_in(flat: list[bytes], settings: Settings) -> SortedSet:
    """The sorted set of members and scores in turn."""
    if len(flat) % 2:
        raise Malformed
    scores: dict[bytes, float] = {}
    for index in range(0, len(flat), 2):
        _score(scores, flat[index], parsed_double(flat[index + 1]))
    return _sorted_set_of(scores, settings)


def _score(scores: dict[bytes, float], member: bytes, score: float) -> None:
    if member in scores or math.isnan(score):
        raise Malformed
    scores[member] = score


def _sorted_set_of(scores: dict[bytes, float], settings: Settings) -> SortedSet:
    if not scores:
        raise Malformed
    return sorted_set_of(scores, settings)


# ---- hashes


def _hash(source: Reader, settings: Settings) -> object:
    return _hash_of(_strings(source, 2), settings)


def _hash_zipmap(source: Reader, settings: Settings) -> object:
    return _hash_of(zipmap_elements(source.string()), settings)


def _hash_ziplist(source: Reader, settings: Settings) -> object:
    return _hash_of(ziplist_elements(source.string()), settings)


def _hash_listpack(source: Reader, settings: Settings) -> object:
    return _hash_of(listpack_elements(source.string()), settings)


def _hash_of(flat: list[bytes], settings: Settings) -> Hash:
    """The hash of fields and values in turn."""
    if not flat or len(flat) % 2:
        raise Malformed
    made = Hash()
    made.expect(len(flat) // 2, settings)
    for index in range(0, len(flat), 2):
        if not made.set(flat[index], flat[index + 1], settings):
            raise Malformed
    return made


def _hash_timed_early(source: Reader, settings: Settings) -> object:
    return _timed(source, 1, settings)


def _hash_timed(source: Reader, settings: Settings) -> object:
    return _timed(source, source.signed(8), settings)


def _timed(source: Reader, base: int, settings: Settings) -> Hash:
    """Each field after its time: 0 for none, else the distance from `base`, plus one."""
    flat: list[bytes] = []
    times: list[int] = []
    for _ in range(source.length()):
        distance = source.length()
        times.append(distance + base - 1 if distance else 0)
        flat.append(source.string())
        flat.append(source.string())
    return _timed_hash_of(flat, times, settings)


def _hash_listpack_timed_early(source: Reader, settings: Settings) -> object:
    elements = listpack_elements(source.string())
    if len(elements) % 3:
        raise Malformed
    flat: list[bytes] = []
    times: list[int] = []
    for index in range(0, len(elements), 3):
        at = parse_integer(elements[index + 2])
        if at is None:
            raise Malformed
        flat += elements[index : index + 2]
        times.append(at)
    return _timed_hash_of(flat, times, settings)


def _hash_listpack_timed(source: Reader, settings: Settings) -> object:
    source.signed(8)  # the earliest of the times, which stand with their fields
    return _hash_listpack_timed_early(source, settings)


def _timed_hash_of(flat: list[bytes], times: list[int], settings: Settings) -> Hash:
    made = _hash_of(flat, settings)
    made.timed()
    for place in range(len(times)):
        at = times[place]
        if not 0 <= at <= _LATEST:
            raise Malformed
        if at:
            made.set_expiry(flat[place * 2], at)
    return made


# ---- streams and documents


def _stream(source: Reader, _settings: Settings) -> object:
    return loaded_stream(source, 1)


def _stream_2(source: Reader, _settings: Settings) -> object:
    return loaded_stream(source, 2)


def _stream_3(source: Reader, _settings: Settings) -> object:
    return loaded_stream(source, 3)


def _module(source: Reader, _settings: Settings) -> object:
    return loaded_document(source)


_LOADERS: Final[dict[int, Callable[[Reader, Settings], object]]] = {
    kinds.STRING: _string,
    kinds.LIST: _list,
    kinds.SET: _set,
    kinds.ZSET: _zset,
    kinds.HASH: _hash,
    kinds.ZSET_2: _zset_2,
    kinds.MODULE: _module,
    kinds.HASH_ZIPMAP: _hash_zipmap,
    kinds.LIST_ZIPLIST: _list_ziplist,
    kinds.SET_INTSET: _set_intset,
    kinds.ZSET_ZIPLIST: _zset_ziplist,
    kinds.HASH_ZIPLIST: _hash_ziplist,
    kinds.LIST_QUICKLIST: _list_quicklist,
    kinds.STREAM: _stream,
    kinds.HASH_LISTPACK: _hash_listpack,
    kinds.ZSET_LISTPACK: _zset_listpack,
    kinds.LIST_QUICKLIST_2: _list_quicklist_2,
    kinds.STREAM_2: _stream_2,
    kinds.SET_LISTPACK: _set_listpack,
    kinds.STREAM_3: _stream_3,
    kinds.HASH_TIMED_EARLY: _hash_timed_early,
    kinds.HASH_LISTPACK_TIMED_EARLY: _hash_listpack_timed_early,
    kinds.HASH_TIMED: _hash_timed,
    kinds.HASH_LISTPACK_TIMED: _hash_listpack_timed,
}
