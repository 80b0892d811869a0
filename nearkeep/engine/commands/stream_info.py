"""XINFO: what a stream looks like inside.

Source: https://redis.io/docs/latest/commands/?group=stream
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.commands.stream import shown_entries, stream_to_read
from nearkeep.engine.commands.stream_group import no_group
from nearkeep.engine.keyspace import Keyspace
from nearkeep.engine.stream_id import id_text
from nearkeep.engine.text import integer, no_such_form
from nearkeep.engine.values.consumer_group import NONE, SortedIds
from nearkeep.engine.values.stream import HIGHEST, Stream
from nearkeep.wire.reply import Failure, Map, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_SHOWN: Final = 10  # entries in XINFO STREAM FULL, if COUNT does not say


container(
    "XINFO",
    group="stream", since="5.0.0",
    acl="-stream",
    summary="What a stream, its groups and their consumers look like inside.",
)  # fmt: skip


@command(
    "XINFO CONSUMERS key group",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="readonly", keys="2 RO access", hints="nondeterministic_output",
    summary="Describes the consumers of a group.",
)  # fmt: skip
def xinfo_consumers(session: Session, args: list[bytes]) -> Reply:
    held = _existing(session.db, args[2])
    group = held.groups.get(args[3])
    if group is None:
        return no_group(args[3], args[2])
    now = session.namespace.clock.ms
    found: list[object] = []
    for name in sorted(group.consumers):
        consumer = group.consumers[name]
        inactive = NONE if consumer.active == NONE else max(now - consumer.active, 0)
        found.append(Map([
            b"name", name,
            b"pending", len(consumer.pending),
            b"idle", max(now - consumer.seen, 0),
            b"inactive", inactive,
        ]))  # fmt: skip
    return found


@command(
    "XINFO GROUPS key",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="readonly", keys="2 RO access",
    summary="Describes the consumer groups of a stream.",
)  # fmt: skip
def xinfo_groups(session: Session, args: list[bytes]) -> Reply:
    held = _existing(session.db, args[2])
    found: list[object] = []
    for name in sorted(held.groups):
        group = held.groups[name]
        found.append(Map([
            b"name", name,
            b"consumers", len(group.consumers),
            b"pending", len(group.pending),
            b"last-delivered-id", id_text(group.last_id),
            b"entries-read", _known(group.entries_read),
            b"lag", _known(held.lag(group)),
        ]))  # fmt: skip
    return found


@command(
    "XINFO HELP",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of XINFO.",
)  # fmt: skip
def xinfo_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("xinfo")


@command(
    "XINFO STREAM key [full-block=(FULL [COUNT count:integer])]",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="readonly", keys="2 RO access",
    summary="Describes a stream.",
)  # fmt: skip
def xinfo_stream(session: Session, args: list[bytes]) -> Reply:
    held = _existing(session.db, args[2])
    full = len(args) > 3
    count = _SHOWN
    if full:
        if args[3].upper() != b"FULL" or len(args) == 5 or len(args) > 6:
            return no_such_form(args)
        if len(args) == 6:
            if args[4].upper() != b"COUNT":
                return no_such_form(args)
            count = integer(args[5])
            if count < 0:
                count = _SHOWN
    fields: list[object] = [
        b"length", len(held),
        b"radix-tree-keys", len(held.blocks),
        b"radix-tree-nodes", len(held.blocks) + 1,
        b"last-generated-id", id_text(held.last_id),
        b"max-deleted-entry-id", id_text(held.max_deleted),
        b"entries-added", held.added,
        b"recorded-first-entry-id", id_text(held.first_id()),
    ]  # fmt: skip
    if full:
        fields += [b"entries", shown_entries(held.range(0, HIGHEST, count, backwards=False))]
        groups = [Map(_group_fields(held, name, count)) for name in sorted(held.groups)]
        fields += [b"groups", groups]
    else:
        first = shown_entries(held.range(0, HIGHEST, 1, backwards=False))
        last = shown_entries(held.range(0, HIGHEST, 1, backwards=True))
        fields += [b"groups", len(held.groups)]
        fields += [b"first-entry", first[0] if first else None]
        fields += [b"last-entry", last[0] if last else None]
    return Map(fields)


# ---- what several commands share


def _existing(db: Keyspace, key: bytes) -> Stream:
    held = stream_to_read(db, key)
    if held is None:
        raise Failure(b"ERR no such key")
    return held


def _known(number: int) -> int | None:
    return None if number == NONE else number


def _group_fields(held: Stream, name: bytes, count: int) -> list[object]:
    """What XINFO STREAM FULL shows of a group."""
    group = held.groups[name]
    pending: list[object] = []
    for entry in _first(group.pending, count):
        delivery = group.deliveries[entry]
        pending.append([id_text(entry), delivery.consumer.name, delivery.at, delivery.count])
    consumers: list[object] = []
    for known in sorted(group.consumers):
        consumer = group.consumers[known]
        own: list[object] = []
        for entry in _first(consumer.pending, count):
            delivery = group.deliveries[entry]
            own.append([id_text(entry), delivery.at, delivery.count])
        consumers.append(Map([
            b"name", known,
            b"seen-time", consumer.seen,
            b"active-time", consumer.active,
            b"pel-count", len(consumer.pending),
            b"pending", own,
        ]))  # fmt: skip
    return [
        b"name", name,
        b"last-delivered-id", id_text(group.last_id),
        b"entries-read", _known(group.entries_read),
        b"lag", _known(held.lag(group)),
        b"pel-count", len(group.pending),
        b"pending", pending,
        b"consumers", consumers,
    ]  # fmt: skip


def _first(ids: SortedIds, count: int) -> list[int]:
    """The first `count` of some IDs, all if it is 0."""
    found: list[int] = []
    entry = ids.first()
    while entry != NONE and (count == 0 or len(found) < count):
        found.append(entry)
        entry = ids.following(entry + 1)
    return found
