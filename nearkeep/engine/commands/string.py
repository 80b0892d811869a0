"""The string commands: https://redis.io/docs/latest/commands/?group=string"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine import longdouble
from nearkeep.engine.command import command
from nearkeep.engine.keyspace import GENERIC, STRING, Keyspace
from nearkeep.engine.keyspec import ACCESS, OW, RW, UPDATE, Key
from nearkeep.engine.text import NOT_INTEGER, SYNTAX_ERROR, integer
from nearkeep.engine.values.string import (
    compact,
    growable,
    string_length,
    string_of,
)
from nearkeep.wire.reply import EMPTY, OK, Failure, Map, Reply
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_OVERFLOW: Final = Failure(b"ERR increment or decrement would overflow")
_TOO_LONG: Final = Failure(b"ERR string exceeds maximum allowed size (proto-max-bulk-len)")
_MAX: Final = 9223372036854775807
_MIN: Final = -9223372036854775808
_SAFE: Final = 1 << 60
"""Numbers below it are compared without a call."""


def _set_keys(args: list[bytes]) -> list[Key]:
    """SET reads its key only with GET."""
    if any(word.upper() == b"GET" for word in args[3:]):
        return [(1, RW | ACCESS | UPDATE)]
    return [(1, OW | UPDATE)]


@command(
    "GET key",
    group="string", since="1.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns a string.",
)
def get(session: Session, args: list[bytes]) -> Reply:
    value = session.db.read(args[1])
    if value is None or isinstance(value, bytes):
        return value
    return string_of(value)


@command(
    "SET key value [condition=(NX | XX)] [GET] [expiration=(EX seconds:integer | PX "
    "milliseconds:integer | EXAT unix-time-seconds:unix-time | PXAT "
    "unix-time-milliseconds:unix-time | KEEPTTL)]",
    group="string", since="1.0.0", complexity="O(1)",
    flags="write denyoom", keys="1 RW access update variable_flags", getkeys=_set_keys,
    summary="Sets a string, whatever was at the key before.",
)
def set_(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    if len(args) == 3:
        db.set(key, compact(args[2]))
        db.changed(key)
        db.notify(STRING, b"set", key)
        return OK
    options = SetOptions(args, 3)
    at = options.expires_at(session, b"set")
    old: Reply = None
    if options.get:
        value = db.read(key)
        old = None if value is None else string_of(value)
    there = key in db
    if (options.if_missing and there) or (options.if_there and not there):
        return old
    if options.keep:
        if there:
            db.tell_overwritten(key, db.peek(key), b"")
        db.replace(key, compact(args[2]))
    else:
        db.set(key, compact(args[2]))
    db.changed(key)
    db.notify(STRING, b"set", key)
    if at is not None:
        db.set_expiry(key, at)
        db.notify(GENERIC, b"expire", key)
        session.effect(b"SET", key, args[2], b"PXAT", b"%d" % at)
    elif options.keep:
        session.effect(b"SET", key, args[2], b"KEEPTTL")
    else:
        session.effect(b"SET", key, args[2])
    return old if options.get else OK


@command(
    "SETNX key value",
    group="string", since="1.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 OW insert", deprecated="2.6.12",
    replaced_by="`SET` with `NX`",
    summary="Sets a string if the key does not exist.",
)
def setnx(session: Session, args: list[bytes]) -> Reply:
    if args[1] in session.db:
        return 0
    _put(session.db, args[1], compact(args[2]))
    return 1


@command(
    "SETEX key seconds:integer value",
    group="string", since="2.0.0", complexity="O(1)",
    flags="write denyoom", keys="1 OW update", deprecated="2.6.12", replaced_by="`SET` with `EX`",
    summary="Sets a string and its expiry in seconds.",
)
def setex(session: Session, args: list[bytes]) -> Reply:
    return _set_for(session, args[1], args[3], args[2], 1000, b"setex")


@command(
    "PSETEX key milliseconds:integer value",
    group="string", since="2.6.0", complexity="O(1)",
    flags="write denyoom", keys="1 OW update", deprecated="2.6.12", replaced_by="`SET` with `PX`",
    summary="Sets a string and its expiry in milliseconds.",
)
def psetex(session: Session, args: list[bytes]) -> Reply:
    return _set_for(session, args[1], args[3], args[2], 1, b"psetex")


@command(
    "GETSET key value",
    group="string", since="1.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update", deprecated="6.2.0",
    replaced_by="`SET` with `GET`",
    summary="Sets a string and returns the one that was there.",
)
def getset(session: Session, args: list[bytes]) -> Reply:
    value = session.db.read(args[1])
    old = None if value is None else string_of(value)
    _put(session.db, args[1], compact(args[2]))
    session.effect(b"SET", args[1], args[2])
    return old


@command(
    "GETDEL key",
    group="string", since="6.2.0", complexity="O(1)",
    flags="write fast", keys="1 RW access delete",
    summary="Returns a string and deletes its key.",
)
def getdel(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    value = db.read(args[1])
    if value is None:
        return None
    old = string_of(value)
    db.remove(args[1])
    db.changed(args[1])
    db.notify(GENERIC, b"del", args[1])
    session.effect(b"DEL", args[1])
    return old


@command(
    "GETEX key [expiration=(EX seconds:integer | PX milliseconds:integer | EXAT "
    "unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST)]",
    group="string", since="6.2.0", complexity="O(1)",
    flags="write fast", keys="1 RW access update",
    summary="Returns a string and sets or removes its expiry.",
)
def getex(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    options = ExpiryOptions(args, 2)
    value = db.read(key)
    if value is None:
        return None
    found = string_of(value)
    at = options.expires_at(session, b"getex")
    if at is not None:
        if options.absolute and at <= session.namespace.clock.ms:
            db.remove(key)
            db.changed(key)
            db.notify(GENERIC, b"del", key)
            session.effect(b"DEL", key)
        else:
            db.set_expiry(key, at)
            db.changed(key)
            db.notify(GENERIC, b"expire", key)
            session.effect(b"PEXPIREAT", key, b"%d" % at)
    elif options.persist and db.persist(key):
        db.changed(key)
        db.notify(GENERIC, b"persist", key)
        session.effect(b"PERSIST", key)
    return found


@command(
    "MGET key ...",
    group="string", since="1.0.0", complexity="O(N)",
    flags="readonly fast", keys="1..-1 RO access", hints="request_policy:multi_shard",
    summary="Returns the strings at several keys.",
)
def mget(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    found: list[object] = []
    for key in args[1:]:
        value = db.read(key)
        if isinstance(value, (int, bytearray)):
            value = string_of(value)
        found.append(value if isinstance(value, bytes) else None)
    return found


@command(
    "MSET data=(key value) ...",
    group="string", since="1.0.1", complexity="O(N)",
    flags="write denyoom", keys="1..-1/2 OW update",
    hints="request_policy:multi_shard response_policy:all_succeeded",
    summary="Sets several keys at once.",
)
def mset(session: Session, args: list[bytes]) -> Reply:
    if len(args) % 2 == 0:
        return Failure(b"ERR wrong number of arguments for 'mset' command")
    _put_all(session.db, args)
    return OK


@command(
    "MSETNX data=(key value) ...",
    group="string", since="1.0.1", complexity="O(N)",
    flags="write denyoom", keys="1..-1/2 OW insert",
    summary="Sets several keys at once if none of them exists.",
)
def msetnx(session: Session, args: list[bytes]) -> Reply:
    if len(args) % 2 == 0:
        return Failure(b"ERR wrong number of arguments for 'msetnx' command")
    for index in range(1, len(args), 2):
        if args[index] in session.db:
            return 0
    _put_all(session.db, args)
    return 1


@command(
    "APPEND key value",
    group="string", since="2.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW insert",
    summary="Adds to the end of a string, creating it if need be.",
)
def append(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    value = db.lookup(key)
    if value is None:
        db.set(key, compact(args[2]))
        length = len(args[2])
    else:
        _check_length(session, string_length(value) + len(args[2]))
        text = growable(value)
        text += args[2]
        length = len(text)
        db.replace(key, text)
    db.changed(key)
    db.notify(STRING, b"append", key)
    return length


@command(
    "STRLEN key",
    group="string", since="2.2.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Returns the length of a string in bytes.",
)
def strlen(session: Session, args: list[bytes]) -> Reply:
    value = session.db.read(args[1])
    return 0 if value is None else string_length(value)


@command(
    "GETRANGE key start:integer end:integer",
    group="string", since="2.4.0", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Returns the part of a string between two offsets.",
)
def getrange(session: Session, args: list[bytes]) -> Reply:
    start = integer(args[2])
    end = integer(args[3])
    value = session.db.read(args[1])
    if value is None:
        return EMPTY
    if not isinstance(value, (bytes, bytearray)):
        value = string_of(value)
    size = len(value)
    if start < 0 and end < 0 and start > end:
        return EMPTY
    if start < 0:
        start = max(start + size, 0)
    if end < 0:
        end = max(end + size, 0)
    return bytes(value[start : end + 1])


@command(
    "SUBSTR key start:integer end:integer",
    group="string", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access", deprecated="2.0.0", replaced_by="`GETRANGE`",
    summary="Returns the part of a string between two offsets.",
)
def substr(session: Session, args: list[bytes]) -> Reply:
    return getrange(session, args)


@command(
    "SETRANGE key offset:integer value",
    group="string", since="2.2.0", complexity="O(1) for short strings",
    flags="write denyoom", keys="1 RW update",
    summary="Overwrites a part of a string from an offset on.",
)
def setrange(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    offset = integer(args[2])
    if offset < 0:
        return Failure(b"ERR offset is out of range")
    patch = args[3]
    value = db.lookup(key)
    if not patch:
        return 0 if value is None else string_length(value)
    if value is not None:
        string_length(value)
    _check_length(session, offset + len(patch))
    text = bytearray() if value is None else growable(value)
    if offset > len(text):
        text += bytes(offset - len(text))
    text[offset : offset + len(patch)] = patch
    if value is None:
        db.set(key, text)
    else:
        db.replace(key, text)
    db.changed(key)
    db.notify(STRING, b"setrange", key)
    return len(text)


@command(
    "INCR key",
    group="string", since="1.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Adds one to a number.",
)
def incr(session: Session, args: list[bytes]) -> Reply:
    return _add(session, args[1], 1)


@command(
    "DECR key",
    group="string", since="1.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Subtracts one from a number.",
)
def decr(session: Session, args: list[bytes]) -> Reply:
    return _add(session, args[1], -1)


@command(
    "INCRBY key increment:integer",
    group="string", since="1.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Adds to a number.",
)
def incrby(session: Session, args: list[bytes]) -> Reply:
    return _add(session, args[1], integer(args[2]))


@command(
    "DECRBY key decrement:integer",
    group="string", since="1.0.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Subtracts from a number.",
)
def decrby(session: Session, args: list[bytes]) -> Reply:
    amount = integer(args[2])
    if amount == _MIN:
        return Failure(b"ERR decrement would overflow")
    return _add(session, args[1], -amount)


@command(
    "INCRBYFLOAT key increment:double",
    group="string", since="2.6.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Adds a decimal to a number.",
)
def incrbyfloat(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    value = db.lookup(key)
    old = b"0" if value is None else string_of(value)
    total = longdouble.text(longdouble.add(longdouble.parse(old), longdouble.parse(args[2])))
    db.replace(key, total)
    db.changed(key)
    db.notify(STRING, b"incrbyfloat", key)
    session.effect(b"SET", key, total, b"KEEPTTL")
    return total


@command(
    "LCS key1:key key2:key@0 [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]",
    group="string", since="7.0.0", complexity="O(N*M)",
    flags="readonly", keys="1..2 RO access",
    summary="Returns the longest common subsequence of two strings.",
)
def lcs(session: Session, args: list[bytes]) -> Reply:
    first = session.db.read(args[1])
    second = session.db.read(args[2])
    try:
        left = b"" if first is None else string_of(first)
        right = b"" if second is None else string_of(second)
    except Failure:
        return Failure(b"ERR The specified keys must contain string values")
    only_length = indexes = with_length = False
    shortest = 0
    index = 3
    while index < len(args):
        option = args[index].upper()
        if option == b"IDX":
            indexes = True
        elif option == b"LEN":
            only_length = True
        elif option == b"WITHMATCHLEN":
            with_length = True
        elif option == b"MINMATCHLEN" and index + 1 < len(args):
            shortest = max(integer(args[index + 1]), 0)
            index += 1
        else:
            return SYNTAX_ERROR
        index += 1
    if only_length and indexes:
        return Failure(b"ERR If you want both the length and indexes, please just use IDX.")
    if (len(left) + 1) * (len(right) + 1) * 4 > session.namespace.settings.integer(
        "proto-max-bulk-len"
    ):
        return Failure(
            b"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
        )
    table = _common_lengths(left, right)
    if only_length:
        return table[-1][-1]
    if not indexes:
        return _common_text(left, right, table)
    matches: list[object] = []
    for start_left, start_right, length in _common_ranges(left, right, table):
        if length < shortest:
            continue
        match: list[object] = [
            [start_left, start_left + length - 1],
            [start_right, start_right + length - 1],
        ]
        if with_length:
            match.append(length)
        matches.append(match)
    return Map([b"matches", matches, b"len", table[-1][-1]])


def _put(db: Keyspace, key: bytes, value: object) -> None:
    db.set(key, value)
    db.changed(key)
    db.notify(STRING, b"set", key)


def _put_all(db: Keyspace, args: list[bytes]) -> None:
    for index in range(1, len(args), 2):
        _put(db, args[index], compact(args[index + 1]))


def _set_for(
    session: Session, key: bytes, value: bytes, duration: bytes, unit: int, name: bytes
) -> Reply:
    at = expiry_time(session, integer(duration), unit, name)
    _put(session.db, key, compact(value))
    session.db.set_expiry(key, at)
    session.db.notify(GENERIC, b"expire", key)
    session.effect(b"SET", key, value, b"PXAT", b"%d" % at)
    return OK


def _add(session: Session, key: bytes, amount: int) -> Reply:
    db = session.db
    entry = db.lookup_entry(key)
    value = None if entry is None else entry.value
    if isinstance(value, int):
        total = value + amount
    elif value is None:
        total = amount
    else:
        number = parse_integer(string_of(value))
        if number is None:
            return Failure(NOT_INTEGER.message)
        total = number + amount
    if not -_SAFE < total < _SAFE and not _MIN <= total <= _MAX:
        return Failure(_OVERFLOW.message)
    if entry is None:
        db.set(key, total)
    else:
        db.put(entry, total)
    db.changed(key)
    db.notify(STRING, b"incrby", key)
    return total


def _check_length(session: Session, length: int) -> None:
    if length > session.namespace.settings.integer("proto-max-bulk-len"):
        raise Failure(_TOO_LONG.message)


def expiry_time(session: Session, duration: int, unit: int, name: bytes) -> int:
    """When a duration of a command ends, milliseconds since the epoch; it must be positive.

    Raises:
        Failure: it is not, or the time is beyond 64 bits.
    """
    now = session.namespace.clock.ms
    if duration <= 0 or duration > _MAX // unit or duration * unit > _MAX - now:
        raise Failure(b"ERR invalid expire time in '%s' command" % name)
    return duration * unit + now


def _common_lengths(left: bytes, right: bytes) -> list[list[int]]:
    """Length of the longest common subsequence of each pair of prefixes."""
    width = len(right) + 1
    above = [0] * width
    table = [above]
    for char in left:
        row = [0] * width
        before = 0
        for place in range(1, width):
            if right[place - 1] == char:
                before = above[place - 1] + 1
            elif above[place] > before:
                before = above[place]
            row[place] = before
        table.append(row)
        above = row
    return table


def _common_text(left: bytes, right: bytes, table: list[list[int]]) -> bytes:
    found = bytearray()
    i, j = len(left), len(right)
    while i and j:
        if left[i - 1] == right[j - 1]:
            found.append(left[i - 1])
            i -= 1
            j -= 1
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    found.reverse()
    return bytes(found)


def _common_ranges(
    left: bytes, right: bytes, table: list[list[int]]
) -> list[tuple[int, int, int]]:
    """Runs of the common subsequence, from the last on: start in each string, and length."""
    found: list[tuple[int, int, int]] = []
    i, j = len(left), len(right)
    length = 0
    while i and j:
        if left[i - 1] == right[j - 1]:
            i -= 1
            j -= 1
            length += 1
            continue
        if length:
            found.append((i, j, length))
            length = 0
        if table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    if length:
        found.append((i, j, length))
    return found


class ExpiryOptions:
    """EX, PX, EXAT, PXAT and PERSIST of GETEX, from a place in the arguments on.

    The same option may come again, and the last of them counts.

    Raises:
        Failure: an option is unknown or at odds with another.
    """

    def __init__(self, args: list[bytes], start: int) -> None:
        self.time = b""
        self.option = b""
        self.unit = 0
        self.absolute = False
        self.persist = False
        self.keep = False
        index = start
        while index < len(args):
            more = index + 1 < len(args)
            if self.read(args[index].upper(), args[index + 1] if more else None):
                index += 1
            index += 1

    def read(self, option: bytes, argument: bytes | None) -> bool:
        """Reads one option; whether it took the argument."""
        if option == b"PERSIST" and not self.unit:
            self.persist = True
            return False
        unit = _UNITS.get(option)
        if unit is None or argument is None or self.persist or self.keep:
            raise Failure(SYNTAX_ERROR.message)
        if self.option not in (b"", option):
            raise Failure(SYNTAX_ERROR.message)
        self.option = option
        self.unit = unit
        self.absolute = option.endswith(b"AT")
        self.time = argument
        return True

    def expires_at(self, session: Session, name: bytes) -> int | None:
        """When the key is to expire, milliseconds since the epoch, or None.

        Raises:
            Failure: the time is none, not positive or beyond 64 bits.
        """
        if not self.unit:
            return None
        number = integer(self.time)
        if not self.absolute:
            return expiry_time(session, number, self.unit, name)
        if number <= 0 or number > _MAX // self.unit:
            raise Failure(b"ERR invalid expire time in '%s' command" % name)
        return number * self.unit


class SetOptions(ExpiryOptions):
    """The options of SET: those of time, KEEPTTL, NX, XX and GET."""

    def __init__(self, args: list[bytes], start: int) -> None:
        self.if_missing = False
        self.if_there = False
        self.get = False
        super().__init__(args, start)

    def read(self, option: bytes, argument: bytes | None) -> bool:
        if option == b"NX" and not self.if_there:
            self.if_missing = True
        elif option == b"XX" and not self.if_missing:
            self.if_there = True
        elif option == b"GET":
            self.get = True
        elif option == b"KEEPTTL" and not self.unit:
            self.keep = True
        elif option == b"PERSIST":
            raise Failure(SYNTAX_ERROR.message)
        else:
            return ExpiryOptions.read(self, option, argument)
        return False


_UNITS: Final = {b"EX": 1000, b"PX": 1, b"EXAT": 1000, b"PXAT": 1}
