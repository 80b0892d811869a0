"""The set commands.

Source: https://redis.io/docs/latest/commands/?group=set
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import ScanOptions, drop_if_empty, free, scan_cursor
from nearkeep.engine.draw import bounded, draw_count, draw_place, draw_places
from nearkeep.engine.glob import matches
from nearkeep.engine.keyspace import GENERIC, SET, Keyspace
from nearkeep.engine.text import SYNTAX_ERROR, number_or
from nearkeep.engine.values.set import (
    Set,
    difference,
    intersection_of,
    set_of,
    shared,
    smallest,
    united,
)
from nearkeep.engine.values.value import WRONG_TYPE
from nearkeep.wire.reply import Failure, Reply, SetReply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_NOT_POSITIVE: Final = b"ERR value is out of range, must be positive"
_NO_KEYS: Final = b"ERR numkeys should be greater than 0"
_NEGATIVE_LIMIT: Final = b"ERR LIMIT can't be negative"


@command(
    "SADD key member ...",
    group="set", since="1.0.0", complexity="O(N)",
    flags="write denyoom fast", keys="1 RW insert",
    summary="Adds members to a set, creating it if need be.",
)  # fmt: skip
def sadd(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    settings = session.namespace.settings
    key = args[1]
    held = _to_write(db, key)
    if held is None:
        held = Set()
        held.expect(args[2], len(args) - 2, settings)
        db.set(key, held)
    elif len(args) > 3:
        held.expect(args[2], len(args) - 2, settings)
    added = 0
    for index in range(2, len(args)):
        if held.add(args[index], settings):
            added += 1
            db.changed(key)
    if added:
        db.notify(SET, b"sadd", key)
    return added


@command(
    "SREM key member ...",
    group="set", since="1.0.0", complexity="O(N)",
    flags="write fast", keys="1 RW delete",
    summary="Removes members from a set.",
)  # fmt: skip
def srem(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    held = _to_write(db, key)
    if held is None:
        return 0
    removed = 0
    for index in range(2, len(args)):
        if held.remove(args[index]):
            removed += 1
            db.changed(key)
    if removed:
        db.notify(SET, b"srem", key)
        drop_if_empty(db, key, held)
    return removed


@command(
    "SMEMBERS key",
    group="set", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output_order",
    summary="Returns every member of a set.",
)  # fmt: skip
def smembers(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session.db, args[1])
    return SetReply([] if held is None else [*held.members()])


@command(
    "SISMEMBER key member",
    group="set", since="1.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Tells whether a set has a member.",
)  # fmt: skip
def sismember(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session.db, args[1])
    return 1 if held is not None and args[2] in held else 0


@command(
    "SMISMEMBER key member ...",
    group="set", since="6.2.0", complexity="O(N)",
    flags="readonly fast", keys="1 RO access",
    summary="Tells for each member whether a set has it.",
)  # fmt: skip
def smismember(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session.db, args[1])
    if held is None:
        return [0] * (len(args) - 2)
    return [1 if member in held else 0 for member in args[2:]]


@command(
    "SCARD key",
    group="set", since="1.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Returns the number of members of a set.",
)  # fmt: skip
def scard(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session.db, args[1])
    return 0 if held is None else len(held)


@command(
    "SPOP key [count:integer]",
    group="set", since="1.0.0", complexity="O(1), O(N) with a count",
    flags="write fast", keys="1 RW access delete", hints="nondeterministic_output",
    summary="Removes members drawn at random and returns them.",
)  # fmt: skip
def spop(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return SYNTAX_ERROR
    if len(args) == 3:
        return _pop_many(session, args[1], args[2])
    db = session.db
    key = args[1]
    held = _to_write(db, key)
    if held is None:
        return None
    member = held.at(draw_place(session.namespace.random, len(held)))
    held.remove(member)
    db.changed(key)
    db.notify(SET, b"spop", key)
    session.effect(b"SREM", key, member)
    drop_if_empty(db, key, held)
    return member


@command(
    "SRANDMEMBER key [count:integer]",
    group="set", since="1.0.0", complexity="O(1), O(N) with a count",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns members drawn at random.",
)  # fmt: skip
def srandmember(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return SYNTAX_ERROR
    draw = session.namespace.random
    if len(args) == 2:
        held = _to_read(session.db, args[1])
        return None if held is None else held.at(draw_place(draw, len(held)))
    count = draw_count(args[2])
    held = _to_read(session.db, args[1])
    if held is None or count == 0:
        return []
    if count >= len(held):
        return held.members()
    return held.picked(draw_places(draw, len(held), bounded(count, session.outlet)))


@command(
    "SMOVE source:key destination:key member",
    group="set", since="1.0.0", complexity="O(1)",
    flags="write fast", keys="1 RW access delete; 2 RW insert",
    summary="Takes a member out of one set and puts it into another.",
)  # fmt: skip
def smove(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    source, destination, member = args[1], args[2], args[3]
    held = _to_write(db, source)
    if held is None:
        return 0
    target = _to_write(db, destination)
    if held is target:
        return 1 if member in held else 0
    if not held.remove(member):
        return 0
    db.changed(source)
    db.notify(SET, b"srem", source)
    drop_if_empty(db, source, held)
    settings = session.namespace.settings
    if target is None:
        target = Set()
        target.expect(member, 1, settings)
        db.set(destination, target)
    if target.add(member, settings):
        db.changed(destination)
        db.notify(SET, b"sadd", destination)
    return 1


@command(
    "SINTER key ...",
    group="set", since="1.0.0", complexity="O(N*M)",
    flags="readonly", keys="1..-1 RO access", hints="nondeterministic_output_order",
    summary="Returns the members that all the sets share.",
)  # fmt: skip
def sinter(session: Session, args: list[bytes]) -> Reply:
    return SetReply([*shared(_sets(session.db, args[1:]), 0)])


@command(
    "SINTERSTORE destination:key key ...",
    group="set", since="1.0.0", complexity="O(N*M)",
    flags="write denyoom", keys="1 OW update; 2..-1 RO access",
    summary="Stores the members that all the sets share.",
)  # fmt: skip
def sinterstore(session: Session, args: list[bytes]) -> Reply:
    sets = _sets(session.db, args[2:])
    settings = session.namespace.settings
    return _store(session, args, intersection_of(shared(sets, 0), smallest(sets), settings))


@command(
    "SINTERCARD numkeys:integer key ... [LIMIT limit:integer]",
    group="set", since="7.0.0", complexity="O(N*M)",
    flags="readonly", keys="1 numkeys RO access",
    summary="Counts the members that all the sets share.",
)  # fmt: skip
def sintercard(session: Session, args: list[bytes]) -> Reply:
    count = number_or(args[1], _NO_KEYS)
    if count <= 0:
        return Failure(_NO_KEYS)
    if count > len(args) - 2:
        return Failure(b"ERR Number of keys can't be greater than number of args")
    limit = 0
    index = 2 + count
    while index < len(args):
        if args[index].upper() != b"LIMIT" or index + 1 == len(args):
            return SYNTAX_ERROR
        limit = number_or(args[index + 1], _NEGATIVE_LIMIT)
        if limit < 0:
            return Failure(_NEGATIVE_LIMIT)
        index += 2
    return len(shared(_sets(session.db, args[2 : 2 + count]), limit))


@command(
    "SUNION key ...",
    group="set", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="1..-1 RO access", hints="nondeterministic_output_order",
    summary="Returns the members that any of the sets has.",
)  # fmt: skip
def sunion(session: Session, args: list[bytes]) -> Reply:
    return SetReply([*united(_sets(session.db, args[1:]))])


@command(
    "SUNIONSTORE destination:key key ...",
    group="set", since="1.0.0", complexity="O(N)",
    flags="write denyoom", keys="1 OW update; 2..-1 RO access",
    summary="Stores the members that any of the sets has.",
)  # fmt: skip
def sunionstore(session: Session, args: list[bytes]) -> Reply:
    members = united(_sets(session.db, args[2:]))
    return _store(session, args, set_of(members, session.namespace.settings))


@command(
    "SDIFF key ...",
    group="set", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="1..-1 RO access", hints="nondeterministic_output_order",
    summary="Returns the members of the first set that no other has.",
)  # fmt: skip
def sdiff(session: Session, args: list[bytes]) -> Reply:
    return SetReply([*difference(_sets(session.db, args[1:]))])


@command(
    "SDIFFSTORE destination:key key ...",
    group="set", since="1.0.0", complexity="O(N)",
    flags="write denyoom", keys="1 OW update; 2..-1 RO access",
    summary="Stores the members of the first set that no other has.",
)  # fmt: skip
def sdiffstore(session: Session, args: list[bytes]) -> Reply:
    members = difference(_sets(session.db, args[2:]))
    return _store(session, args, set_of(members, session.namespace.settings))


@command(
    "SSCAN key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
    group="set", since="2.8.0", complexity="O(1) for each call, O(N) for all",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output",
    summary="Walks the members of a set, a few at a time.",
)  # fmt: skip
def sscan(session: Session, args: list[bytes]) -> Reply:
    cursor = scan_cursor(args[2])
    held = _to_read(session.db, args[1])
    if held is None:
        return [b"0", []]
    options = ScanOptions(args, 3)
    following, found = held.scan(cursor, options.count)
    kept: list[object] = []
    for member in found:
        if options.every or matches(options.pattern, member):
            kept.append(member)
    return [b"%d" % following, kept]


def _to_read(db: Keyspace, key: bytes) -> Set | None:
    value = db.read(key)
    if value is None or isinstance(value, Set):
        return value
    raise Failure(WRONG_TYPE.message)


def _to_write(db: Keyspace, key: bytes) -> Set | None:
    value = db.lookup(key)
    if value is None or isinstance(value, Set):
        return value
    raise Failure(WRONG_TYPE.message)


def _sets(db: Keyspace, keys: list[bytes]) -> list[Set | None]:
    """What is at several keys; each must be a set, even if it can't matter."""
    return [_to_read(db, key) for key in keys]


def _pop_many(session: Session, key: bytes, text: bytes) -> Reply:
    count = number_or(text, _NOT_POSITIVE)
    if count < 0:
        return Failure(_NOT_POSITIVE)
    db = session.db
    held = _to_write(db, key)
    if held is None or count == 0:
        return SetReply([])
    if count >= len(held):
        members = held.members()
        session.effect(b"DEL", key)
    else:
        members = held.picked(draw_places(session.namespace.random, len(held), count))
        session.effect(b"SREM", key, *members)
    for _ in members:
        db.changed(key)
    db.notify(SET, b"spop", key)
    if len(members) < len(held):
        for member in members:
            held.remove(member)
    else:
        db.remove(key)
        free(session.namespace, held)
        db.notify(GENERIC, b"del", key)
    return SetReply([*members])


def _store(session: Session, args: list[bytes], result: Set) -> Reply:
    """Puts the result of a command at its destination; replies with the number of members."""
    db = session.db
    key = args[1]
    old = db.peek(key)
    if len(result):
        db.set(key, result)
        db.changed(key)
        db.notify(SET, args[0].lower(), key)
    elif old is not None:
        db.remove(key)
        db.changed(key)
        db.notify(GENERIC, b"del", key)
    free(session.namespace, old)
    return len(result)
