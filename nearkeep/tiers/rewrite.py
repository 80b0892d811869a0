"""A value as the commands that make it, in pieces of bounded size.

They are commands of the mutation stream: what reads the log can read them too.
"""

from collections.abc import Iterator
from typing import Final

from nearkeep.engine.stream_id import id_text
from nearkeep.engine.values.consumer_group import ConsumerGroup
from nearkeep.engine.values.hash import Hash
from nearkeep.engine.values.json import Json
from nearkeep.engine.values.json_text import text_of
from nearkeep.engine.values.list import List
from nearkeep.engine.values.set import Set
from nearkeep.engine.values.stream import Stream
from nearkeep.engine.values.string import string_of
from nearkeep.engine.values.zset import SortedSet

PIECE: Final = 256
"""Elements in a command."""

_HIGHEST: Final = (1 << 128) - 1


def _length(pair: tuple[bytes, float]) -> int:
    """A pair's place in ZADD: the longest member decides how the set is held, if it comes first.

    It matters because only what is held as a skiplist knows -0.
    """
    return len(pair[0])


def commands_of(key: bytes, value: object, expiry: int) -> Iterator[list[bytes]]:
    """The commands that make a key; `expiry` in milliseconds since the epoch, 0 for none.

    The value must not change before the last one was given.
    """
    if isinstance(value, Hash):
        yield from _hash(key, value)
    elif isinstance(value, List):
        for start in range(0, len(value), PIECE):
            stop = min(start + PIECE, len(value)) - 1
            yield [b"RPUSH", key, *value.slice(start, stop)]
    elif isinstance(value, Set):
        for members in _walk(value):
            yield [b"SADD", key, *members]
    elif isinstance(value, SortedSet):
        for start in range(0, len(value), PIECE):
            members, scores = value.pairs(start, min(start + PIECE, len(value)))
            pairs = sorted(zip(members, scores, strict=True), key=_length, reverse=True)
            words = [b"ZADD", key]
            for member, score in pairs:
                words += (repr(score).encode(), member)
            yield words
    elif isinstance(value, Json):
        yield [b"JSON.SET", key, b"$", text_of(value.box[0])]
    elif isinstance(value, Stream):
        yield from _stream(key, value)
    else:
        yield [b"SET", key, string_of(value)]
    if expiry:
        yield [b"PEXPIREAT", key, b"%d" % expiry]


def time_of(words: list[bytes]) -> int:
    """What the clock is to show while such a command runs, milliseconds since the epoch.

    That is 0, so that nothing has expired; but nothing can have been delivered later than now.
    """
    return int(words[7]) if words[0] == b"XCLAIM" else 0


def _walk(value: Hash | Set) -> Iterator[list[bytes]]:
    """The names of all elements."""
    cursor = 0
    while True:
        cursor, names = value.scan(cursor, PIECE)
        if names:
            yield names
        if not cursor:
            return


def _hash(key: bytes, value: Hash) -> Iterator[list[bytes]]:
    for fields in _walk(value):
        words = [b"HSET", key]
        timed: list[tuple[bytes, int]] = []
        for field in fields:
            words += (field, value.get(field, 0) or b"")
            at = value.expiry(field, 0)
            if at > 0:
                timed.append((field, at))
        yield words
        for field, at in timed:
            yield [b"HPEXPIREAT", key, b"%d" % at, b"FIELDS", b"1", field]


def _stream(key: bytes, value: Stream) -> Iterator[list[bytes]]:
    # What is pending can be claimed only while it is there: what was deleted comes for a while.
    pending = {entry for group in value.groups.values() for entry in group.deliveries}
    deleted = {entry for entry in pending if value.get(entry) is None}
    if deleted or not len(value):
        for entry in sorted(deleted) or [1]:
            yield [b"XADD", key, id_text(entry), b"", b""]
        for name, group in value.groups.items():
            yield [b"XGROUP", b"CREATE", key, name, b"0"]
            yield from _claims(key, name, group, deleted)
        yield [b"XTRIM", key, b"MAXLEN", b"0"]
        yield [b"XSETID", key, b"0-0", b"ENTRIESADDED", b"0", b"MAXDELETEDID", b"0-0"]
    start = 0
    while entries := value.range(start, _HIGHEST, PIECE, backwards=False):
        for entry, fields in entries:
            yield [b"XADD", key, id_text(entry), *fields]
        start = entries[-1][0] + 1
    place = [b"XSETID", key, id_text(value.last_id), b"ENTRIESADDED"]
    highest = [b"MAXDELETEDID", id_text(value.max_deleted)]
    # A group is not let claim to have read more entries than were added, and yet may have.
    added = max([value.added, *[group.entries_read for group in value.groups.values()]])
    yield [*place, b"%d" % added, *highest]
    for name, group in value.groups.items():
        how = b"SETID" if deleted or not len(value) else b"CREATE"
        read = b"%d" % group.entries_read
        yield [b"XGROUP", how, key, name, id_text(group.last_id), b"ENTRIESREAD", read]
        for consumer in group.consumers:
            yield [b"XGROUP", b"CREATECONSUMER", key, name, consumer]
        yield from _claims(key, name, group, pending - deleted)
    if added != value.added:
        yield [*place, b"%d" % value.added, *highest]


def _claims(
    key: bytes, name: bytes, group: ConsumerGroup, among: set[int]
) -> Iterator[list[bytes]]:
    """Makes those of a group's entries pending that are among these."""
    for entry, delivery in group.deliveries.items():
        if entry in among:
            yield [
                b"XCLAIM", key, name, delivery.consumer.name, b"0", id_text(entry),
                b"TIME", b"%d" % delivery.at, b"RETRYCOUNT", b"%d" % delivery.count,
                b"FORCE", b"JUSTID",
            ]  # fmt: skip
