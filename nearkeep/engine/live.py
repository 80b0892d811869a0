"""Live keys: sessions that watch keys or patterns get values now, and after each change.

Changes are gathered while commands run and told at the end of the tick, each key once with its value as
it is then, whatever happened to it in between: writes, deletion, expiry, eviction. What a pattern matches
at the beginning is looked for in steps, so that a large keyspace holds up nobody. One message goes to all
who watch a key.

A message is `key <name> <type> <value>`: type `none` and no value for a key that is not there, no value
for one with more than MOST_ELEMENTS or of a type that has no simple shape. `flush` says that all are gone.
"""

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import COMMANDS
from nearkeep.engine.glob import matches
from nearkeep.engine.keyspace import Keyspace
from nearkeep.engine.session import RESTRICTED
from nearkeep.engine.values.string import is_string, string_of, type_name
from nearkeep.engine.values.value import Value
from nearkeep.wire.reply import Push, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

MOST_ELEMENTS: Final = 1000
"""Elements of a value up to which it is told whole."""

_GLOB: Final = frozenset(b"*?[\\")
_READERS: Final[dict[bytes, list[bytes]]] = {
    b"hash": [b"HGETALL"],
    b"list": [b"LRANGE", b"0", b"-1"],
    b"set": [b"SMEMBERS"],
    b"zset": [b"ZRANGE", b"0", b"-1", b"WITHSCORES"],
}
"""The commands that give a whole value."""


class Scan:
    """A search for the keys that a pattern matches, as far as it has come."""

    def __init__(self, session: "Session", db: Keyspace, pattern: bytes) -> None:
        self.session = session
        self.db = db
        self.pattern = pattern
        self.cursor = 0


class LiveKeys:
    """Who watches what in a namespace."""

    def __init__(self) -> None:
        self._keys: dict[tuple[int, bytes], dict[Session, None]] = {}
        self._patterns: dict[tuple[int, bytes], dict[Session, None]] = {}
        self._dirty: dict[tuple[int, bytes], Keyspace] = {}
        self._scans: list[Scan] = []

    def active(self) -> bool:
        """Whether anyone watches anything."""
        return bool(self._keys) or bool(self._patterns)

    def watch(self, session: "Session", pattern: bytes) -> None:
        """Begins to watch a key, or all keys that a pattern matches, in the session's database."""
        db = session.db
        name = (db.index, pattern)
        if _GLOB.isdisjoint(pattern):
            self._keys.setdefault(name, {})[session] = None
            self._tell([session], db, pattern)
        else:
            self._patterns.setdefault(name, {})[session] = None
            self._scans.append(Scan(session, db, pattern))
        session.namespace.observe()

    def unwatch(self, session: "Session", pattern: bytes) -> None:
        """Ceases to watch a key or a pattern."""
        name = (session.db.index, pattern)
        for watched in (self._keys, self._patterns):
            _remove(watched, name, session)
        self._scans = [
            scan for scan in self._scans if scan.session is not session or scan.pattern != pattern
        ]
        session.namespace.observe()

    def leave(self, session: "Session") -> None:
        """Ceases to tell a session anything."""
        for watched in (self._keys, self._patterns):
            for name in list(watched):
                _remove(watched, name, session)
        self._scans = [scan for scan in self._scans if scan.session is not session]
        session.namespace.observe()

    # ---- what happens

    def changed(self, db: Keyspace, key: bytes) -> None:
        """A key has changed, or has gone."""
        name = (db.index, key)
        if name in self._dirty:
            return
        if name in self._keys:
            self._dirty[name] = db
            return
        for index, pattern in self._patterns:
            if index == db.index and matches(pattern, key):
                self._dirty[name] = db
                return

    def all_changed(self, db: Keyspace) -> None:
        """All keys of a database are about to change, or to go."""
        for index, key in self._keys:
            if index == db.index:
                self._dirty[(index, key)] = db
        for (index, pattern), sessions in self._patterns.items():
            if index == db.index:
                flush = Push([b"flush"])
                for session in sessions:
                    session.outlet.send(flush)
                    self._scans.append(Scan(session, db, pattern))

    def broadcast(self) -> None:
        """Tells what has changed since the last time."""
        if not self._dirty:
            return
        dirty = self._dirty
        self._dirty = {}
        for name, db in dirty.items():
            index, key = name
            listeners = dict(self._keys.get(name, ()))
            for (other, pattern), sessions in self._patterns.items():
                if other == index and matches(pattern, key):
                    listeners.update(sessions)
            if listeners:
                self._tell(list(listeners), db, key)

    def step(self, limit: int) -> bool:
        """Looks for about `limit` keys that new patterns match; whether there is more to look for."""
        if not self._scans:
            return False
        scan = self._scans[0]
        scan.cursor, keys = scan.db.scan(scan.cursor, limit)
        for key in keys:
            if matches(scan.pattern, key) and key in scan.db:
                self._tell([scan.session], scan.db, key)
        if scan.cursor == 0:
            self._scans.pop(0)
        return bool(self._scans)

    def _tell(self, sessions: "list[Session]", db: Keyspace, key: bytes) -> None:
        push: Push | None = None
        for session in sessions:
            if session.gate & RESTRICTED and session.user.denial(COMMANDS[b"get"], [b"get", key]):
                continue
            if push is None:
                push = Push([b"key", key, *_content(session, db, key)])
            session.outlet.send(push)


def _remove(
    watched: "dict[tuple[int, bytes], dict[Session, None]]",
    name: tuple[int, bytes],
    session: "Session",
) -> None:
    sessions = watched.get(name)
    if sessions is not None:
        sessions.pop(session, None)
        if not sessions:
            del watched[name]


def _content(session: "Session", db: Keyspace, key: bytes) -> list[Reply]:
    """Type and value of a key. Nothing shows that it was looked at."""
    value = db.peek(key)
    if value is None:
        return [b"none", None]
    if is_string(value):
        return [b"string", string_of(value)]
    type_ = type_name(value)
    words = _READERS.get(type_)
    if words is None or not isinstance(value, Value) or len(value) > MOST_ELEMENTS:
        return [type_, None]
    present, hits, touching = session.db, db.hits, db.touching
    session.db = db
    db.touching = False
    try:
        return [type_, COMMANDS[words[0]].run(session, [words[0], key, *words[1:]])]
    finally:
        session.db = present
        db.hits = hits
        db.touching = touching
