"""The commands for keys of any type: https://redis.io/docs/latest/commands/?group=generic"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.glob import is_literal, matches
from nearkeep.engine.keyspace import GENERIC, Keyspace
from nearkeep.engine.text import SYNTAX_ERROR, c_string, int32, integer
from nearkeep.engine.values.string import (
    as_encoded,
    copy_value,
    string_encoding,
    type_name,
)
from nearkeep.engine.values.value import Value
from nearkeep.wire.reply import OK, Failure, Reply, Status
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.namespace import Namespace
    from nearkeep.engine.session import Session

_NO_KEY: Final = Failure(b"ERR no such key")
_MAX: Final = 9223372036854775807
_MIN: Final = -9223372036854775808
_UNSIGNED: Final = re.compile(rb"\s*[+-]?\d{1,64}")
"""What C's strtoull reads, with which Redis reads a cursor that is no plain number."""

_LARGE: Final = 64
"""Elements from which a value is freed in steps."""


@command(
    "DEL key ...",
    group="generic", since="1.0.0", complexity="O(N)",
    flags="write", keys="1..-1 RM delete",
    hints="request_policy:multi_shard response_policy:agg_sum",
    summary="Deletes keys.",
)
def del_(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    removed = 0
    for key in args[1:]:
        value = db.take(key)
        if value is None:
            continue
        removed += 1
        free(session.namespace, value)
        db.changed(key)
        db.notify(GENERIC, b"del", key)
    return removed


@command(
    "UNLINK key ...",
    group="generic", since="4.0.0", complexity="O(1)",
    flags="write fast", keys="1..-1 RM delete",
    hints="request_policy:multi_shard response_policy:agg_sum",
    summary="Deletes keys and frees their memory later.",
)
def unlink(session: Session, args: list[bytes]) -> Reply:
    return del_(session, args)


@command(
    "EXISTS key ...",
    group="generic", since="1.0.0", complexity="O(N)",
    flags="readonly fast", keys="1..-1 RO",
    hints="request_policy:multi_shard response_policy:agg_sum",
    summary="Counts how many of the keys exist.",
)
def exists(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    found = 0
    for key in args[1:]:
        if db.probe(key):
            found += 1
    return found


@command(
    "TOUCH key ...",
    group="generic", since="3.2.1", complexity="O(N)",
    flags="readonly fast", keys="1..-1 RO",
    hints="request_policy:multi_shard response_policy:agg_sum",
    summary="Counts how many of the keys exist and marks them as used.",
)
def touch(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    found = 0
    for key in args[1:]:
        if db.read(key) is not None:
            found += 1
    return found


@command(
    "TYPE key",
    group="generic", since="1.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Names the type of the value at a key.",
)
def type_(session: Session, args: list[bytes]) -> Reply:
    value = session.db.glance(args[1])
    return Status(b"none") if value is None else Status(type_name(value))


@command(
    "RENAME key newkey:key",
    group="generic", since="1.0.0", complexity="O(1)",
    flags="write", keys="1 RW access delete; 2 OW update",
    summary="Renames a key, replacing what has the new name.",
)
def rename(session: Session, args: list[bytes]) -> Reply:
    if args[1] not in session.db:
        return _NO_KEY
    if args[1] != args[2]:
        _rename(session, args[1], args[2])
    return OK


@command(
    "RENAMENX key newkey:key",
    group="generic", since="1.0.0", complexity="O(1)",
    flags="write fast", keys="1 RW access delete; 2 OW insert",
    summary="Renames a key if nothing has the new name.",
)
def renamenx(session: Session, args: list[bytes]) -> Reply:
    if args[1] not in session.db:
        return _NO_KEY
    if args[2] in session.db:
        return 0
    _rename(session, args[1], args[2])
    return 1


@command(
    "COPY source:key destination:key [DB destination-db:integer] [REPLACE]",
    group="generic", since="6.2.0", complexity="O(N), O(1) for strings",
    flags="write denyoom", keys="1 RO access; 2 OW update",
    summary="Copies a key's value to another key.",
)
def copy(session: Session, args: list[bytes]) -> Reply:
    source = session.db
    target = source
    replace = False
    index = 3
    while index < len(args):
        option = args[index].upper()
        if option == b"REPLACE":
            replace = True
        elif option == b"DB" and index + 1 < len(args):
            target = database(session, args[index + 1])
            index += 1
        else:
            return SYNTAX_ERROR
        index += 1
    if source is target and args[1] == args[2]:
        return Failure(b"ERR source and destination objects are the same")
    value = source.read(args[1])
    if value is None:
        return 0
    if args[2] in target and not replace:
        return 0
    replaced = target.take(args[2])
    expiry = source.expiry(args[1])
    value = as_encoded(copy_value(value), args[1], expiry > 0)
    _place(target, args[2], value, expiry)
    target.changed(args[2])
    target.notify(GENERIC, b"copy_to", args[2])
    if replaced is not None:
        target.tell_overwritten(args[2], replaced, value)
        free(session.namespace, replaced)
    return 1


@command(
    "MOVE key db:integer",
    group="generic", since="1.0.0", complexity="O(1)",
    flags="write fast", keys="1 RW access update",
    summary="Moves a key into another database.",
)
def move(session: Session, args: list[bytes]) -> Reply:
    source = session.db
    target = database(session, args[2])
    if source is target:
        return Failure(b"ERR source and destination objects are the same")
    key = args[1]
    if key not in source or key in target:
        return 0
    expiry = source.expiry(key)
    _place(target, key, source.take(key), expiry)
    source.changed(key)
    target.changed(key)
    source.notify(GENERIC, b"move_from", key)
    target.notify(GENERIC, b"move_to", key)
    return 1


@command(
    "RANDOMKEY",
    group="generic", since="1.0.0", complexity="O(1)",
    flags="readonly",
    hints="request_policy:all_shards response_policy:special nondeterministic_output",
    summary="Returns a key drawn at random.",
)
def randomkey(session: Session, _args: list[bytes]) -> Reply:
    db = session.db
    draw = session.namespace.random
    for _ in range(100):
        if not len(db):
            return None
        key = db.at(draw.randrange(len(db)))
        if db.live(key):
            return key
        if key not in db:  # it has expired, and is gone now
            continue
    return None


@command(
    "KEYS pattern:pattern",
    group="generic", since="1.0.0", complexity="O(N)",
    flags="readonly", acl="dangerous",
    hints="request_policy:all_shards nondeterministic_output_order",
    summary="Returns all keys that match a pattern.",
)
def keys(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    pattern = args[1]
    found: list[object] = []
    if is_literal(pattern):
        return [pattern] if db.live(pattern) else []
    every = pattern == b"*"
    for key in db.keys():  # noqa: SIM118 - a keyspace is no dict
        if (every or matches(pattern, key)) and db.live(key):
            found.append(key)
    return found


@command(
    "SCAN cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type]",
    group="generic", since="2.8.0", complexity="O(1) for each call, O(N) for all",
    flags="readonly",
    hints="nondeterministic_output request_policy:special response_policy:special",
    summary="Walks the keys of a database, a few at a time.",
)
def scan(session: Session, args: list[bytes]) -> Reply:
    cursor = scan_cursor(args[1])
    options = ScanOptions(args, 2, with_type=True)
    db = session.db
    following, found = db.scan(cursor, options.count)
    kept: list[object] = []
    for key in found:
        if not options.every and not matches(options.pattern, key):
            continue
        value = db.peek(key)
        if value is None:
            continue
        if options.kind is not None and type_name(value).lower() != options.kind:
            continue
        kept.append(key)
    return [b"%d" % following, kept]


@command(
    "EXPIRE key seconds:integer [condition=(NX | XX | GT | LT)]",
    group="generic", since="1.0.0", complexity="O(1)",
    flags="write fast", keys="1 RW update",
    summary="Sets the expiry of a key in seconds from now.",
)
def expire(session: Session, args: list[bytes]) -> Reply:
    return _expire_at(session, args, 1000, session.namespace.clock.ms)


@command(
    "PEXPIRE key milliseconds:integer [condition=(NX | XX | GT | LT)]",
    group="generic", since="2.6.0", complexity="O(1)",
    flags="write fast", keys="1 RW update",
    summary="Sets the expiry of a key in milliseconds from now.",
)
def pexpire(session: Session, args: list[bytes]) -> Reply:
    return _expire_at(session, args, 1, session.namespace.clock.ms)


@command(
    "EXPIREAT key unix-time-seconds:unix-time [condition=(NX | XX | GT | LT)]",
    group="generic", since="1.2.0", complexity="O(1)",
    flags="write fast", keys="1 RW update",
    summary="Sets the expiry of a key as a Unix time in seconds.",
)
def expireat(session: Session, args: list[bytes]) -> Reply:
    return _expire_at(session, args, 1000, 0)


@command(
    "PEXPIREAT key unix-time-milliseconds:unix-time [condition=(NX | XX | GT | LT)]",
    group="generic", since="2.6.0", complexity="O(1)",
    flags="write fast", keys="1 RW update",
    summary="Sets the expiry of a key as a Unix time in milliseconds.",
)
def pexpireat(session: Session, args: list[bytes]) -> Reply:
    return _expire_at(session, args, 1, 0)


@command(
    "TTL key",
    group="generic", since="1.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns how long a key still lives, in seconds.",
)
def ttl(session: Session, args: list[bytes]) -> Reply:
    left = _left(session, args[1])
    return left if left < 0 else (left + 500) // 1000


@command(
    "PTTL key",
    group="generic", since="2.6.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns how long a key still lives, in milliseconds.",
)
def pttl(session: Session, args: list[bytes]) -> Reply:
    return _left(session, args[1])


@command(
    "EXPIRETIME key",
    group="generic", since="7.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns when a key expires, as a Unix time in seconds.",
)
def expiretime(session: Session, args: list[bytes]) -> Reply:
    at = _expiry(session, args[1])
    return at if at < 0 else (at + 500) // 1000


@command(
    "PEXPIRETIME key",
    group="generic", since="7.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns when a key expires, as a Unix time in milliseconds.",
)
def pexpiretime(session: Session, args: list[bytes]) -> Reply:
    return _expiry(session, args[1])


@command(
    "PERSIST key",
    group="generic", since="2.2.0", complexity="O(1)",
    flags="write fast", keys="1 RW update",
    summary="Removes the expiry of a key.",
)
def persist(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    if not db.persist(args[1]):
        return 0
    db.changed(args[1])
    db.notify(GENERIC, b"persist", args[1])
    return 1


container(
    "OBJECT",
    group="generic", since="2.2.3",
    acl="-keyspace",
    summary="What a value looks like inside.",
)


@command(
    "OBJECT ENCODING key",
    group="generic", since="2.2.3", complexity="O(1)",
    flags="readonly", keys="2 RO", hints="nondeterministic_output",
    summary="Names the encoding of a value.",
)
def object_encoding(session: Session, args: list[bytes]) -> Reply:
    value = session.db.peek(args[2])
    if value is None:
        return None
    if isinstance(value, Value):
        return value.encoding(session.namespace.settings)
    return string_encoding(value, args[2], session.db.expiry(args[2]) > 0)


@command(
    "OBJECT FREQ key",
    group="generic", since="4.0.0", complexity="O(1)",
    flags="readonly", keys="2 RO", hints="nondeterministic_output",
    summary="Returns how often a key is used, on the logarithmic scale of LFU.",
)
def object_freq(session: Session, args: list[bytes]) -> Reply:
    if session.db.peek(args[2]) is None:
        return None
    namespace = session.namespace
    if not namespace.settings.string("maxmemory-policy").endswith(b"lfu"):
        return Failure(
            b"ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please"
            b" note that when switching between policies at runtime LRU and LFU data will take some"
            b" time to adjust."
        )
    return namespace.eviction.frequency(session.db.entry(args[2]), namespace.clock.ms)


@command(
    "OBJECT HELP",
    group="generic", since="6.2.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of OBJECT.",
)
def object_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("object")


@command(
    "OBJECT IDLETIME key",
    group="generic", since="2.2.3", complexity="O(1)",
    flags="readonly", keys="2 RO", hints="nondeterministic_output",
    summary="Returns for how many seconds a key was not used.",
)
def object_idletime(session: Session, args: list[bytes]) -> Reply:
    if session.db.peek(args[2]) is None:
        return None
    if session.namespace.settings.string("maxmemory-policy").endswith(b"lfu"):
        return Failure(
            b"ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when"
            b" switching between policies at runtime LRU and LFU data will take some time to adjust."
        )
    return session.db.idle_ms(args[2]) // 1000


@command(
    "OBJECT REFCOUNT key",
    group="generic", since="2.2.3", complexity="O(1)",
    flags="readonly", keys="2 RO", hints="nondeterministic_output",
    summary="Returns how many references a value has.",
)
def object_refcount(session: Session, args: list[bytes]) -> Reply:
    # Since 8.2 Redis' values share no objects either.
    return None if session.db.peek(args[2]) is None else 1


def drop_if_empty(db: Keyspace, key: bytes, held: Value) -> None:
    """Removes a key whose value a command has emptied."""
    if not len(held):
        db.remove(key)
        db.notify(GENERIC, b"del", key)


def free(namespace: Namespace, value: object) -> None:
    """Lets go of a value that nobody can reach any more: a large one in steps."""
    if isinstance(value, Value) and len(value) > _LARGE:
        namespace.discard([value], 1)


def database(session: Session, text: bytes) -> Keyspace:
    """The database of a number in text.

    Raises:
        Failure: it is no number, or there is no such database.
    """
    index = int32(text)
    databases = session.namespace.databases
    if not 0 <= index < len(databases):
        raise Failure(b"ERR DB index is out of range")
    return databases[index]


def scan_cursor(text: bytes) -> int:
    """The cursor of a SCAN command, read as a C string; of 64 bits the lower 63.

    Raises:
        Failure: it is no unsigned 64-bit number.
    """
    digits = c_string(text)
    number = parse_integer(digits)
    if number is None and _UNSIGNED.fullmatch(digits):
        number = int(digits)
        if number < 0:
            number += 1 << 64
    if number is None or not 0 <= number < 1 << 64:
        raise Failure(b"ERR invalid cursor")
    return number & _MAX  # no walk gets that far


def _rename(session: Session, source: bytes, target: bytes) -> None:
    db = session.db
    expiry = db.expiry(source)
    value = as_encoded(db.take(source), source, expiry > 0)
    replaced = db.take(target)
    _place(db, target, value, expiry)
    db.changed(source)
    db.changed(target)
    db.notify(GENERIC, b"rename_from", source)
    db.notify(GENERIC, b"rename_to", target)
    if replaced is not None:
        db.tell_overwritten(target, replaced, value)
        free(session.namespace, replaced)


def _place(db: Keyspace, key: bytes, value: object, expiry: int) -> None:
    db.set(key, value)
    if expiry > 0:
        db.set_expiry(key, expiry)


def _expiry(session: Session, key: bytes) -> int:
    """When a key expires, milliseconds since the epoch; -1 for never, -2 for no key."""
    return -2 if session.db.glance(key) is None else session.db.expiry(key)


def _left(session: Session, key: bytes) -> int:
    """Milliseconds until a key expires; -1 for never, -2 for no key."""
    at = _expiry(session, key)
    return at if at < 0 else max(at - session.namespace.clock.ms, 0)


def _expire_at(session: Session, args: list[bytes], unit: int, base: int) -> Reply:
    db = session.db
    key = args[1]
    only_none = only_some = only_later = only_earlier = False
    for word in args[3:]:
        option = word.upper()
        if option == b"NX":
            only_none = True
        elif option == b"XX":
            only_some = True
        elif option == b"GT":
            only_later = True
        elif option == b"LT":
            only_earlier = True
        else:
            return Failure(b"ERR Unsupported option %s" % c_string(word))
    if only_none and (only_some or only_later or only_earlier):
        return Failure(b"ERR NX and XX, GT or LT options at the same time are not compatible")
    if only_later and only_earlier:
        return Failure(b"ERR GT and LT options at the same time are not compatible")
    number = integer(args[2])
    at = number * unit + base
    if number * unit > _MAX or number * unit < _MIN or at > _MAX:
        return Failure(b"ERR invalid expire time in '%s' command" % args[0].lower())
    now = db.expiry(key)
    if now == -2:
        return 0
    if (
        (only_none and now != -1)
        or (only_some and now == -1)
        or (only_later and (now == -1 or at <= now))
        or (only_earlier and now != -1 and at >= now)
    ):
        return 0
    if at <= session.namespace.clock.ms:
        free(session.namespace, db.take(key))
        db.changed(key)
        db.notify(GENERIC, b"del", key)
        session.effect(b"DEL", key)
        return 1
    db.set_expiry(key, at)
    db.changed(key)
    db.notify(GENERIC, b"expire", key)
    session.effect(b"PEXPIREAT", key, b"%d" % at)
    return 1


class ScanOptions:
    """MATCH, COUNT, and where they apply TYPE and NOVALUES.

    Raises:
        Failure: an option is unknown or wants an argument.
    """

    def __init__(
        self,
        args: list[bytes],
        start: int,
        with_type: bool = False,
        with_novalues: bool = False,
    ) -> None:
        self.pattern = b"*"
        self.count = 10
        self.kind: bytes | None = None
        self.no_values = False
        index = start
        while index < len(args):
            option = args[index].upper()
            if with_novalues and option == b"NOVALUES":
                self.no_values = True
                index += 1
                continue
            if option == b"NOVALUES":
                raise Failure(b"ERR NOVALUES option can only be used in HSCAN")
            if index + 1 >= len(args):
                raise Failure(SYNTAX_ERROR.message)
            argument = args[index + 1]
            if option == b"MATCH":
                self.pattern = argument
            elif option == b"COUNT":
                self.count = integer(argument)
                if self.count < 1:
                    raise Failure(SYNTAX_ERROR.message)
            elif with_type and option == b"TYPE":
                self.kind = argument.lower()
            else:
                raise Failure(SYNTAX_ERROR.message)
            index += 2
        self.every = self.pattern == b"*"
