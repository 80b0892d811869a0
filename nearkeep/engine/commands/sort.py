"""SORT and SORT_RO: https://redis.io/docs/latest/commands/sort/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import free
from nearkeep.engine.keyspace import GENERIC, LIST, Keyspace
from nearkeep.engine.keyspec import ACCESS, OW, RO, UPDATE, Key
from nearkeep.engine.session import IN_SCRIPT
from nearkeep.engine.text import SYNTAX_ERROR, c_string, integer
from nearkeep.engine.values.hash import Hash
from nearkeep.engine.values.list import List
from nearkeep.engine.values.set import Set
from nearkeep.engine.values.string import is_string, string_of
from nearkeep.engine.values.value import WRONG_TYPE
from nearkeep.engine.values.zset import SortedSet
from nearkeep.wire.reply import Failure, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_NOT_A_NUMBER: Final = Failure(b"ERR One or more scores can't be converted into double")
_DENIED: Final = b"ERR %s option of SORT denied due to insufficient ACL permissions."
_DECIMAL: Final = frozenset(b"0123456789+-.eEinfINFtyTY")


def _sort_keys(args: list[bytes]) -> list[Key]:
    """SORT's key, and the destination behind the last STORE. BY and GET name no keys as such."""
    keys = [(1, RO | ACCESS)]
    at = 2
    while at < len(args):
        option = args[at].upper()
        if option == b"STORE" and at + 1 < len(args):
            keys[1:] = [(at + 1, OW | UPDATE)]
        at += 1 + _SORT_SKIPS.get(option, 0)
    return keys


_SORT_SKIPS: Final = {b"LIMIT": 2, b"GET": 1, b"BY": 1}


def _sort_ro_keys(_args: list[bytes]) -> list[Key]:
    """SORT_RO's key. BY and GET name no keys as such."""
    return [(1, RO | ACCESS)]


@command(
    "SORT key [BY by-pattern=pattern:pattern@1] [LIMIT (offset:integer count:integer)] "
    "[GET get-pattern=pattern:pattern@1] ... [order=(ASC | DESC)] [sorting=ALPHA] "
    "[STORE destination:key@2]",
    group="generic", since="1.0.0", complexity="O(N+M*log(M))",
    flags="write denyoom", keys="1 RO access; ? RO access; ? OW update",
    acl="set sortedset list dangerous -keyspace", getkeys=_sort_keys,
    summary="Sorts a list, set or sorted set, and can store the result.",
)
def sort(session: Session, args: list[bytes]) -> Reply:
    options = SortOptions(args, True, _may_look_up(session, args))
    found = options.run(session, args[1])
    if options.destination is None:
        return found
    return _store(session, options.destination, [item or b"" for item in found])


@command(
    "SORT_RO key [BY by-pattern=pattern:pattern@1] [LIMIT (offset:integer count:integer)] "
    "[GET get-pattern=pattern:pattern@1] ... [order=(ASC | DESC)] [sorting=ALPHA]",
    group="generic", since="7.0.0", complexity="O(N+M*log(M))",
    flags="readonly", keys="1 RO access; ? RO access", acl="set sortedset list dangerous -keyspace",
    getkeys=_sort_ro_keys,
    summary="Sorts a list, set or sorted set.",
)
def sort_ro(session: Session, args: list[bytes]) -> Reply:
    return SortOptions(args, False, _may_look_up(session, args)).run(session, args[1])


def _may_look_up(session: Session, args: list[bytes]) -> bool:
    """Whether the user may read keys that the request does not name."""
    user, last = session.user, session.last
    return user.unrestricted or last is None or user.reads_all_keys(last, args)


class SortOptions:
    """What follows the key.

    Attributes:
        by: the pattern of what to sort by, or None for the elements themselves.
        unsorted: whether `by` names nothing that differs, so that the order stays.
        get: the patterns of what to reply with, none for the elements themselves.
        count: how many at most, negative for all.
        destination: where the result is to be stored, or None.
    """

    def __init__(self, args: list[bytes], may_store: bool, may_look_up: bool) -> None:
        """Reads them; keys that patterns name are only for those who may read any key.

        Raises:
            Failure: there is an error.
        """
        self.by: bytes | None = None
        self.unsorted = False
        self.get: list[bytes] = []
        self.offset = 0
        self.count = -1
        self.descending = False
        self.alpha = False
        self.destination: bytes | None = None
        at = 2
        while at < len(args):
            option = args[at].upper()
            left = len(args) - at - 1
            if option in (b"ASC", b"DESC"):
                self.descending = option == b"DESC"
            elif option == b"ALPHA":
                self.alpha = True
            elif option == b"LIMIT" and left >= 2:
                self.offset = integer(args[at + 1])
                self.count = integer(args[at + 2])
            elif option == b"STORE" and left and may_store:
                self.destination = args[at + 1]
            elif option == b"BY" and left:
                if not may_look_up and b"*" in c_string(args[at + 1]):
                    raise Failure(_DENIED % b"BY")
                self.by = args[at + 1]
                self.unsorted = self.unsorted or b"*" not in c_string(self.by)
            elif option == b"GET" and left:
                if not may_look_up:
                    raise Failure(_DENIED % b"GET")
                self.get.append(args[at + 1])
            else:
                raise Failure(SYNTAX_ERROR.message)
            at += 1 + (1 if option == b"STORE" else _SORT_SKIPS.get(option, 0))

    def run(self, session: Session, key: bytes) -> list[bytes | None]:
        """What the command replies with.

        Raises:
            Failure: the key is of another type, or what to sort by is no number.
        """
        db = session.db
        value = db.read(key)
        in_order = isinstance(value, (List, SortedSet))
        if isinstance(value, Set):
            elements = value.members()
            if self.unsorted and (self.destination is not None or session.gate & IN_SCRIPT):
                # What is kept has to be the same wherever the command is run again, and the
                # order of a set need not be.
                self.unsorted = False
                self.alpha = True
                self.by = None
            if value.large is not None and self.destination is not None:
                elements.sort()
        elif isinstance(value, List):
            elements = value.slice(0, len(value) - 1)
        elif isinstance(value, SortedSet):
            if value.encoding(session.namespace.settings) == b"listpack":
                value.enlarge()  # as Redis does, and OBJECT ENCODING shows
            elements = value.members(0, len(value))
        elif value is None:
            return []
        else:
            raise Failure(WRONG_TYPE.message)
        if not self.unsorted:
            elements = self._sorted(db, elements)
        elif in_order and self.descending:
            elements.reverse()
        start = max(self.offset, 0)
        elements = elements[start:] if self.count < 0 else elements[start : start + self.count]
        if not self.get:
            return list(elements)
        return [_looked_up(db, pattern, element) for element in elements for pattern in self.get]

    def _sorted(self, db: Keyspace, elements: list[bytes]) -> list[bytes]:
        by = self.by
        weights: list[bytes | None] = (
            list(elements) if by is None else [_looked_up(db, by, element) for element in elements]
        )
        if self.alpha:
            texts = [(weight is not None, weight or b"") for weight in weights]
            # Equal ones stay in their order, ascending or descending.
            order = sorted(
                range(len(elements)), key=texts.__getitem__, reverse=self.descending
            )
            return [elements[place] for place in order]
        numbers = [
            (0.0 if weight is None else _number(weight), element)
            for weight, element in zip(weights, elements, strict=True)
        ]
        numbers.sort(reverse=self.descending)
        return [number[1] for number in numbers]


def _store(session: Session, key: bytes, elements: list[bytes]) -> int:
    """Puts the result at its destination; returns the number of elements."""
    db = session.db
    if not elements:
        old = db.take(key)
        if old is not None:
            free(session.namespace, old)
            db.changed(key)
            session.effect(b"DEL", key)
            db.notify(GENERIC, b"del", key)
        return 0
    made = List()
    made.push(elements, left=False, settings=session.namespace.settings)
    old = db.peek(key)
    db.set(key, made)
    free(session.namespace, old)
    db.changed(key)
    if session.namespace.stream.recording:  # others may have other keys to sort by
        session.effect(b"DEL", key)
        session.effect(b"RPUSH", key, *elements)
    db.notify(LIST, b"sortstore", key)
    return len(elements)


def _looked_up(db: Keyspace, pattern: bytes, element: bytes) -> bytes | None:
    """What a pattern names for an element: a string or, behind `->`, the field of a hash; or None.

    The first `*` stands for the element, and `#` alone is the element itself.
    """
    if pattern == b"#":
        return element
    star = c_string(pattern).find(b"*")
    if star < 0:
        return None
    before, after = pattern[:star], pattern[star + 1 :]
    arrow = c_string(after).find(b"->")
    if arrow < 0 or not c_string(after[arrow + 2 :]):
        value = db.read(before + element + after)
        return string_of(value) if is_string(value) else None
    found = db.read(before + element + after[:arrow])
    return found.get(after[arrow + 2 :], db.clock.ms) if isinstance(found, Hash) else None


def _number(text: bytes) -> float:
    """What a text weighs; nothing at all weighs 0.

    Raises:
        Failure: it is no number.
    """
    text = c_string(text)
    if not text:
        return 0.0
    if not _DECIMAL.issuperset(text):
        raise Failure(_NOT_A_NUMBER.message)
    try:
        return float(text)  # which is no NaN: that has an `a`
    except ValueError:
        raise Failure(_NOT_A_NUMBER.message) from None
