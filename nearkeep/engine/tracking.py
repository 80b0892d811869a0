"""Client-side caching: who holds copies of which keys, and telling them when those are no longer true.

In the default mode the table remembers which sessions have read a key, and each is told once. With
BCAST nothing is remembered: sessions name prefixes, and all changes under them are told, gathered
until the end of a tick.

Source: https://redis.io/docs/latest/develop/reference/client-side-caching/
"""

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import READONLY, Command, keys_of
from nearkeep.wire.reply import Failure, Push

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

CHANNEL: Final = b"__redis__:invalidate"


class TrackingMode:
    """How one session tracks.

    Attributes:
        redirect: id of the session that is told in its place, 0 for itself.
        caching: what CLIENT CACHING said for the next command, None for nothing.
        broken: whether the session that was to be told has gone.
    """

    def __init__(self) -> None:
        self.redirect = 0
        self.broadcast = False
        self.opt_in = False
        self.opt_out = False
        self.no_loop = False
        self.prefixes: list[bytes] = []
        self.caching: bool | None = None
        self.broken = False

    def wants(self) -> bool:
        """Whether what the present command reads is to be remembered."""
        if self.broadcast:
            return False
        if self.opt_in:
            return self.caching is True
        return not (self.opt_out and self.caching is False)


class Tracking:
    """The tracking sessions of a namespace, and the keys that they hold.

    Attributes:
        sessions: by id; sessions that have gone are forgotten when the next key is told.
        limit: how many keys are remembered at most (tracking-table-max-keys), 0 for any number.
    """

    def __init__(self) -> None:
        self.sessions: dict[int, Session] = {}
        self.limit = 0
        self._readers: dict[bytes, dict[int, None]] = {}
        self._prefixes: dict[bytes, dict[Session, None]] = {}
        self._changed: dict[bytes, dict[bytes, Session | None]] = {}

    def start(self, session: "Session", mode: TrackingMode) -> None:
        """Turns tracking on for a session, or changes its mode."""
        session.tracking = mode
        self.sessions[session.id] = session
        if mode.broadcast:
            for prefix in mode.prefixes:
                self._prefixes.setdefault(prefix, {})[session] = None

    def stop(self, session: "Session") -> None:
        """Turns tracking off for a session."""
        mode = session.tracking
        session.tracking = None
        self.sessions.pop(session.id, None)
        if mode is None or not mode.broadcast:
            return
        for prefix in mode.prefixes:
            listeners = self._prefixes.get(prefix)
            if listeners is not None:
                listeners.pop(session, None)
                if not listeners:
                    del self._prefixes[prefix]

    def active(self) -> bool:
        """Whether a change of a key matters: to a session, or to what is remembered for one."""
        return bool(self.sessions) or bool(self._readers)

    def keys(self) -> int:
        """How many keys are remembered."""
        return len(self._readers)

    def prefix_count(self) -> int:
        """How many prefixes are broadcast."""
        return len(self._prefixes)

    def items(self) -> int:
        """How many pairs of a key and a session are remembered."""
        return sum([len(readers) for readers in self._readers.values()])

    def remember(self, session: "Session", command: Command, args: list[bytes]) -> None:
        """Remembers what a command has read."""
        mode = session.tracking
        if mode is None or not command.flags & READONLY or not mode.wants():
            return
        for key in keys_of(command, args):
            self._readers.setdefault(key, {})[session.id] = None
        self.trim()

    def trim(self) -> None:
        """Forgets the keys over the limit; who has read one is told that it is invalid."""
        while 0 < self.limit < len(self._readers):
            self._invalidate(next(iter(self._readers)), None)

    def changed(self, key: bytes, writer: "Session | None") -> None:
        """A key has changed, by a session or by itself."""
        self._invalidate(key, writer)
        for prefix in self._prefixes:
            if key.startswith(prefix):
                self._changed.setdefault(prefix, {})[key] = writer

    def _invalidate(self, key: bytes, writer: "Session | None") -> None:
        """Tells those who have read a key."""
        readers = self._readers.pop(key, None)
        if readers is not None:
            for number in readers:
                session = self.sessions.get(number)
                if session is None or session.tracking is None or session.tracking.broadcast:
                    continue
                if session is writer and session.tracking.no_loop:
                    continue
                self._tell(session, [key])

    def flushed(self) -> None:
        """All keys have gone: one message says so."""
        self._readers = {}
        for session in list(self.sessions.values()):
            self._tell(session, None)

    def broadcast(self) -> None:
        """Tells what has changed under the prefixes since the last time."""
        if not self._changed:
            return
        changed = self._changed
        self._changed = {}
        for prefix in sorted(changed):
            keys = changed[prefix]
            for session in list(self._prefixes.get(prefix, ())):
                mode = session.tracking
                if mode is None:
                    continue
                told: list[object] = [
                    key
                    for key, writer in sorted(keys.items(), key=_first)
                    if not (mode.no_loop and writer is session)
                ]
                if told:
                    self._tell(session, told)

    def _tell(self, session: "Session", keys: list[object] | None) -> None:
        mode = session.tracking
        if mode is None:
            return
        if not mode.redirect:
            if session.protocol == 3:
                session.tell(Push([b"invalidate", keys]))
            return
        other = session.namespace.sessions.get(mode.redirect)
        if other is None:
            mode.broken = True
            if session.protocol == 3:
                session.tell(Push([b"tracking-redir-broken", mode.redirect]))
        elif other.protocol == 3:
            other.tell(Push([b"invalidate", keys]))
        elif other.channels or other.patterns:
            other.tell(Push([b"message", CHANNEL, keys]))


def check_prefixes(known: list[bytes], added: list[bytes]) -> None:
    """Makes sure that no prefix begins another one.

    Raises:
        Failure: two overlap.
    """
    for index, prefix in enumerate(added):
        for other in known:
            if _overlap(prefix, other):
                raise Failure(
                    b"ERR Prefix '%s' overlaps with an existing prefix '%s'. Prefixes for a single"
                    b" client must not overlap." % (prefix, other)
                )
        for other in added[index + 1 :]:
            if _overlap(prefix, other):
                raise Failure(
                    b"ERR Prefix '%s' overlaps with another provided prefix '%s'. Prefixes for a"
                    b" single client must not overlap." % (prefix, other)
                )


def _first(item: "tuple[bytes, Session | None]") -> bytes:
    return item[0]


def _overlap(one: bytes, other: bytes) -> bool:
    return one.startswith(other) or other.startswith(one)
