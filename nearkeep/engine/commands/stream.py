"""The stream commands that add, return and remove entries.

Source: https://redis.io/docs/latest/commands/?group=stream
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import free
from nearkeep.engine.keyspace import STREAM, Keyspace
from nearkeep.engine.stream_id import (
    id_text,
    parse_id,
    parse_new_id,
    range_end,
    range_start,
)
from nearkeep.engine.text import SYNTAX_ERROR, integer, number_or
from nearkeep.engine.values.consumer_group import NONE
from nearkeep.engine.values.stream import DROP, HIGHEST, KEEP, RESPECT, Entry, Stream
from nearkeep.engine.values.value import WRONG_TYPE
from nearkeep.wire.reply import NULL_ARRAY, OK, Failure, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_NO_KEY: Final = Failure(b"ERR no such key")
_TOO_LOW: Final = Failure(
    b"ERR The ID specified in XADD is equal or smaller than the target stream top item"
)
_NOT_ABOVE_ZERO: Final = Failure(b"ERR The ID specified in XADD must be greater than 0-0")
_EXHAUSTED: Final = Failure(
    b"ERR The stream has exhausted the last possible ID, unable to add more items"
)
_NO_NUMBER: Final = b"ERR Number of IDs must be a positive integer"
_NUMBER_DIFFERS: Final = b"ERR The `numids` parameter must match the number of arguments"

_REFERENCES: Final = {b"KEEPREF": KEEP, b"DELREF": DROP, b"ACKED": RESPECT}


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
    held = stream_to_write(db, key)
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
    held = stream_to_read(session.db, args[1])
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
    "XDEL key id ...",
    group="stream", since="5.0.0", complexity="O(1)",
    flags="write fast", keys="1 RW delete",
    summary="Deletes entries of a stream.",
)  # fmt: skip
def xdel(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    held = stream_to_write(db, args[1])
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
    held = stream_to_write(db, args[1])
    wanted = Deletion(args, 2)
    if held is None:
        return wanted.nothing()
    replies: list[object] = []
    deleted = 0
    for entry in wanted.entries():
        reply = delete_entry(held, entry, wanted.references)
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
    held = stream_to_write(db, args[1])
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
    held = stream_to_write(db, args[1])
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


# ---- what several commands share


def stream_to_read(db: Keyspace, key: bytes) -> Stream | None:
    value = db.read(key)
    if value is None or isinstance(value, Stream):
        return value
    raise Failure(WRONG_TYPE.message)


def stream_to_write(db: Keyspace, key: bytes) -> Stream | None:
    value = db.lookup(key)
    if value is None or isinstance(value, Stream):
        return value
    raise Failure(WRONG_TYPE.message)


def shown_entries(entries: list[Entry]) -> list[object]:
    return [[id_text(entry), fields] for entry, fields in entries]


def _range(session: Session, args: list[bytes], start: bytes, end: bytes, backwards: bool) -> Reply:
    first = range_start(start)
    last = range_end(end)
    count = NONE
    for index in range(4, len(args), 2):
        if args[index].upper() != b"COUNT" or index + 1 == len(args):
            return SYNTAX_ERROR
        count = max(integer(args[index + 1]), 0)
    held = stream_to_read(session.db, args[1])
    if held is None:
        return []
    if count == 0:
        return NULL_ARRAY
    return shown_entries(held.range(first, last, max(count, 0), backwards))


# ---- deleting and trimming


def delete_entry(held: Stream, entry: int, references: int) -> int:
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
        self._time, self._sequence = parse_new_id(args[self.at])

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
