"""The hash commands.

Source: https://redis.io/docs/latest/commands/?group=hash
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine import longdouble
from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import ScanOptions, scan_cursor
from nearkeep.engine.draw import bounded, draw_count, draw_place, draw_places
from nearkeep.engine.glob import matches
from nearkeep.engine.keyspace import GENERIC, HASH
from nearkeep.engine.text import SYNTAX_ERROR, integer, number_or
from nearkeep.engine.values.hash import Hash
from nearkeep.engine.values.value import WRONG_TYPE
from nearkeep.wire.reply import OK, Failure, Map, Pairs, Reply
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_MAX: Final = 9223372036854775807
_MIN: Final = -9223372036854775808
_LATEST: Final = (1 << 46) - 1
"""The last time at which a field may expire, milliseconds since the epoch."""

_AT_ONCE: Final = 256
"""Expired fields that a command removes on its way."""

_NO_FIELDS: Final = Failure(
    b"ERR Mandatory argument FIELDS is missing or not at the right position"
)
_FIELDS_DIFFER: Final = Failure(b"ERR The `numfields` parameter must match the number of arguments")
_NOT_POSITIVE: Final = b"ERR Number of fields must be a positive integer"
_NEGATIVE_TIME: Final = Failure(b"ERR invalid expire time, must be >= 0")
_ONE_CONDITION: Final = Failure(b"ERR Only one of FXX or FNX arguments can be specified")
_ONE_EXPIRATION: Final = Failure(
    b"ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
)
_CONDITIONS: Final = (b"NX", b"XX", b"GT", b"LT")
_UNITS: Final = {b"EX": 1000, b"PX": 1, b"EXAT": 1000, b"PXAT": 1}


@command(
    "HSET key data=(field value) ...",
    group="hash", since="2.0.0", complexity="O(N)",
    flags="write denyoom fast", keys="1 RW update",
    summary="Sets fields of a hash, creating it if need be.",
)  # fmt: skip
def hset(session: Session, args: list[bytes]) -> Reply:
    return _set_all(session, args)


@command(
    "HMSET key data=(field value) ...",
    group="hash", since="2.0.0", complexity="O(N)",
    flags="write denyoom fast", keys="1 RW update", deprecated="4.0.0", replaced_by="`HSET`",
    summary="Sets several fields of a hash.",
)  # fmt: skip
def hmset(session: Session, args: list[bytes]) -> Reply:
    _set_all(session, args)
    return OK


@command(
    "HSETNX key field value",
    group="hash", since="2.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW insert",
    summary="Sets a field if the hash does not have it.",
)  # fmt: skip
def hsetnx(session: Session, args: list[bytes]) -> Reply:
    held = _to_create(session, args[1])
    if held.get(args[2], session.namespace.clock.ms) is not None:
        return 0
    held.set(args[2], args[3], session.namespace.settings)
    session.db.changed(args[1])
    session.db.notify(HASH, b"hset", args[1])
    return 1


@command(
    "HSETEX key [condition=(FNX | FXX)] [expiration=(EX seconds:integer "
    "| PX milliseconds:integer | EXAT unix-time-seconds:unix-time "
    "| PXAT unix-time-milliseconds:unix-time | KEEPTTL)] FIELDS (numfields:integer "
    "data=(field value) ...)",
    group="hash", since="8.0.0", complexity="O(N)",
    flags="write denyoom fast", keys="1 RW update",
    summary="Sets fields of a hash together with their expiry.",
)  # fmt: skip
def hsetex(session: Session, args: list[bytes]) -> Reply:
    options = SetOptions(session, args)
    db = session.db
    key = args[1]
    now = session.namespace.clock.ms
    fields = args[options.first :: 2]
    held = _to_write(session, key)
    if options.condition:
        for field in fields:
            there = held is not None and held.get(field, now) is not None
            if there != (options.condition == b"FXX"):
                return 0
    if held is None:
        held = _to_create(session, key)
    settings = session.namespace.settings
    held.expect(len(fields), settings)
    for index in range(options.first, len(args), 2):
        if options.keep and held.get(args[index], now) is not None:
            held.replace(args[index], args[index + 1], settings)
        else:
            held.set(args[index], args[index + 1], settings)
        db.changed(key)
    db.notify(HASH, b"hset", key)
    if options.keep:
        session.effect(b"HSETEX", key, b"KEEPTTL", *args[options.first - 2 :])
    else:
        session.effect(b"HSET", key, *args[options.first :])
    if options.at is not None:
        _expire(session, key, held, fields, options.at, b"")
    return 1


@command(
    "HGET key field",
    group="hash", since="2.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns the value of a field.",
)  # fmt: skip
def hget(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session, args[1])
    return None if held is None else held.get(args[2], session.namespace.clock.ms)


@command(
    "HMGET key field ...",
    group="hash", since="2.0.0", complexity="O(N)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns the values of several fields.",
)  # fmt: skip
def hmget(session: Session, args: list[bytes]) -> Reply:
    return _values(session, _to_read(session, args[1]), args[2:])


@command(
    "HGETALL key",
    group="hash", since="2.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output_order",
    summary="Returns all fields of a hash and their values.",
)  # fmt: skip
def hgetall(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session, args[1])
    return Map([] if held is None else [*held.flat(session.namespace.clock.ms)])


@command(
    "HGETEX key [expiration=(EX seconds:integer | PX milliseconds:integer "
    "| EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time "
    "| PERSIST)] FIELDS (numfields:integer field ...)",
    group="hash", since="8.0.0", complexity="O(N)",
    flags="write fast", keys="1 RW access update",
    summary="Returns the values of fields and sets or removes their expiry.",
)  # fmt: skip
def hgetex(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    held = _to_write(session, key)
    option = args[2].upper()
    unit = _UNITS.get(option)
    at: int | None = None
    start = 2
    if unit is not None:
        at = _time(session, args[3], unit, option.endswith(b"AT"), b"hgetex")
        start = 4
    elif option == b"PERSIST":
        start = 3
    fields = _fields(args, start)
    if held is not None and start > 2:
        held.timed()
    if at is not None and at <= session.namespace.clock.ms:
        return _taken(session, key, held, fields)
    found = _values(session, held, fields)
    if held is None or start == 2:
        return found
    if at is not None:
        _expire(session, key, held, fields, at, b"")
        return found
    kept = [field for field in fields if held.persist(field)]
    if kept:
        for _ in kept:
            db.changed(key)
        db.notify(HASH, b"hpersist", key)
        session.effect(b"HPERSIST", key, b"FIELDS", b"%d" % len(kept), *kept)
    return found


@command(
    "HGETDEL key FIELDS (numfields:integer field ...)",
    group="hash", since="8.0.0", complexity="O(N)",
    flags="write fast", keys="1 RW access delete",
    summary="Returns the values of fields and deletes them.",
)  # fmt: skip
def hgetdel(session: Session, args: list[bytes]) -> Reply:
    held = _to_write(session, args[1])
    return _taken(session, args[1], held, _fields(args, 2))


@command(
    "HDEL key field ...",
    group="hash", since="2.0.0", complexity="O(N)",
    flags="write fast", keys="1 RW delete",
    summary="Deletes fields of a hash.",
)  # fmt: skip
def hdel(session: Session, args: list[bytes]) -> Reply:
    held = _to_write(session, args[1])
    if held is None:
        return 0
    removed = 0
    for index in range(2, len(args)):
        if held.remove(args[index]):
            removed += 1
    if removed:
        _removed(session, args[1], held, removed)
    return removed


@command(
    "HEXISTS key field",
    group="hash", since="2.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Tells whether a hash has a field.",
)  # fmt: skip
def hexists(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session, args[1])
    return 0 if held is None or held.get(args[2], session.namespace.clock.ms) is None else 1


@command(
    "HLEN key",
    group="hash", since="2.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Returns the number of fields of a hash.",
)  # fmt: skip
def hlen(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session, args[1])
    return 0 if held is None else len(held)


@command(
    "HSTRLEN key field",
    group="hash", since="3.2.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Returns the length of a field's value in bytes.",
)  # fmt: skip
def hstrlen(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session, args[1])
    value = None if held is None else held.get(args[2], session.namespace.clock.ms)
    return 0 if value is None else len(value)


@command(
    "HKEYS key",
    group="hash", since="2.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output_order",
    summary="Returns the fields of a hash.",
)  # fmt: skip
def hkeys(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session, args[1])
    return [] if held is None else held.fields(session.namespace.clock.ms)


@command(
    "HVALS key",
    group="hash", since="2.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output_order",
    summary="Returns the values of a hash.",
)  # fmt: skip
def hvals(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session, args[1])
    return [] if held is None else held.values(session.namespace.clock.ms)


@command(
    "HINCRBY key field increment:integer",
    group="hash", since="2.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Adds to the number in a field.",
)  # fmt: skip
def hincrby(session: Session, args: list[bytes]) -> Reply:
    amount = integer(args[3])
    held = _to_create(session, args[1])
    old = held.get(args[2], session.namespace.clock.ms)
    number = 0 if old is None else parse_integer(old)
    if number is None:
        return Failure(b"ERR hash value is not an integer")
    total = number + amount
    if total > _MAX or total < _MIN:
        return Failure(b"ERR increment or decrement would overflow")
    _put(session, args, held, b"%d" % total, old is not None)
    session.db.notify(HASH, b"hincrby", args[1])
    return total


@command(
    "HINCRBYFLOAT key field increment:double",
    group="hash", since="2.6.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Adds a decimal to the number in a field.",
)  # fmt: skip
def hincrbyfloat(session: Session, args: list[bytes]) -> Reply:
    amount = longdouble.parse(args[3])
    if isinstance(amount, float):
        return Failure(b"ERR value is NaN or Infinity")
    held = _to_create(session, args[1])
    old = held.get(args[2], session.namespace.clock.ms)
    try:
        number = longdouble.parse(b"0" if old is None else old)
    except Failure:
        return Failure(b"ERR hash value is not a float")
    total = longdouble.text(longdouble.add(number, amount))
    _put(session, args, held, total, old is not None)
    session.db.notify(HASH, b"hincrbyfloat", args[1])
    if held.expiry(args[2], session.namespace.clock.ms) > 0:
        session.effect(b"HSETEX", args[1], b"KEEPTTL", b"FIELDS", b"1", args[2], total)
    else:
        session.effect(b"HSET", args[1], args[2], total)
    return total


@command(
    "HRANDFIELD key [options=(count:integer [WITHVALUES])]",
    group="hash", since="6.2.0", complexity="O(N)",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns fields drawn at random.",
)  # fmt: skip
def hrandfield(session: Session, args: list[bytes]) -> Reply:
    count = draw_count(args[2]) if len(args) > 2 else 1
    with_values = len(args) == 4 and args[3].upper() == b"WITHVALUES"
    if len(args) > 3 and not with_values:
        return SYNTAX_ERROR
    if with_values and abs(count) > _MAX // 2:
        return Failure(b"ERR value is out of range")
    held = _to_read(session, args[1])
    if held is None:
        return None if len(args) == 2 else []
    fields = _drawn(session, held, bounded(count, session.outlet))
    if len(args) == 2:
        return fields[0] if fields else None
    if not with_values:
        return fields
    now = session.namespace.clock.ms
    flat: list[object] = []
    for field in fields:
        flat.append(field)
        flat.append(held.get(field, now))
    return Pairs(flat)


@command(
    "HSCAN key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOVALUES]",
    group="hash", since="2.8.0", complexity="O(1) for each call, O(N) for all",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output",
    summary="Walks the fields of a hash, a few at a time.",
)  # fmt: skip
def hscan(session: Session, args: list[bytes]) -> Reply:
    cursor = scan_cursor(args[2])
    held = _to_read(session, args[1])
    if held is None:
        return [b"0", []]
    options = ScanOptions(args, 3, with_novalues=True)
    now = session.namespace.clock.ms
    following, found = held.scan(cursor, options.count)
    kept: list[object] = []
    for field in found:
        value = held.get(field, now)
        if value is not None and (options.every or matches(options.pattern, field)):
            kept.append(field)
            if not options.no_values:
                kept.append(value)
    return [b"%d" % following, kept]


@command(
    "HEXPIRE key seconds:integer [condition=(NX | XX | GT "
    "| LT)] FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="write fast", keys="1 RW update",
    summary="Sets the expiry of fields in seconds from now.",
)  # fmt: skip
def hexpire(session: Session, args: list[bytes]) -> Reply:
    return _expire_fields(session, args, 1000, False)


@command(
    "HPEXPIRE key milliseconds:integer [condition=(NX | XX | GT "
    "| LT)] FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="write fast", keys="1 RW update",
    summary="Sets the expiry of fields in milliseconds from now.",
)  # fmt: skip
def hpexpire(session: Session, args: list[bytes]) -> Reply:
    return _expire_fields(session, args, 1, False)


@command(
    "HEXPIREAT key unix-time-seconds:unix-time [condition=(NX | XX | GT "
    "| LT)] FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="write fast", keys="1 RW update",
    summary="Sets the expiry of fields as a Unix time in seconds.",
)  # fmt: skip
def hexpireat(session: Session, args: list[bytes]) -> Reply:
    return _expire_fields(session, args, 1000, True)


@command(
    "HPEXPIREAT key unix-time-milliseconds:unix-time [condition=(NX | XX | GT "
    "| LT)] FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="write fast", keys="1 RW update",
    summary="Sets the expiry of fields as a Unix time in milliseconds.",
)  # fmt: skip
def hpexpireat(session: Session, args: list[bytes]) -> Reply:
    return _expire_fields(session, args, 1, True)


@command(
    "HTTL key FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="readonly fast", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns how long fields still live, in seconds.",
)  # fmt: skip
def httl(session: Session, args: list[bytes]) -> Reply:
    return _expiries(session, args, 1000, session.namespace.clock.ms)


@command(
    "HPTTL key FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="readonly fast", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns how long fields still live, in milliseconds.",
)  # fmt: skip
def hpttl(session: Session, args: list[bytes]) -> Reply:
    return _expiries(session, args, 1, session.namespace.clock.ms)


@command(
    "HEXPIRETIME key FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns when fields expire, as Unix times in seconds.",
)  # fmt: skip
def hexpiretime(session: Session, args: list[bytes]) -> Reply:
    return _expiries(session, args, 1000, 0)


@command(
    "HPEXPIRETIME key FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns when fields expire, as Unix times in milliseconds.",
)  # fmt: skip
def hpexpiretime(session: Session, args: list[bytes]) -> Reply:
    return _expiries(session, args, 1, 0)


@command(
    "HPERSIST key FIELDS (numfields:integer field ...)",
    group="hash", since="7.4.0", complexity="O(N)",
    flags="write fast", keys="1 RW update",
    summary="Removes the expiry of fields.",
)  # fmt: skip
def hpersist(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    held = _to_write(session, key)
    fields = _fields(args, 2)
    found: list[object] = []
    kept = False
    for field in fields:
        at = -2 if held is None else held.expiry(field, session.namespace.clock.ms)
        if held is not None and at > 0:
            held.persist(field)
            db.changed(key)
            kept = True
        found.append(1 if at > 0 else at)
    if kept:
        db.notify(HASH, b"hpersist", key)
    return found


class SetOptions:
    """What HSETEX is told before its fields.

    Attributes:
        condition: FXX, FNX or empty.
        keep: whether fields expire as before.
        at: when fields are to expire, milliseconds since the epoch, or None.
        first: where the first field stands.

    Raises:
        Failure: an option is unknown, repeated or at odds with another, or the fields do not fit.
    """

    def __init__(self, session: Session, args: list[bytes]) -> None:
        self.condition = b""
        self.keep = False
        self.at: int | None = None
        self.first = 0
        index = 2
        while index < len(args):
            option = args[index].upper()
            unit = _UNITS.get(option, 0)
            if option == b"FIELDS":
                break
            if option in (b"FXX", b"FNX"):
                if self.condition:
                    raise Failure(_ONE_CONDITION.message)
                self.condition = option
            elif option == b"KEEPTTL" or unit:
                if self.keep or self.at is not None:
                    raise Failure(_ONE_EXPIRATION.message)
                if not unit:
                    self.keep = True
                elif index + 1 < len(args):
                    index += 1
                    self.at = _time(session, args[index], unit, option.endswith(b"AT"), b"hsetex")
            else:
                raise Failure(b"ERR unknown argument: %s" % args[index].split(b"\0")[0])
            index += 1
        self.first = index + 2
        if self.first + 1 >= len(args):
            raise _wrong_arity(args)
        count = number_or(args[index + 1], b"ERR invalid number of fields")
        if not 0 < count < 1 << 31:
            raise Failure(b"ERR invalid number of fields")
        if count * 2 != len(args) - self.first:
            raise _wrong_arity(args)


def _to_read(session: Session, key: bytes) -> Hash | None:
    value = session.db.read(key)
    if value is None:
        return None
    if not isinstance(value, Hash):
        raise Failure(WRONG_TYPE.message)
    return value if value.times is None else _without_expired(session, key, value)


def _to_write(session: Session, key: bytes) -> Hash | None:
    value = session.db.lookup(key)
    if value is None:
        return None
    if not isinstance(value, Hash):
        raise Failure(WRONG_TYPE.message)
    return value if value.times is None else _without_expired(session, key, value)


def _to_create(session: Session, key: bytes) -> Hash:
    held = _to_write(session, key)
    if held is None:
        held = Hash()
        session.db.set(key, held)
    return held


def _without_expired(session: Session, key: bytes, held: Hash) -> Hash | None:
    """The hash after some expired fields have been removed, or None if that was the last of it."""
    namespace = session.namespace
    if held.hides(namespace.clock.ms) and namespace.active_expiry and not session.db.frozen:
        namespace.expire_fields(session.db, key, held, _AT_ONCE)
        if not len(held):
            return None
    return held


def _set_all(session: Session, args: list[bytes]) -> int:
    """Sets the fields of HSET and HMSET; returns how many are new."""
    count = len(args)
    if count % 2:
        raise _wrong_arity(args)
    db = session.db
    key = args[1]
    settings = session.namespace.settings
    held = _to_create(session, key)
    if count > 4:
        held.expect(count // 2 - 1, settings)
    added = 0
    for index in range(2, count, 2):
        if held.set(args[index], args[index + 1], settings):
            added += 1
        db.changed(key)
    db.notify(HASH, b"hset", key)
    return added


def _put(session: Session, args: list[bytes], held: Hash, value: bytes, there: bool) -> None:
    """Sets the field of HINCRBY and HINCRBYFLOAT, which expires as before if it was there."""
    if there:
        held.replace(args[2], value, session.namespace.settings)
    else:
        held.set(args[2], value, session.namespace.settings)
    session.db.changed(args[1])


def _removed(session: Session, key: bytes, held: Hash, count: int) -> None:
    """Tells that fields were removed, and removes the key with the last of them."""
    db = session.db
    for _ in range(count):
        db.changed(key)
    db.notify(HASH, b"hdel", key)
    if not len(held):
        db.remove(key)
        db.notify(GENERIC, b"del", key)


def _values(session: Session, held: Hash | None, fields: list[bytes]) -> list[object]:
    if held is None:
        return [None] * len(fields)
    now = session.namespace.clock.ms
    return [held.get(field, now) for field in fields]


def _taken(session: Session, key: bytes, held: Hash | None, fields: list[bytes]) -> list[object]:
    """The values of fields, which are removed."""
    if held is None:
        return [None] * len(fields)
    now = session.namespace.clock.ms
    found: list[object] = []
    removed: list[bytes] = []
    for field in fields:
        value = held.get(field, now)
        found.append(value)
        if value is not None:
            held.remove(field)
            removed.append(field)
    if removed:
        _removed(session, key, held, len(removed))
        session.effect(b"HDEL", key, *removed)
    return found


def _drawn(session: Session, held: Hash, count: int) -> list[bytes]:
    """Fields drawn at random; of a negative count, with repeats."""
    now = session.namespace.clock.ms
    random = session.namespace.random
    size = len(held)
    if count == 0:
        return []
    if not held.hides(now):
        if count >= size:
            return held.fields(now)
        return held.picked(draw_places(random, size, count))
    if count * 2 < size:  # most draws find one of those that are left, if most are left
        found: dict[bytes, None] = {}
        drawn: list[bytes] = []
        for _ in range(abs(count) * 4 + 16):
            field = held.at(draw_place(random, size))
            if held.get(field, now) is not None and (count < 0 or field not in found):
                found[field] = None
                drawn.append(field)
                if len(drawn) >= abs(count):
                    return drawn
    fields = held.fields(now)
    if not fields or count >= len(fields):
        return fields
    return [fields[place] for place in draw_places(random, len(fields), count)]


def _fields(args: list[bytes], start: int, wrong_count: bytes = _NOT_POSITIVE) -> list[bytes]:
    """The fields that stand after FIELDS and their number.

    Raises:
        Failure: FIELDS does not stand at `start`, or the number is not theirs.
    """
    if start + 1 >= len(args):
        raise _wrong_arity(args)
    if args[start].upper() != b"FIELDS":
        raise Failure(_NO_FIELDS.message)
    count = number_or(args[start + 1], wrong_count)
    if count <= 0:
        raise Failure(wrong_count)
    if count != len(args) - start - 2:
        raise Failure(_FIELDS_DIFFER.message)
    return args[start + 2 :]


def _time(session: Session, text: bytes, unit: int, absolute: bool, name: bytes) -> int:
    """When a field is to expire, milliseconds since the epoch.

    Raises:
        Failure: it is no number, negative or too late.
    """
    number = integer(text)
    if number < 0:
        raise Failure(_NEGATIVE_TIME.message)
    base: int = 0 if absolute else session.namespace.clock.ms
    at = number * unit + base
    if at > _LATEST:
        raise Failure(b"ERR invalid expire time in '%s' command" % name)
    return at


def _expire_fields(session: Session, args: list[bytes], unit: int, absolute: bool) -> Reply:
    key = args[1]
    held = _to_write(session, key)
    at = _time(session, args[2], unit, absolute, args[0].lower())
    condition = args[3].upper()
    if condition not in _CONDITIONS:
        condition = b""
    fields = _fields(
        args, 4 if condition else 3, b"ERR Parameter `numFields` should be greater than 0"
    )
    if held is None:
        return [-2] * len(fields)
    return _expire(session, key, held, fields, at, condition)


def _expire(
    session: Session, key: bytes, held: Hash, fields: list[bytes], at: int, condition: bytes
) -> list[int]:
    """Has fields expire.

    Returns for each: -2 if it is not there, 0 if the condition does not hold, 1 if its expiry was
    set, 2 if it was removed, since the time has come.
    """
    db = session.db
    now = session.namespace.clock.ms
    held.timed()
    codes: list[int] = []
    done: list[bytes] = []
    for field in fields:
        before = held.expiry(field, now)
        if before == -2:
            codes.append(-2)
        elif condition and not _holds(condition, before, at):
            codes.append(0)
        else:
            codes.append(1 if at > now else 2)
            done.append(field)
            if at > now:
                held.set_expiry(field, at)
            else:
                held.remove(field)
    if not done:
        return codes
    if at <= now:
        _removed(session, key, held, len(done))
        session.effect(b"HDEL", key, *done)
        return codes
    db.schedule_parts(key, held)
    for _ in done:
        db.changed(key)
    db.notify(HASH, b"hexpire", key)
    session.effect(b"HPEXPIREAT", key, b"%d" % at, b"FIELDS", b"%d" % len(done), *done)
    return codes


def _holds(condition: bytes, before: int, at: int) -> bool:
    """Whether NX, XX, GT or LT allows an expiry to be set where there is one, or -1 for none."""
    if condition == b"NX":
        return before == -1
    if condition == b"XX":
        return before != -1
    if condition == b"GT":
        return before != -1 and at > before
    return before == -1 or at < before


def _expiries(session: Session, args: list[bytes], unit: int, base: int) -> Reply:
    """When fields expire, from a time on, rounded up to whole units; -1 for never, -2 for none."""
    held = _to_read(session, args[1])
    fields = _fields(args, 2)
    if held is None:
        return [-2] * len(fields)
    now = session.namespace.clock.ms
    found: list[int] = []
    for field in fields:
        at = held.expiry(field, now)
        found.append(at if at < 0 else (at - base + unit - 1) // unit)
    return found


def _wrong_arity(args: list[bytes]) -> Failure:
    return Failure(b"ERR wrong number of arguments for '%s' command" % args[0].lower())
