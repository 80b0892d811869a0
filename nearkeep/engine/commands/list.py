"""The list commands.

Source: https://redis.io/docs/latest/commands/?group=list
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from nearkeep.engine import timeout
from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import drop_if_empty, free
from nearkeep.engine.keyspace import LIST, Keyspace
from nearkeep.engine.text import NOT_INTEGER, SYNTAX_ERROR, integer, number_or
from nearkeep.engine.values.list import List
from nearkeep.engine.values.value import WRONG_TYPE
from nearkeep.wire.reply import NULL_ARRAY, OK, Failure, Reply
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_MAX: Final = 9223372036854775807
_NOT_RANGE: Final = b"ERR value is out of range, value must between %d and %d" % (-_MAX, _MAX)
_NO_KEY: Final = Failure(b"ERR no such key")
_OUT_OF_RANGE: Final = Failure(b"ERR index out of range")
_NOT_POSITIVE: Final = b"ERR value is out of range, must be positive"
_NO_KEYS: Final = b"ERR numkeys should be greater than 0"
_NO_COUNT: Final = b"ERR count should be greater than 0"


@command(
    "LPUSH key element ...",
    group="list", since="1.0.0", complexity="O(N)",
    flags="write denyoom fast", keys="1 RW insert",
    summary="Prepends elements to a list, creating it if need be.",
)  # fmt: skip
def lpush(session: Session, args: list[bytes]) -> Reply:
    return _push(session, args, left=True, create=True)


@command(
    "RPUSH key element ...",
    group="list", since="1.0.0", complexity="O(N)",
    flags="write denyoom fast", keys="1 RW insert",
    summary="Appends elements to a list, creating it if need be.",
)  # fmt: skip
def rpush(session: Session, args: list[bytes]) -> Reply:
    return _push(session, args, left=False, create=True)


@command(
    "LPUSHX key element ...",
    group="list", since="2.2.0", complexity="O(N)",
    flags="write denyoom fast", keys="1 RW insert",
    summary="Prepends elements to a list that exists.",
)  # fmt: skip
def lpushx(session: Session, args: list[bytes]) -> Reply:
    return _push(session, args, left=True, create=False)


@command(
    "RPUSHX key element ...",
    group="list", since="2.2.0", complexity="O(N)",
    flags="write denyoom fast", keys="1 RW insert",
    summary="Appends elements to a list that exists.",
)  # fmt: skip
def rpushx(session: Session, args: list[bytes]) -> Reply:
    return _push(session, args, left=False, create=False)


@command(
    "LPOP key [count:integer]",
    group="list", since="1.0.0", complexity="O(N)",
    flags="write fast", keys="1 RW access delete",
    summary="Pops elements from the head of a list.",
)  # fmt: skip
def lpop(session: Session, args: list[bytes]) -> Reply:
    return _pop(session, args, left=True)


@command(
    "RPOP key [count:integer]",
    group="list", since="1.0.0", complexity="O(N)",
    flags="write fast", keys="1 RW access delete",
    summary="Pops elements from the tail of a list.",
)  # fmt: skip
def rpop(session: Session, args: list[bytes]) -> Reply:
    return _pop(session, args, left=False)


@command(
    "LMPOP numkeys:integer key ... where=(LEFT | RIGHT) [COUNT count:integer]",
    group="list", since="7.0.0", complexity="O(N+M)",
    flags="write", keys="1 numkeys RW access delete",
    summary="Pops elements from the first list that has some.",
)  # fmt: skip
def lmpop(session: Session, args: list[bytes]) -> Reply:
    found = PopMany(args, 1).run(session)
    return NULL_ARRAY if found is None else found


@command(
    "LLEN key",
    group="list", since="1.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Returns how many elements a list has.",
)  # fmt: skip
def llen(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session.db, args[1])
    return 0 if held is None else len(held)


@command(
    "LRANGE key start:integer stop:integer",
    group="list", since="1.0.0", complexity="O(S+N)",
    flags="readonly", keys="1 RO access",
    summary="Returns the elements of a list between two indices.",
)  # fmt: skip
def lrange(session: Session, args: list[bytes]) -> Reply:
    start = integer(args[2])
    stop = integer(args[3])
    held = _to_read(session.db, args[1])
    if held is None:
        return []
    start, stop = _range(start, stop, len(held))
    return held.slice(start, stop)


@command(
    "LINDEX key index:integer",
    group="list", since="1.0.0", complexity="O(N), O(1) at either end",
    flags="readonly", keys="1 RO access",
    summary="Returns the element at an index of a list.",
)  # fmt: skip
def lindex(session: Session, args: list[bytes]) -> Reply:
    held = _to_read(session.db, args[1])
    if held is None:
        return None
    index = integer(args[2])
    if index < 0:
        index += len(held)
    return held.at(index) if 0 <= index < len(held) else None


@command(
    "LSET key index:integer element",
    group="list", since="1.0.0", complexity="O(N), O(1) at either end",
    flags="write denyoom", keys="1 RW update",
    summary="Replaces the element at an index of a list.",
)  # fmt: skip
def lset(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    held = _to_write(db, args[1])
    if held is None:
        return _NO_KEY
    index = integer(args[2])
    if index < 0:
        index += len(held)
    if not held.set(index, args[3], session.namespace.settings):
        return _OUT_OF_RANGE
    db.changed(args[1])
    db.notify(LIST, b"lset", args[1])
    return OK


@command(
    "LINSERT key where=(BEFORE | AFTER) pivot element",
    group="list", since="2.2.0", complexity="O(N), O(1) near the head",
    flags="write denyoom", keys="1 RW insert",
    summary="Inserts an element before or after another one.",
)  # fmt: skip
def linsert(session: Session, args: list[bytes]) -> Reply:
    where = args[2].upper()
    if where not in (b"BEFORE", b"AFTER"):
        return SYNTAX_ERROR
    db = session.db
    held = _to_write(db, args[1])
    if held is None:
        return 0
    if not held.insert(args[3], args[4], where == b"AFTER", session.namespace.settings):
        return -1
    db.changed(args[1])
    db.notify(LIST, b"linsert", args[1])
    return len(held)


@command(
    "LREM key count:integer element",
    group="list", since="1.0.0", complexity="O(N+M)",
    flags="write", keys="1 RW delete",
    summary="Removes elements equal to the one given.",
)  # fmt: skip
def lrem(session: Session, args: list[bytes]) -> Reply:
    count = integer(args[2])
    if count < -_MAX:
        return Failure(_NOT_RANGE)
    db = session.db
    held = _to_write(db, args[1])
    if held is None:
        return 0
    removed = held.remove(args[3], count)
    if removed:
        _changed(db, args[1], removed)
        db.notify(LIST, b"lrem", args[1])
        drop_if_empty(db, args[1], held)
    return removed


@command(
    "LTRIM key start:integer stop:integer",
    group="list", since="1.0.0", complexity="O(N)",
    flags="write", keys="1 RW delete",
    summary="Keeps only the elements between two indices.",
)  # fmt: skip
def ltrim(session: Session, args: list[bytes]) -> Reply:
    start = integer(args[2])
    stop = integer(args[3])
    db = session.db
    held = _to_write(db, args[1])
    if held is None:
        return OK
    size = len(held)
    start, stop = _range(start, stop, size)
    if start > 0 or stop < size - 1:
        free(session.namespace, held.trim(start, stop))
        _changed(db, args[1], size - len(held))
    db.notify(LIST, b"ltrim", args[1])
    drop_if_empty(db, args[1], held)
    return OK


@command(
    "LPOS key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
    group="list", since="6.0.6", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Finds the indices at which an element stands in a list.",
)  # fmt: skip
def lpos(session: Session, args: list[bytes]) -> Reply:
    options = Search(args)
    held = _to_read(session.db, args[1])
    if held is None:
        return None if options.count < 0 else []
    most = 1 if options.count < 0 else options.count
    found = held.find(args[2], options.rank, most, options.limit)
    if options.count < 0:
        return found[0] if found else None
    return [*found]


@command(
    "LMOVE source:key destination:key wherefrom=(LEFT | RIGHT) whereto=(LEFT | RIGHT)",
    group="list", since="6.2.0", complexity="O(1)",
    flags="write denyoom", keys="1 RW access delete; 2 RW insert",
    summary="Moves an element from an end of a list to an end of another.",
)  # fmt: skip
def lmove(session: Session, args: list[bytes]) -> Reply:
    return _move(session, args[1], args[2], _is_left(args[3]), _is_left(args[4]))


@command(
    "RPOPLPUSH source:key destination:key",
    group="list", since="1.2.0", complexity="O(1)",
    flags="write denyoom", keys="1 RW access delete; 2 RW insert", deprecated="6.2.0",
    replaced_by="`LMOVE` with `RIGHT` and `LEFT`",
    summary="Moves the last element of a list to the head of another.",
)  # fmt: skip
def rpoplpush(session: Session, args: list[bytes]) -> Reply:
    return _move(session, args[1], args[2], from_left=False, to_left=True)


@command(
    "BLPOP key ... timeout:double",
    group="list", since="2.0.0", complexity="O(N)",
    flags="write blocking", keys="1..-2 RW access delete",
    summary="Pops the first element of the first list that has one, waiting for it.",
)  # fmt: skip
def blpop(session: Session, args: list[bytes]) -> Reply:
    return _pop_waiting(session, args, left=True)


@command(
    "BRPOP key ... timeout:double",
    group="list", since="2.0.0", complexity="O(N)",
    flags="write blocking", keys="1..-2 RW access delete",
    summary="Pops the last element of the first list that has one, waiting for it.",
)  # fmt: skip
def brpop(session: Session, args: list[bytes]) -> Reply:
    return _pop_waiting(session, args, left=False)


@command(
    "BLMPOP timeout:double numkeys:integer key ... where=(LEFT | RIGHT) [COUNT count:integer]",
    group="list", since="7.0.0", complexity="O(N+M)",
    flags="write blocking", keys="2 numkeys RW access delete",
    summary="Pops elements from the first list that has some, waiting for one.",
)  # fmt: skip
def blmpop(session: Session, args: list[bytes]) -> Reply:
    wanted = PopMany(args, 2)
    wait = timeout.seconds(args[1], session.namespace.clock.ms)
    found = wanted.run(session)
    if found is None:
        return session.block(wanted.keys, wait, NULL_ARRAY, args, b"list")
    return found


@command(
    "BLMOVE source:key destination:key wherefrom=(LEFT | RIGHT) whereto=(LEFT "
    "| RIGHT) timeout:double",
    group="list", since="6.2.0", complexity="O(1)",
    flags="write denyoom blocking", keys="1 RW access delete; 2 RW insert",
    summary="Moves an element from one list to another, waiting for one.",
)  # fmt: skip
def blmove(session: Session, args: list[bytes]) -> Reply:
    from_left, to_left = _is_left(args[3]), _is_left(args[4])
    wait = timeout.seconds(args[5], session.namespace.clock.ms)
    element = _move(session, args[1], args[2], from_left, to_left)
    if element is None:
        return _wait_to_move(session, args, wait)
    session.effect(b"LMOVE", *args[1:5])
    return element


@command(
    "BRPOPLPUSH source:key destination:key timeout:double",
    group="list", since="2.2.0", complexity="O(1)",
    flags="write denyoom blocking", keys="1 RW access delete; 2 RW insert", deprecated="6.2.0",
    replaced_by="`BLMOVE` with `RIGHT` and `LEFT`",
    summary="Moves the last element of a list to the head of another, waiting for one.",
)  # fmt: skip
def brpoplpush(session: Session, args: list[bytes]) -> Reply:
    wait = timeout.seconds(args[3], session.namespace.clock.ms)
    element = _move(session, args[1], args[2], from_left=False, to_left=True)
    if element is None:
        return _wait_to_move(session, args, wait)
    session.effect(b"RPOPLPUSH", args[1], args[2])
    return element


# ---- what several commands share


def _to_read(db: Keyspace, key: bytes) -> List | None:
    value = db.read(key)
    if value is None or isinstance(value, List):
        return value
    raise Failure(WRONG_TYPE.message)


def _to_write(db: Keyspace, key: bytes) -> List | None:
    value = db.lookup(key)
    if value is None or isinstance(value, List):
        return value
    raise Failure(WRONG_TYPE.message)


def _changed(db: Keyspace, key: bytes, count: i64) -> None:
    """Tells that so many elements have changed."""
    if count:
        db.changed(key)
        db.observer.changes += count - 1


def _range(start: int, stop: int, size: int) -> tuple[int, int]:
    """Two indices, the negative ones from the end, within a list; (1, 0) where that leaves none."""
    if start < 0:
        start = max(start + size, 0)
    if stop < 0:
        stop += size
    stop = min(stop, size - 1)
    return (start, stop) if start <= stop else (1, 0)


def _is_left(word: bytes) -> bool:
    where = word.upper()
    if where == b"LEFT":
        return True
    if where == b"RIGHT":
        return False
    raise Failure(SYNTAX_ERROR.message)


def _push(session: Session, args: list[bytes], left: bool, create: bool) -> Reply:
    db = session.db
    key = args[1]
    held = _to_write(db, key)
    if held is None:
        if not create:
            return 0
        held = List()
        db.set(key, held)
    elements = args[2:]
    held.push(elements, left, session.namespace.settings)
    _changed(db, key, len(elements))
    db.notify(LIST, b"lpush" if left else b"rpush", key)
    return len(held)


def _pop(session: Session, args: list[bytes], left: bool) -> Reply:
    if len(args) == 2:
        held = _to_write(session.db, args[1])
        return None if held is None else _pop_one(session, args[1], held, left)
    if len(args) > 3:
        return Failure(b"ERR wrong number of arguments for '%s' command" % args[0].lower())
    count = number_or(args[2], _NOT_POSITIVE)
    if count < 0:
        return Failure(_NOT_POSITIVE)
    held = _to_write(session.db, args[1])
    if held is None:
        return NULL_ARRAY
    if count == 0:
        return []
    return _pop_many(session, args[1], held, count, left)


def _pop_one(session: Session, key: bytes, held: List, left: bool) -> bytes:
    element = held.pop(left)
    _popped(session.db, key, held, 1, left)
    return element


def _pop_many(session: Session, key: bytes, held: List, count: int, left: bool) -> list[bytes]:
    elements = held.pop_many(count, left)
    _popped(session.db, key, held, len(elements), left)
    return elements


def _popped(db: Keyspace, key: bytes, held: List, count: int, left: bool) -> None:
    _changed(db, key, count)
    db.notify(LIST, b"lpop" if left else b"rpop", key)
    drop_if_empty(db, key, held)


def _pop_waiting(session: Session, args: list[bytes], left: bool) -> Reply:
    wait = timeout.seconds(args[-1], session.namespace.clock.ms)
    keys = args[1:-1]
    for key in keys:
        held = _to_write(session.db, key)
        if held is not None:
            element = _pop_one(session, key, held, left)
            session.effect(b"LPOP" if left else b"RPOP", key)
            return [key, element]
    return session.block(keys, wait, NULL_ARRAY, args, b"list")


def _wait_to_move(session: Session, args: list[bytes], wait: int) -> Reply:
    """Waits for an element: a null array when time is over, but a null where nothing may wait."""
    reply = session.block([args[1]], wait, NULL_ARRAY, args, b"list")
    return None if reply is NULL_ARRAY else reply


def _move(
    session: Session, source: bytes, destination: bytes, from_left: bool, to_left: bool
) -> bytes | None:
    """Moves an element and returns it; None where there is nothing to be moved."""
    db = session.db
    held = _to_write(db, source)
    if held is None:
        return None
    target = _to_write(db, destination)
    element = held.pop(from_left)
    if target is None:
        target = List()
        db.set(destination, target)
    target.push([element], to_left, session.namespace.settings)
    db.changed(destination)
    db.notify(LIST, b"lpush" if to_left else b"rpush", destination)
    db.notify(LIST, b"lpop" if from_left else b"rpop", source)
    drop_if_empty(db, source, held)
    db.marked(source)
    if db.observed:
        db.observer.key_changed(db.index, source)
    return element


class PopMany:
    """`numkeys key … where [COUNT count]`, the words of LMPOP and BLMPOP from `index` on."""

    def __init__(self, args: list[bytes], index: int) -> None:
        number = number_or(args[index], _NO_KEYS)
        if number <= 0:
            raise Failure(_NO_KEYS)
        after = index + 1 + number
        if after >= len(args):
            raise Failure(SYNTAX_ERROR.message)
        self.keys = args[index + 1 : after]
        self.left = _is_left(args[after])
        self.count = 1
        if len(args) == after + 1:
            return
        if len(args) == after + 2 or args[after + 1].upper() != b"COUNT":
            raise Failure(SYNTAX_ERROR.message)
        self.count = number_or(args[after + 2], _NO_COUNT)
        if self.count <= 0:
            raise Failure(_NO_COUNT)
        if len(args) > after + 3:
            raise Failure(SYNTAX_ERROR.message)

    def run(self, session: Session) -> list[object] | None:
        """Pops from the first list that is there: its key and the elements, or None."""
        for key in self.keys:
            held = _to_write(session.db, key)
            if held is not None:
                elements = _pop_many(session, key, held, self.count, self.left)
                name = b"LPOP" if self.left else b"RPOP"
                session.effect(name, key, b"%d" % len(elements))
                return [key, elements]
        return None


class Search:
    """The options of LPOS.

    Attributes:
        count: how many are wanted, 0 for all; less than 0 if that is not said.
    """

    def __init__(self, args: list[bytes]) -> None:
        self.rank = 1
        self.count = -1
        self.limit = 0
        index = 3
        while index < len(args):
            option = args[index].upper()
            if index + 1 == len(args):
                raise Failure(SYNTAX_ERROR.message)
            value = args[index + 1]
            if option == b"RANK":
                self.rank = _rank(value)
            elif option == b"COUNT":
                self.count = _not_negative(value, b"ERR COUNT can't be negative")
            elif option == b"MAXLEN":
                self.limit = _not_negative(value, b"ERR MAXLEN can't be negative")
            else:
                raise Failure(SYNTAX_ERROR.message)
            index += 2


def _not_negative(text: bytes, message: bytes) -> int:
    number = number_or(text, message)
    if number < 0:
        raise Failure(message)
    return number


def _rank(text: bytes) -> int:
    rank = parse_integer(text)
    if rank is None:
        raise Failure(NOT_INTEGER.message)
    if rank < -_MAX:
        raise Failure(b"ERR value is out of range, value must between %d and %d" % (-_MAX, _MAX))
    if rank == 0:
        raise Failure(
            b"ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ..."
            b" or use negative to start from the end of the list"
        )
    return rank
