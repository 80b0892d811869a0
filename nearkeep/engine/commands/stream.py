"""The stream commands.

Source: https://redis.io/docs/latest/commands/?group=stream
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from nearkeep.engine import timeout
from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.commands.generic import free
from nearkeep.engine.keyspace import STREAM, Keyspace
from nearkeep.engine.text import SYNTAX_ERROR, integer, no_such_form, number_or, shown
from nearkeep.engine.values.consumer_group import NONE, Consumer, ConsumerGroup, SortedIds
from nearkeep.engine.values.stream import (
    DROP,
    HIGHEST,
    KEEP,
    RESPECT,
    SEQUENCE,
    Entry,
    Stream,
)
from nearkeep.engine.values.value import WRONG_TYPE
from nearkeep.wire.reply import NULL_ARRAY, OK, Failure, Map, Reply
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_INVALID_ID: Final = b"ERR Invalid stream ID specified as stream command argument"
_NO_KEY: Final = Failure(b"ERR no such key")
_TOO_LOW: Final = Failure(
    b"ERR The ID specified in XADD is equal or smaller than the target stream top item"
)
_NOT_ABOVE_ZERO: Final = Failure(b"ERR The ID specified in XADD must be greater than 0-0")
_EXHAUSTED: Final = Failure(
    b"ERR The stream has exhausted the last possible ID, unable to add more items"
)
_KEY_REQUIRED: Final = Failure(
    b"ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use"
    b" the MKSTREAM option to create an empty stream automatically."
)
_GROUP_EXISTS: Final = Failure(b"BUSYGROUP Consumer Group name already exists")
_NEGATIVE_READ: Final = b"ERR value for ENTRIESREAD must be positive or -1"
_NO_NUMBER: Final = b"ERR Number of IDs must be a positive integer"
_NUMBER_DIFFERS: Final = b"ERR The `numids` parameter must match the number of arguments"
_NO_COUNT: Final = b"ERR COUNT must be > 0"

_REFERENCES: Final = {b"KEEPREF": KEEP, b"DELREF": DROP, b"ACKED": RESPECT}
_MOST_CLAIMED: Final = 9223372036854775807 // 16
_LOOKED_AT: Final = 10  # entries for each that XAUTOCLAIM is to find
_SHOWN: Final = 10  # entries in XINFO STREAM FULL, if COUNT does not say

_UNSIGNED: Final = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(\d+)")


@command(
    "XADD key [NOMKSTREAM] [condition=(KEEPREF | DELREF | ACKED)] [trim=(strategy=(MAXLEN "
    "| MINID) [operator=(equal== | approximately=~)] threshold [LIMIT count:integer])] "
    "id-selector=(auto-id=* | id) data=(field value) ...",
    group="stream", since="5.0.0", complexity="O(1), O(N) when trimming",
    flags="write denyoom fast", keys="1 RW update", hints="nondeterministic_output",
    summary="Appends an entry to a stream, creating it if need be.",
)  # fmt: skip
def xadd(session: Session, args: list[bytes]) -> Reply:
    added = Addition(session, args)
    db = session.db
    key = args[1]
    held = _to_write(db, key)
    if held is None:
        if not added.create:
            return None
        held = Stream()
        db.set(key, held)
    entry = added.next_id(held, session.namespace.clock.ms)
    fields = args[added.at + 1 :]
    held.append(entry, fields, session.namespace.settings)
    db.changed(key)
    db.notify(STREAM, b"xadd", key)
    trim: list[bytes] = []
    if added.trims:
        if added.trim(session, held):
            db.notify(STREAM, b"xtrim", key)
        trim = added.effect(held)
    name = id_text(entry)
    session.effect(b"XADD", key, *trim, name, *fields)
    session.namespace.signal(db, key)
    return name


@command(
    "XLEN key",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Returns the number of entries of a stream.",
)  # fmt: skip
def xlen(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session.db, args[1])
    return 0 if held is None else len(held)


@command(
    "XRANGE key start end [COUNT count:integer]",
    group="stream", since="5.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Returns the entries between two IDs.",
)  # fmt: skip
def xrange(session: Session, args: list[bytes]) -> Reply:
    return _range(session, args, args[2], args[3], backwards=False)


@command(
    "XREVRANGE key end start [COUNT count:integer]",
    group="stream", since="5.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Returns the entries between two IDs, the newest first.",
)  # fmt: skip
def xrevrange(session: Session, args: list[bytes]) -> Reply:
    return _range(session, args, args[3], args[2], backwards=True)


@command(
    "XREAD [COUNT count:integer] [BLOCK milliseconds:integer] STREAMS (key ... id ...)",
    group="stream", since="5.0.0",
    flags="readonly blocking", keys="STREAMS@1..-1%2 RO access",
    summary="Returns the entries after an ID of each stream, waiting for some if asked to.",
)  # fmt: skip
def xread(session: Session, args: list[bytes]) -> Reply:
    return Reading(session, args).run(session, args)


@command(
    "XREADGROUP (GROUP group-block=(group consumer)) [COUNT count:integer] "
    "[BLOCK milliseconds:integer] [NOACK] STREAMS (key ... id ...)",
    group="stream", since="5.0.0", complexity="O(M)",
    flags="write blocking", keys="STREAMS@4..-1%2 RO access",
    summary="Reads streams as a consumer of a group, waiting for entries if asked to.",
)  # fmt: skip
def xreadgroup(session: Session, args: list[bytes]) -> Reply:
    return Reading(session, args).run(session, args)


@command(
    "XDEL key id ...",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="write fast", keys="1 RW delete",
    summary="Deletes entries of a stream.",
)  # fmt: skip
def xdel(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    held = _to_write(db, args[1])
    if held is None:
        return 0
    deleted = 0
    for entry in [parse_id(text, 0) for text in args[2:]]:
        if held.delete(entry):
            deleted += 1
            db.changed(args[1])
    if deleted:
        db.notify(STREAM, b"xdel", args[1])
    return deleted


@command(
    "XDELEX key [condition=(KEEPREF | DELREF | ACKED)] IDS (numids:integer id ...)",
    group="stream", since="8.2.0", complexity="O(1)",
    flags="write fast", keys="1 RW delete",
    summary="Deletes entries of a stream as its groups' references allow.",
)  # fmt: skip
def xdelex(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    held = _to_write(db, args[1])
    wanted = Deletion(args, 2)
    if held is None:
        return wanted.nothing()
    replies: list[object] = []
    deleted = 0
    for entry in wanted.entries():
        reply = _delete(held, entry, wanted.references)
        replies.append(reply)
        if reply == 1:
            deleted += 1
            db.changed(args[1])
    if deleted:
        db.notify(STREAM, b"xdel", args[1])
    return replies


@command(
    "XTRIM key trim=(strategy=(MAXLEN | MINID) [operator=(equal== | approximately=~)] threshold "
    "[LIMIT count:integer] [condition=(KEEPREF | DELREF | ACKED)])",
    group="stream", since="5.0.0", complexity="O(N)",
    flags="write", keys="1 RW delete", hints="nondeterministic_output",
    summary="Removes the oldest entries of a stream.",
)  # fmt: skip
def xtrim(session: Session, args: list[bytes]) -> Reply:
    wanted = Trimming(session, args, adding=False)
    db = session.db
    held = _to_write(db, args[1])
    if held is None:
        return 0
    removed = wanted.trim(session, held)
    if removed:
        db.changed(args[1])
        db.observer.changes += removed - 1
        db.notify(STREAM, b"xtrim", args[1])
        session.effect(b"XTRIM", args[1], *wanted.effect(held))
    return removed


@command(
    "XSETID key last-id [ENTRIESADDED entries-added:integer] [MAXDELETEDID max-deleted-id]",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW update",
    summary="Sets the last ID of a stream.",
)  # fmt: skip
def xsetid(session: Session, args: list[bytes]) -> Reply:
    last_id = parse_id(args[2], 0)
    added, max_deleted = NONE, 0
    for index in range(3, len(args), 2):
        option = args[index].upper()
        if index + 1 == len(args):
            return SYNTAX_ERROR
        if option == b"ENTRIESADDED":
            added = integer(args[index + 1])
            if added < 0:
                return Failure(b"ERR entries_added must be positive")
        elif option == b"MAXDELETEDID":
            max_deleted = parse_id(args[index + 1], 0)
            if last_id < max_deleted:
                return Failure(
                    b"ERR The ID specified in XSETID is smaller than the provided"
                    b" max_deleted_entry_id"
                )
        else:
            return SYNTAX_ERROR
    db = session.db
    held = _to_write(db, args[1])
    if held is None:
        return _NO_KEY
    if last_id < held.max_deleted:
        return Failure(
            b"ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
        )
    if last_id < held.top_id():
        return Failure(b"ERR The ID specified in XSETID is smaller than the target stream top item")
    if added != NONE and len(held) > added:
        return Failure(
            b"ERR The entries_added specified in XSETID is smaller than the target stream length"
        )
    held.last_id = last_id
    if added != NONE:
        held.added = added
    if max_deleted:
        held.max_deleted = max_deleted
    db.changed(args[1])
    db.notify(STREAM, b"xsetid", args[1])
    return OK


@command(
    "XACK key group id ...",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="write fast", keys="1 RW update",
    summary="Acknowledges entries on behalf of a consumer group.",
)  # fmt: skip
def xack(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    held = _to_read(db, args[1])
    group = None if held is None else held.groups.get(args[2])
    if group is None:
        return 0
    acknowledged = 0
    for entry in [parse_id(text, 0) for text in args[3:]]:
        if group.acknowledge(entry):
            acknowledged += 1
            db.changed(args[1])
    return acknowledged


@command(
    "XACKDEL key group [condition=(KEEPREF | DELREF | ACKED)] IDS (numids:integer id ...)",
    group="stream", since="8.2.0", complexity="O(1)",
    flags="write fast", keys="1 RW update delete",
    summary="Acknowledges entries and deletes them as the references allow.",
)  # fmt: skip
def xackdel(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    held = _to_write(db, args[1])
    wanted = Deletion(args, 3)
    group = None if held is None else held.groups.get(args[2])
    if held is None or group is None:
        return wanted.nothing()
    replies: list[object] = []
    deleted = 0
    for entry in wanted.entries():
        reply = -1
        if group.acknowledge(entry):
            db.changed(args[1])
            there = held.get(entry) is not None
            reply = 2 if _delete(held, entry, wanted.references) == 2 else 1
            if there and reply == 1:
                deleted += 1
        replies.append(reply)
    if deleted:
        db.notify(STREAM, b"xdel", args[1])
    return replies


@command(
    "XPENDING key group [filters=([IDLE min-idle-time:integer] start end count:integer "
    "[consumer])]",
    group="stream", since="5.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns what a group was given and has not acknowledged.",
)  # fmt: skip
def xpending(session: Session, args: list[bytes]) -> Reply:
    count = len(args)
    if count != 3 and not 6 <= count <= 9:
        return SYNTAX_ERROR
    if count == 3:
        _, group = _group_to_read(session.db, args)
        return _pending_summary(group)
    first, idle = 3, 0
    if args[3].upper() == b"IDLE":
        idle = integer(args[4])
        if count < 8:
            return SYNTAX_ERROR
        first = 5
    most = max(integer(args[first + 2]), 0)
    start = range_start(args[first])
    end = range_end(args[first + 1])
    _, group = _group_to_read(session.db, args)
    pending = group.pending
    if first + 3 < count:
        consumer = group.consumers.get(args[first + 3])
        if consumer is None:
            return []
        pending = consumer.pending
    now = session.namespace.clock.ms
    found: list[object] = []
    entry = pending.following(start)
    while entry != NONE and entry <= end and len(found) < most:
        delivery = group.deliveries[entry]
        passed = max(now - delivery.at, 0)
        if not idle or passed >= idle:
            found.append([id_text(entry), delivery.consumer.name, passed, delivery.count])
        entry = pending.following(entry + 1)
    return found


@command(
    "XCLAIM key group consumer min-idle-time id ... [IDLE ms:integer] "
    "[TIME unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] [JUSTID] "
    "[LASTID lastid]",
    group="stream", since="5.0.0", complexity="O(log N)",
    flags="write fast", keys="1 RW update", hints="nondeterministic_output",
    summary="Takes over pending entries of other consumers.",
)  # fmt: skip
def xclaim(session: Session, args: list[bytes]) -> Reply:
    held, group = _group_to_write(session.db, args)
    wanted = Claim(args, session.namespace.clock.ms)
    last_id = group.last_id
    if wanted.last_id > last_id:
        group.last_id = wanted.last_id
    claims = Claims(session, args[1], args[2], args[3], group)
    for entry in wanted.ids:
        claims.take(held, entry, wanted)
    if group.last_id != last_id and not claims.found:
        session.db.changed(args[1])
        _tell_position(session, args[1], args[2], group)
    return claims.found


@command(
    "XAUTOCLAIM key group consumer min-idle-time start [COUNT count:integer] [JUSTID]",
    group="stream", since="6.2.0", complexity="O(1) for a small COUNT",
    flags="write fast", keys="1 RW delete", hints="nondeterministic_output",
    summary="Takes over entries that other consumers left pending too long.",
)  # fmt: skip
def xautoclaim(session: Session, args: list[bytes]) -> Reply:
    idle = number_or(args[4], b"ERR Invalid min-idle-time argument for XAUTOCLAIM")
    start = range_start(args[5])
    count, justid = 100, False
    index = 6
    while index < len(args):
        option = args[index].upper()
        if option == b"COUNT" and index + 1 < len(args):
            count = number_or(args[index + 1], _NO_COUNT)
            if not 0 < count <= _MOST_CLAIMED:
                return Failure(_NO_COUNT)
            index += 1
        elif option == b"JUSTID":
            justid = True
        else:
            return SYNTAX_ERROR
        index += 1
    held, group = _group_to_write(session.db, args)
    wanted = Claim(args[:5], session.namespace.clock.ms)
    wanted.idle, wanted.justid = max(idle, 0), justid
    claims = Claims(session, args[1], args[2], args[3], group)
    entry = group.pending.following(start)
    looked = 0
    while entry != NONE and looked < count * _LOOKED_AT:
        if len(claims.found) + len(claims.gone) == count:
            break
        claims.take(held, entry, wanted)
        looked += 1
        entry = group.pending.following(entry + 1)
    return [id_text(max(entry, 0)), claims.found, claims.gone]


container(
    "XGROUP",
    group="stream", since="5.0.0",
    acl="-stream",
    summary="Consumer groups: create, change and destroy them.",
)  # fmt: skip


@command(
    "XGROUP CREATE key group id-selector=(id | new-id=$) [MKSTREAM] "
    "[ENTRIESREAD entriesread=entries-read:integer]",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="write denyoom", keys="2 RW insert",
    summary="Creates a consumer group on a stream.",
)  # fmt: skip
def xgroup_create(session: Session, args: list[bytes]) -> Reply:
    read, create = NONE, False
    index = 5
    while index < len(args):
        option = args[index].upper()
        if option == b"MKSTREAM":
            create = True
            index += 1
        elif option == b"ENTRIESREAD" and index + 1 < len(args):
            read = _entries_read(args[index + 1])
            index += 2
        else:
            return no_such_form(args)
    db = session.db
    held = _to_write(db, args[2])
    if held is None and not create:
        return _KEY_REQUIRED
    if len(args) > 8:
        return no_such_form(args)
    last_id = 0 if held is None else held.last_id
    if args[4] != b"$":
        last_id = parse_id(args[4], 0)
    if held is None:
        held = Stream()
        db.set(args[2], held)
    if args[3] in held.groups:
        return _GROUP_EXISTS
    held.groups[args[3]] = ConsumerGroup(last_id, min(read, held.added))
    db.changed(args[2])
    db.notify(STREAM, b"xgroup-create", args[2])
    return OK


@command(
    "XGROUP CREATECONSUMER key group consumer",
    group="stream", since="6.2.0", complexity="O(1)",
    flags="write denyoom", keys="2 RW insert",
    summary="Adds a consumer to a group.",
)  # fmt: skip
def xgroup_createconsumer(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    _, group = _existing_group(db, args)
    if args[4] in group.consumers:
        return 0
    _consumer(session, args[2], group, args[4])
    db.changed(args[2])
    return 1


@command(
    "XGROUP DELCONSUMER key group consumer",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="write", keys="2 RW delete",
    summary="Removes a consumer from a group.",
)  # fmt: skip
def xgroup_delconsumer(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    _, group = _existing_group(db, args)
    pending = group.remove_consumer(args[4])
    if pending == NONE:
        return 0
    db.changed(args[2])
    db.notify(STREAM, b"xgroup-delconsumer", args[2])
    return pending


@command(
    "XGROUP DESTROY key group",
    group="stream", since="5.0.0", complexity="O(N)",
    flags="write", keys="2 RW delete",
    summary="Removes a consumer group from a stream.",
)  # fmt: skip
def xgroup_destroy(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    held = _to_write(db, args[2])
    if held is None:
        return _KEY_REQUIRED
    group = held.groups.pop(args[3], None)
    if group is None:
        return 0
    if group.deliveries:
        session.namespace.discard([group.deliveries])
    db.changed(args[2])
    db.notify(STREAM, b"xgroup-destroy", args[2])
    session.namespace.signal(db, args[2])
    return 1


@command(
    "XGROUP HELP",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of XGROUP.",
)  # fmt: skip
def xgroup_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("xgroup")


@command(
    "XGROUP SETID key group id-selector=(id | new-id=$) "
    "[ENTRIESREAD entriesread=entries-read:integer]",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="write", keys="2 RW update",
    summary="Sets the entry after which a group reads on.",
)  # fmt: skip
def xgroup_setid(session: Session, args: list[bytes]) -> Reply:
    read = NONE
    for index in range(5, len(args), 2):
        if args[index].upper() != b"ENTRIESREAD" or index + 1 == len(args):
            return no_such_form(args)
        read = _entries_read(args[index + 1])
    db = session.db
    held, group = _existing_group(db, args)
    if len(args) > 7:
        return no_such_form(args)
    last_id = held.last_id if args[4] == b"$" else parse_id(args[4], 0)
    group.last_id = last_id
    group.entries_read = min(read, held.added)
    db.changed(args[2])
    db.notify(STREAM, b"xgroup-setid", args[2])
    return OK


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
        return _no_group(args[3], args[2])
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
        fields += [b"entries", _shown(held.range(0, HIGHEST, count, backwards=False))]
        groups = [Map(_group_fields(held, name, count)) for name in sorted(held.groups)]
        fields += [b"groups", groups]
    else:
        first = _shown(held.range(0, HIGHEST, 1, backwards=False))
        last = _shown(held.range(0, HIGHEST, 1, backwards=True))
        fields += [b"groups", len(held.groups)]
        fields += [b"first-entry", first[0] if first else None]
        fields += [b"last-entry", last[0] if last else None]
    return Map(fields)


# ---- IDs


def id_text(entry: int) -> bytes:
    """An ID as text."""
    return b"%d-%d" % (entry >> 64, entry & SEQUENCE)


def parse_id(text: bytes, sequence: int) -> int:
    """An ID from text; `sequence` is for one that is only milliseconds.

    Raises:
        Failure: it is none.
    """
    milliseconds, dash, rest = _terminated(text).partition(b"-")
    if dash:
        sequence = _unsigned(rest)
    return _unsigned(milliseconds) << 64 | sequence


def range_start(text: bytes) -> int:
    """The first ID of a range: `-`, `+`, an ID, or with a `(` before it the one after it."""
    if text[:1] != b"(" or len(text) == 1:
        return _range_end(text, 0)
    entry = parse_id(text[1:], 0)
    if entry == HIGHEST:
        raise Failure(b"ERR invalid start ID for the interval")
    return entry + 1


def range_end(text: bytes) -> int:
    """The last ID of a range: `-`, `+`, an ID, or with a `(` before it the one before it."""
    if text[:1] != b"(" or len(text) == 1:
        return _range_end(text, SEQUENCE)
    entry = parse_id(text[1:], SEQUENCE)
    if entry == 0:
        raise Failure(b"ERR invalid end ID for the interval")
    return entry - 1


def _range_end(text: bytes, sequence: int) -> int:
    if text == b"-":
        return 0
    if text == b"+":
        return HIGHEST
    return parse_id(text, sequence)


def _terminated(text: bytes) -> bytes:
    """Redis copies an ID as a C string, so what follows a zero does not count."""
    if len(text) > 127:
        raise Failure(_INVALID_ID)
    end = text.find(b"\x00")
    return text if end < 0 else text[:end]


def _unsigned(text: bytes) -> int:
    """A number of 64 bits without a sign, as Redis reads it: else as C's strtoull does."""
    number = parse_integer(text)
    if number is None:
        match = _UNSIGNED.fullmatch(text)
        if match is None:
            raise Failure(_INVALID_ID)
        number = int(match[2])
        if number > SEQUENCE:
            raise Failure(_INVALID_ID)
        if match[1] == b"-":
            number = -number & SEQUENCE
    if number < 0:
        raise Failure(_INVALID_ID)
    return number


# ---- finding streams and groups


def _to_read(db: Keyspace, key: bytes) -> Stream | None:
    value = db.read(key)
    if value is None or isinstance(value, Stream):
        return value
    raise Failure(WRONG_TYPE.message)


def _to_write(db: Keyspace, key: bytes) -> Stream | None:
    value = db.lookup(key)
    if value is None or isinstance(value, Stream):
        return value
    raise Failure(WRONG_TYPE.message)


def _existing(db: Keyspace, key: bytes) -> Stream:
    held = _to_read(db, key)
    if held is None:
        raise Failure(_NO_KEY.message)
    return held


def _group_of(held: Stream | None, args: list[bytes]) -> tuple[Stream, ConsumerGroup]:
    if held is not None:
        group = held.groups.get(args[2])
        if group is not None:
            return held, group
    raise Failure(
        b"NOGROUP No such key '%s' or consumer group '%s'" % (shown(args[1]), shown(args[2]))
    )


def _group_to_read(db: Keyspace, args: list[bytes]) -> tuple[Stream, ConsumerGroup]:
    return _group_of(_to_read(db, args[1]), args)


def _group_to_write(db: Keyspace, args: list[bytes]) -> tuple[Stream, ConsumerGroup]:
    return _group_of(_to_write(db, args[1]), args)


def _existing_group(db: Keyspace, args: list[bytes]) -> tuple[Stream, ConsumerGroup]:
    """The stream and group of an XGROUP command."""
    held = _to_write(db, args[2])
    if held is None:
        raise Failure(_KEY_REQUIRED.message)
    group = held.groups.get(args[3])
    if group is None:
        raise _no_group(args[3], args[2])
    return held, group


def _no_group(group: bytes, key: bytes) -> Failure:
    return Failure(
        b"NOGROUP No such consumer group '%s' for key name '%s'" % (shown(group), shown(key))
    )


def _entries_read(text: bytes) -> int:
    read = integer(text)
    if read < 0 and read != NONE:
        raise Failure(_NEGATIVE_READ)
    return read


def _consumer(session: Session, key: bytes, group: ConsumerGroup, name: bytes) -> Consumer:
    """A consumer of a group that has come to ask for entries; created if it is new."""
    now = session.namespace.clock.ms
    consumer = group.consumers.get(name)
    if consumer is None:
        consumer = group.consumers[name] = Consumer(name, now)
        session.db.notify(STREAM, b"xgroup-createconsumer", key)
    consumer.seen = now
    return consumer


def _tell_position(session: Session, key: bytes, name: bytes, group: ConsumerGroup) -> None:
    """Says in the mutation stream how far a group has read."""
    session.effect(
        b"XGROUP", b"SETID", key, name, id_text(group.last_id),
        b"ENTRIESREAD", b"%d" % group.entries_read,
    )  # fmt: skip


# ---- what replies show


def _shown(entries: list[Entry]) -> list[object]:
    return [[id_text(entry), fields] for entry, fields in entries]


def _known(number: int) -> int | None:
    return None if number == NONE else number


def _range(session: Session, args: list[bytes], start: bytes, end: bytes, backwards: bool) -> Reply:
    first = range_start(start)
    last = range_end(end)
    count = NONE
    for index in range(4, len(args), 2):
        if args[index].upper() != b"COUNT" or index + 1 == len(args):
            return SYNTAX_ERROR
        count = max(integer(args[index + 1]), 0)
    held = _to_read(session.db, args[1])
    if held is None:
        return []
    if count == 0:
        return NULL_ARRAY
    return _shown(held.range(first, last, max(count, 0), backwards))


def _pending_summary(group: ConsumerGroup) -> Reply:
    if not len(group.pending):
        return [0, None, None, NULL_ARRAY]
    consumers: list[object] = []
    for name in sorted(group.consumers):
        count = len(group.consumers[name].pending)
        if count:
            consumers.append([name, b"%d" % count])
    first, last = id_text(group.pending.first()), id_text(group.pending.last())
    return [len(group.pending), first, last, consumers]


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


# ---- deleting and trimming


def _delete(held: Stream, entry: int, references: int) -> int:
    """Deletes an entry: 1 if that was done, -1 if it is not there, 2 if it is still referenced."""
    if references == RESPECT and held.is_referenced(entry):
        return 2
    if references == DROP:
        held.drop_references(entry)
    return 1 if held.delete(entry) else -1


class Deletion:
    """`[KEEPREF | DELREF | ACKED] IDS numids id …`, the words of XDELEX and XACKDEL from `at` on."""

    def __init__(self, args: list[bytes], at: int) -> None:
        self.ids: list[bytes] = []
        self.references = KEEP
        chosen = False
        while at < len(args):
            option = args[at].upper()
            if option in _REFERENCES and not chosen:
                self.references = _REFERENCES[option]
                chosen = True
                at += 1
            elif option == b"IDS" and at + 1 < len(args):
                number = number_or(args[at + 1], _NO_NUMBER)
                if number <= 0:
                    raise Failure(_NO_NUMBER)
                if number > len(args) - at - 2:
                    raise Failure(_NUMBER_DIFFERS)
                self.ids = args[at + 2 : at + 2 + number]
                at += 2 + number
            else:
                raise Failure(SYNTAX_ERROR.message)
        if not self.ids:
            raise Failure(SYNTAX_ERROR.message)

    def entries(self) -> list[int]:
        """The IDs."""
        return [parse_id(text, 0) for text in self.ids]

    def nothing(self) -> list[object]:
        """The reply where there is nothing to delete from."""
        return [-1 for _ in self.ids]


class Trimming:
    """The options of XTRIM, and those of XADD before the ID.

    Attributes:
        at: the index of the first word that is none of them.
        trims: whether there is anything to be trimmed.
        create: whether a stream that is not there is to be made (not with NOMKSTREAM).
    """

    def __init__(self, session: Session, args: list[bytes], adding: bool) -> None:
        self.at = 2
        self.trims = False
        self.create = True
        self._most = NONE
        self._lowest = NONE
        self._whole = False
        self._limit = NONE
        self._references = KEEP
        self._chosen = False
        while self.at < len(args) and self._option(args, adding):
            pass
        self._read_id(args)
        if self._limit > 0 and not self.trims:
            raise Failure(
                b"ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
            )
        if not adding and not self.trims:
            raise Failure(b"ERR syntax error, XTRIM must be called with a trimming strategy")
        if self._limit > 0 and not self._whole:
            raise Failure(b"ERR syntax error, LIMIT cannot be used without the special ~ option")
        if self._limit == NONE:
            self._limit = 0
            if self._whole:
                self._limit = 100 * session.namespace.settings.integer("stream-node-max-entries")
                if self._limit <= 0:
                    self._limit = 10_000

    def _read_id(self, args: list[bytes]) -> None:
        """Reads what follows the options."""

    def _option(self, args: list[bytes], adding: bool) -> bool:
        """Reads the option at `at`; whether there was one."""
        word = args[self.at]
        option = word.upper()
        more = self.at + 1 < len(args)
        if adding and word == b"*":
            return False
        if option in (b"MAXLEN", b"MINID") and more:
            self._threshold(args, option)
        elif option == b"LIMIT" and more:
            self._limit = integer(args[self.at + 1])
            if self._limit < 0:
                raise Failure(b"ERR The LIMIT argument must be >= 0.")
            self.at += 2
        elif option == b"NOMKSTREAM" and adding:
            self.create = False
            self.at += 1
        elif option in _REFERENCES and not self._chosen:
            self._references = _REFERENCES[option]
            self._chosen = True
            self.at += 1
        elif adding:
            return False
        else:
            raise Failure(SYNTAX_ERROR.message)
        return True

    def _threshold(self, args: list[bytes], option: bytes) -> None:
        if self.trims:
            raise Failure(
                b"ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
            )
        self.trims = True
        at = self.at + 1
        if args[at] in (b"~", b"=") and at + 1 < len(args):
            self._whole = args[at] == b"~"
            at += 1
        if option == b"MAXLEN":
            self._most = integer(args[at])
            if self._most < 0:
                raise Failure(b"ERR The MAXLEN argument must be >= 0.")
        else:
            self._lowest = parse_id(args[at], 0)
        self.at = at + 1

    def trim(self, session: Session, held: Stream) -> int:
        """Trims a stream; returns how many entries went."""
        before = len(held)
        most, lowest = max(self._most, 0), self._lowest
        if lowest == NONE:
            lowest = HIGHEST + 1
        free(session.namespace, held.trim(most, lowest, self._whole, self._limit, self._references))
        return before - len(held)

    def effect(self, held: Stream) -> list[bytes]:
        """The options that do the same again, whatever blocks the entries stand in."""
        words: list[bytes] = []
        for word, references in _REFERENCES.items():
            if references == self._references and references != KEEP:
                words.append(word)
        if self._most != NONE:
            most = len(held) if self._whole else self._most
            return [*words, b"MAXLEN", b"=", b"%d" % most]
        lowest = held.first_id() if self._whole else self._lowest
        return [*words, b"MINID", b"=", id_text(lowest)]


class Addition(Trimming):
    """The words of XADD: options, an ID, fields and values."""

    def __init__(self, session: Session, args: list[bytes]) -> None:
        self._time = NONE
        self._sequence = NONE
        super().__init__(session, args, adding=True)
        fields = len(args) - self.at - 1
        if fields < 2 or fields % 2:
            raise Failure(b"ERR wrong number of arguments for 'xadd' command")
        if self._time == 0 and self._sequence == 0:
            raise Failure(_NOT_ABOVE_ZERO.message)

    def _read_id(self, args: list[bytes]) -> None:
        if self.at == len(args) or args[self.at] == b"*":
            return
        milliseconds, dash, sequence = _terminated(args[self.at]).partition(b"-")
        self._time = _unsigned(milliseconds)
        if not dash:
            self._sequence = 0
        elif sequence != b"*":
            self._sequence = _unsigned(sequence)

    def next_id(self, held: Stream, now: int) -> int:
        """The ID of the entry to be added.

        Raises:
            Failure: it is not above all that the stream has had.
        """
        last = held.last_id
        if last == HIGHEST:
            raise Failure(_EXHAUSTED.message)
        if self._time == NONE:
            return max(now << 64, last + 1)
        entry = self._time << 64
        if self._sequence != NONE:
            entry |= self._sequence
        elif last >> 64 == self._time:
            entry = last + 1
        if entry <= last or entry >> 64 != self._time:
            raise Failure(_TOO_LOW.message)
        return entry


# ---- reading


class Reading:
    """XREAD and XREADGROUP.

    Attributes:
        after: for each key the ID after which it reads; NONE for `>`.
    """

    def __init__(self, session: Session, args: list[bytes]) -> None:
        self._groups = args[0].upper() == b"XREADGROUP"
        self._group = b""
        self._consumer = b""
        self._grouped = False
        self._count = 0
        self._wait = NONE
        self._noack = False
        self._keys: list[bytes] = []
        self._texts: list[bytes] = []
        self._options(session, args)
        self.after: list[int] = []
        for key, text in zip(self._keys, self._texts, strict=True):
            self.after.append(self._start(session, key, text))

    def _options(self, session: Session, args: list[bytes]) -> None:
        name = args[0].lower()
        index = 1
        while index < len(args) and not self._keys:
            option = args[index].upper()
            left = len(args) - index - 1
            if option == b"BLOCK" and left:
                index += 1
                self._wait = timeout.milliseconds(args[index], session.namespace.clock.ms)
            elif option == b"COUNT" and left:
                index += 1
                self._count = max(integer(args[index]), 0)
            elif option == b"STREAMS" and left:
                if left % 2:
                    raise Failure(
                        b"ERR Unbalanced '%s' list of streams: for each stream key an ID%s must be"
                        b" specified." % (name, b" or '>'" if self._groups else b", '+', or '$'")
                    )
                middle = index + 1 + left // 2
                self._keys = args[index + 1 : middle]
                self._texts = args[middle:]
            elif option == b"GROUP" and left >= 2:
                self._refuse_without_group(option)
                self._group, self._consumer = args[index + 1], args[index + 2]
                self._grouped = True
                index += 2
            elif option == b"NOACK":
                self._refuse_without_group(option)
                self._noack = True
            else:
                raise Failure(SYNTAX_ERROR.message)
            index += 1
        if not self._keys:
            raise Failure(SYNTAX_ERROR.message)
        if self._groups and not self._grouped:
            raise Failure(b"ERR Missing GROUP option for XREADGROUP")

    def _refuse_without_group(self, option: bytes) -> None:
        if not self._groups:
            raise Failure(
                b"ERR The %s option is only supported by XREADGROUP. You called XREAD instead."
                % option
            )

    def _start(self, session: Session, key: bytes, text: bytes) -> int:
        """After which ID to read a stream."""
        held = _to_read(session.db, key)
        if self._groups and (held is None or self._group not in held.groups):
            raise Failure(
                b"NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option"
                % (shown(key), shown(self._group))
            )
        if text in (b"$", b"+"):
            if self._groups:
                raise Failure(
                    b"ERR The %s ID is meaningless in the context of XREADGROUP: you want to read"
                    b" the history of this consumer by specifying a proper ID, or use the > ID to"
                    b" get new messages. The %s ID would just return an empty result set."
                    % (text, text)
                )
            if held is None:
                return 0
            return held.last_id if text == b"$" else max(held.top_id() - 1, 0)
        if text == b">":
            if not self._groups:
                raise Failure(
                    b"ERR The > ID can be specified only when calling XREADGROUP using the GROUP"
                    b" <group> <consumer> option."
                )
            return NONE
        return parse_id(text, 0)

    def run(self, session: Session, args: list[bytes]) -> Reply:
        """Reads, or waits where that is wanted and there is nothing."""
        found: list[object] = []
        for key, after in zip(self._keys, self.after, strict=True):
            held = _to_read(session.db, key)
            if held is None:
                continue
            entries = self._read(session, key, held, after)
            if entries is not None:
                found.append(key)
                found.append(entries)
        if found:
            if session.protocol == 3:
                return Map(found)
            return [[found[index], found[index + 1]] for index in range(0, len(found), 2)]
        if self._wait == NONE:
            return NULL_ARRAY
        words = args[: len(args) - len(self._texts)]
        for text, after in zip(self._texts, self.after, strict=True):
            words.append(id_text(after) if text == b"$" else text)
        return session.block(
            self._keys, self._wait, NULL_ARRAY, words, b"stream", keyless=self._groups
        )

    def _read(self, session: Session, key: bytes, held: Stream, after: int) -> list[object] | None:
        """The entries of one stream; None if there are none to be waited for."""
        if not self._groups:
            if held.top_id() <= after:
                return None
            return _shown(held.range(after + 1, HIGHEST, self._count, backwards=False))
        group = held.groups[self._group]
        known = self._consumer in group.consumers
        consumer = _consumer(session, key, group, self._consumer)
        if not known:
            session.db.changed(key)
            session.effect(b"XGROUP", b"CREATECONSUMER", key, self._group, self._consumer)
        if after != NONE:
            return self._history(session, held, group, consumer, after)
        if held.top_id() <= group.last_id:
            return None
        entries = held.range(group.last_id + 1, HIGHEST, self._count, backwards=False)
        now = session.namespace.clock.ms
        consumer.active = now
        for entry, _ in entries:
            held.advance(group, entry)
            if not self._noack:
                group.deliver(entry, consumer, now, 1)
        session.db.changed(key)
        if not self._noack:
            session.effect(
                b"XCLAIM", key, self._group, self._consumer, b"0",
                *[id_text(entry) for entry, _ in entries],
                b"TIME", b"%d" % now, b"RETRYCOUNT", b"1", b"FORCE", b"JUSTID",
                b"LASTID", id_text(group.last_id),
            )  # fmt: skip
        _tell_position(session, key, self._group, group)
        return _shown(entries)

    def _history(
        self, session: Session, held: Stream, group: ConsumerGroup, consumer: Consumer, after: int
    ) -> list[object]:
        """What the consumer was given and has not acknowledged, once more."""
        found: list[object] = []
        now = session.namespace.clock.ms
        entry = consumer.pending.following(after + 1)
        while entry != NONE and (self._count == 0 or len(found) < self._count):
            fields = held.get(entry)
            found.append([id_text(entry), NULL_ARRAY if fields is None else fields])
            if fields is not None:
                delivery = group.deliveries[entry]
                delivery.at = now
                delivery.count += 1
            entry = consumer.pending.following(entry + 1)
        if found:
            consumer.active = now
        return found


# ---- claiming


class Claim:
    """The words of XCLAIM.

    Attributes:
        ids: the entries.
        idle: only those that nobody has touched for so many milliseconds.
        at: when they are to count as delivered, milliseconds since the epoch.
        count: how often they are to count as delivered; NONE for once more.
    """

    def __init__(self, args: list[bytes], now: int) -> None:
        self.ids: list[int] = []
        self.at = NONE
        self.count = NONE
        self.last_id = 0
        self.force = False
        self.justid = False
        self.idle = max(number_or(args[4], b"ERR Invalid min-idle-time argument for XCLAIM"), 0)
        index = 5
        while index < len(args) and _is_id(args[index]):
            self.ids.append(parse_id(args[index], 0))
            index += 1
        while index < len(args):
            index += self._option(args, index, now)
        if not 0 <= self.at <= now:
            self.at = now

    def _option(self, args: list[bytes], index: int, now: int) -> int:
        """Reads the option at an index; returns how many words it has."""
        option = args[index].upper()
        if option == b"FORCE":
            self.force = True
            return 1
        if option == b"JUSTID":
            self.justid = True
            return 1
        if index + 1 < len(args):
            value = args[index + 1]
            message = b"ERR Invalid %s option argument for XCLAIM" % option
            if option == b"IDLE":
                self.at = now - number_or(value, message)
                return 2
            if option == b"TIME":
                self.at = number_or(value, message)
                return 2
            if option == b"RETRYCOUNT":
                self.count = number_or(value, message)
                return 2
            if option == b"LASTID":
                self.last_id = parse_id(value, 0)
                return 2
        raise Failure(b"ERR Unrecognized XCLAIM option '%s'" % shown(args[index]))


def _is_id(text: bytes) -> bool:
    try:
        parse_id(text, 0)
    except Failure:
        return False
    return True


class Claims:
    """What a consumer takes over.

    Attributes:
        found: the entries that it got, as the reply shows them.
        gone: the IDs of those that are not in the stream any more.
    """

    def __init__(
        self, session: Session, key: bytes, name: bytes, consumer: bytes, group: ConsumerGroup
    ) -> None:
        self.found: list[object] = []
        self.gone: list[object] = []
        self._session = session
        self._key = key
        self._name = name
        self._group = group
        known = consumer in group.consumers
        self._consumer = _consumer(session, key, group, consumer)
        if not known:
            session.db.changed(key)
            session.effect(b"XGROUP", b"CREATECONSUMER", key, name, consumer)

    def take(self, held: Stream, entry: int, wanted: Claim) -> None:
        """Takes over an entry, if it may be."""
        session, group = self._session, self._group
        delivery = group.deliveries.get(entry)
        fields = held.get(entry)
        if fields is None:
            if group.acknowledge(entry):
                self.gone.append(id_text(entry))
                session.db.changed(self._key)
                session.effect(b"XACK", self._key, self._name, id_text(entry))
            return
        now = session.namespace.clock.ms
        if delivery is None:
            if not wanted.force:
                return
            count = 1
        else:
            if wanted.idle and now - delivery.at < wanted.idle:
                return
            count = delivery.count
        if wanted.count >= 0:
            count = wanted.count
        elif not wanted.justid:
            count += 1
        group.deliver(entry, self._consumer, wanted.at, count)
        self._consumer.active = now
        name = id_text(entry)
        self.found.append(name if wanted.justid else [name, fields])
        session.db.changed(self._key)
        session.effect(
            b"XCLAIM", self._key, self._name, self._consumer.name, b"0", name,
            b"TIME", b"%d" % wanted.at, b"RETRYCOUNT", b"%d" % count, b"FORCE", b"JUSTID",
            b"LASTID", id_text(group.last_id),
        )  # fmt: skip
