"""The stream commands for consumer groups and what they have pending.

Source: https://redis.io/docs/latest/commands/?group=stream
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.commands.stream import (
    Deletion,
    delete_entry,
    stream_to_read,
    stream_to_write,
)
from nearkeep.engine.keyspace import STREAM, Keyspace
from nearkeep.engine.stream_id import id_text, parse_bound, parse_id, range_end, range_start
from nearkeep.engine.text import SYNTAX_ERROR, c_string, integer, no_such_form, number_or
from nearkeep.engine.values.consumer_group import NONE, Consumer, ConsumerGroup
from nearkeep.engine.values.stream import Stream
from nearkeep.wire.reply import NULL_ARRAY, OK, Failure, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_KEY_REQUIRED: Final = Failure(
    b"ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use"
    b" the MKSTREAM option to create an empty stream automatically."
)
_GROUP_EXISTS: Final = Failure(b"BUSYGROUP Consumer Group name already exists")
_NEGATIVE_READ: Final = b"ERR value for ENTRIESREAD must be positive or -1"
_NO_COUNT: Final = b"ERR COUNT must be > 0"

_MOST_CLAIMED: Final = 9223372036854775807 // 16
_LOOKED_AT: Final = 10  # entries for each that XAUTOCLAIM is to find


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
    held = stream_to_write(db, args[2])
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
    held.add_group(args[3], ConsumerGroup(last_id, min(read, held.added)))
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
    asking_consumer(session, args[2], group, args[4])
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
    held = stream_to_write(db, args[2])
    if held is None:
        return _KEY_REQUIRED
    group = held.remove_group(args[3])
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
    last_id = held.last_id if args[4] == b"$" else parse_bound(args[4], 0)
    group.last_id = last_id
    group.entries_read = min(read, held.added)
    db.changed(args[2])
    db.notify(STREAM, b"xgroup-setid", args[2])
    return OK


@command(
    "XACK key group id ...",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="write fast", keys="1 RW update",
    summary="Acknowledges entries on behalf of a consumer group.",
)  # fmt: skip
def xack(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    held = stream_to_read(db, args[1])
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
    held = stream_to_write(db, args[1])
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
            reply = 2 if delete_entry(held, entry, wanted.references) == 2 else 1
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
        tell_position(session, args[1], args[2], group)
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


# ---- what several commands share


def _group_of(held: Stream | None, args: list[bytes]) -> tuple[Stream, ConsumerGroup]:
    if held is not None:
        group = held.groups.get(args[2])
        if group is not None:
            return held, group
    raise Failure(
        b"NOGROUP No such key '%s' or consumer group '%s'" % (c_string(args[1]), c_string(args[2]))
    )


def _group_to_read(db: Keyspace, args: list[bytes]) -> tuple[Stream, ConsumerGroup]:
    return _group_of(stream_to_read(db, args[1]), args)


def _group_to_write(db: Keyspace, args: list[bytes]) -> tuple[Stream, ConsumerGroup]:
    return _group_of(stream_to_write(db, args[1]), args)


def _existing_group(db: Keyspace, args: list[bytes]) -> tuple[Stream, ConsumerGroup]:
    """The stream and group of an XGROUP command."""
    held = stream_to_write(db, args[2])
    if held is None:
        raise Failure(_KEY_REQUIRED.message)
    group = held.groups.get(args[3])
    if group is None:
        raise no_group(args[3], args[2])
    return held, group


def no_group(group: bytes, key: bytes) -> Failure:
    return Failure(
        b"NOGROUP No such consumer group '%s' for key name '%s'" % (c_string(group), c_string(key))
    )


def _entries_read(text: bytes) -> int:
    read = integer(text)
    if read < 0 and read != NONE:
        raise Failure(_NEGATIVE_READ)
    return read


def asking_consumer(session: Session, key: bytes, group: ConsumerGroup, name: bytes) -> Consumer:
    """A consumer of a group that has come to ask for entries; created if it is new."""
    now = session.namespace.clock.ms
    consumer = group.consumers.get(name)
    if consumer is None:
        consumer = group.add_consumer(name, now)
        session.db.notify(STREAM, b"xgroup-createconsumer", key)
    consumer.seen = now
    return consumer


def tell_position(session: Session, key: bytes, name: bytes, group: ConsumerGroup) -> None:
    """Says in the mutation stream how far a group has read."""
    session.effect(
        b"XGROUP", b"SETID", key, name, id_text(group.last_id),
        b"ENTRIESREAD", b"%d" % group.entries_read,
    )  # fmt: skip


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
        raise Failure(b"ERR Unrecognized XCLAIM option '%s'" % c_string(args[index]))


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
        self._consumer = asking_consumer(session, key, group, consumer)
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
