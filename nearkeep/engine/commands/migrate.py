"""MIGRATE: https://redis.io/docs/latest/commands/migrate/

Redis stands still while it speaks to the other server. Here the client alone waits, so a key may
change while it is on its way: then it is sent again, and removed when both servers agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import free
from nearkeep.engine.keyspace import GENERIC, Keyspace
from nearkeep.engine.keyspec import ACCESS, DELETE, RW, Key
from nearkeep.engine.rdb.save import saved
from nearkeep.engine.session import IN_SCRIPT
from nearkeep.engine.text import SYNTAX_ERROR, integer
from nearkeep.wire.rdb import sealed
from nearkeep.wire.reply import OK, Failure, Reply, Status
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_NO_KEY: Final = Status(b"NOKEY")
_KEY_AND_KEYS: Final = (
    b"ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
)
_NOT_ALONE: Final = Failure(b"ERR MIGRATE can't wait inside of a transaction or a script")
_UNREACHABLE: Final = b"IOERR error or timeout connecting to the client"
_BROKEN: Final = b"IOERR error or timeout %s to target instance"
_REFUSED: Final = b"ERR Target instance replied with error: "
_UNSTEADY: Final = b"ERR the keys changed each time they were sent, and are still here"

_TIMEOUT: Final = 1000
_LONGEST: Final = 1 << 31
_ROUNDS: Final = 10
"""How often keys that change on their way are sent."""


def _keys(args: list[bytes]) -> list[Key]:
    """The key, or with an empty one in its place those behind KEYS."""
    keys = range(3, 4)
    at = 6
    while at < len(args):
        option = args[at].upper()
        if option == b"KEYS":
            keys = range(0) if args[3] else range(at + 1, len(args))
            break
        at += 1 + _SKIPS.get(option, 0)
    return [(index, RW | ACCESS | DELETE) for index in keys]


_SKIPS: Final = {b"AUTH": 1, b"AUTH2": 2}


@command(
    "MIGRATE host port:integer key-selector=(key "
    '| empty-string="") destination-db:integer timeout:integer [COPY] [REPLACE] '
    "[authentication=(AUTH auth=password | AUTH2 (username password))] [KEYS keys=key ...]",
    group="generic", since="2.6.0", complexity="O(N)",
    flags="write", keys="3 RW access delete; KEYS@-2..-1 RW access delete incomplete",
    acl="dangerous", hints="nondeterministic_output", getkeys=_keys,
    summary="Moves keys to another server.",
)
def migrate(session: Session, args: list[bytes]) -> Reply:
    blocked = session.blocked
    if blocked is not None and isinstance(blocked.errand, Migration):
        return blocked.errand.go_on()
    errand = Migration(session, args)
    if not errand.pending:
        return _NO_KEY
    if session.executing or session.gate & IN_SCRIPT:
        return _NOT_ALONE
    if not errand.send():
        return Failure(_UNREACHABLE)
    reply = session.block([], 0, None, args, b"migrate")
    blocked = session.blocked
    if blocked is not None:
        blocked.errand = errand
    return reply


class Migration:
    """Keys on their way to another server.

    Attributes:
        pending: those that the other server has yet to confirm, each with its value and expiry as
            they were sent; None for one that is gone here, and is to go there.

    Raises:
        Failure: the request is not well formed.
    """

    def __init__(self, session: Session, args: list[bytes]) -> None:
        self._session = session
        self._db: Keyspace = session.db
        self._copy = False
        self._replace = False
        self._greeting: list[list[bytes]] = []
        keys = self._options(args)
        timeout = integer(args[5])
        self._timeout = min(timeout, _LONGEST) if timeout > 0 else _TIMEOUT
        self._host = args[1]
        self._port = parse_integer(args[2]) or 0
        self._greeting.append([b"SELECT", b"%d" % integer(args[4])])
        self._rounds = 0
        self._removed: list[bytes] = []
        self._replies: list[bytes] = []
        self._failed = b""
        self.pending: dict[bytes, Sent | None] = {}
        for key in keys:
            value = self._db.read(key)
            if value is not None:
                self.pending[key] = self._sent(key)

    def _options(self, args: list[bytes]) -> list[bytes]:
        """Reads the options, and returns the keys."""
        index = 6
        while index < len(args):
            word = args[index].upper()
            more = len(args) - index - 1
            if word == b"COPY":
                self._copy = True
            elif word == b"REPLACE":
                self._replace = True
            elif word == b"AUTH" and more >= 1:
                self._greeting = [[b"AUTH", args[index + 1]]]
                index += 1
            elif word == b"AUTH2" and more >= 2:
                self._greeting = [[b"AUTH", args[index + 1], args[index + 2]]]
                index += 2
            elif word == b"KEYS":
                if args[3]:
                    raise Failure(_KEY_AND_KEYS)
                return args[index + 1 :]
            else:
                raise Failure(SYNTAX_ERROR.message)
            index += 1
        return [args[3]]

    def _sent(self, key: bytes) -> Sent | None:
        """A key as it is now."""
        value = self._db.peek(key)
        if value is None:
            return None
        kind, body = saved(value, self._session.namespace.settings)
        return Sent(kind, body, self._db.expiry(key))

    def send(self) -> bool:
        """Sends what is pending; whether the host can."""
        self._rounds += 1
        now = self._session.namespace.clock.ms
        requests = self._greeting.copy()
        for key, sent in self.pending.items():
            if sent is None:
                requests.append([b"DEL", key])
            else:
                left = max(sent.expiry - now, 1) if sent.expiry > 0 else 0
                requests.append([b"RESTORE", key, b"%d" % left, sent.payload()])
                if self._replace or self._rounds > 1:
                    requests[-1].append(b"REPLACE")
        return self._session.namespace.host.exchange(
            self._host, self._port, self._timeout, requests, self.heard
        )

    def heard(self, replies: list[bytes], failed: bytes) -> None:
        """Takes the replies' first lines, and what could not be done (see `Host.exchange`)."""
        self._replies = replies
        self._failed = failed
        blocked = self._session.blocked
        if blocked is not None and blocked.errand is self:
            self._session.run_blocked()

    def go_on(self) -> Reply:
        """Removes what has arrived, sends again what has changed, or ends with a reply."""
        if self._failed == b"connecting":
            return Failure(_UNREACHABLE)
        count = len(self._greeting)
        refusals = [line for line in self._replies[:count] if line.startswith(b"-")]
        unwelcome = bool(refusals)
        arrived: list[bytes] = []
        for key, line in zip(list(self.pending), self._replies[count:], strict=False):
            if line.startswith(b"-"):
                refusals.append(line)
            elif not unwelcome:
                arrived.append(key)
        changed: dict[bytes, Sent | None] = {} if self._copy else self._settle(arrived)
        if refusals:
            return Failure(_REFUSED + refusals[0][1:])
        if self._failed:
            return Failure(_BROKEN % self._failed)
        if not changed:
            return OK
        if self._rounds == _ROUNDS:
            return Failure(_UNSTEADY)
        self.pending = changed
        self.send()
        return self._session.block([], 0, None, [], b"migrate")

    def _settle(self, arrived: list[bytes]) -> dict[bytes, Sent | None]:
        """Removes keys that are still as they were sent; the others, as they are now."""
        session, db = self._session, self._db
        removed: list[bytes] = []
        changed: dict[bytes, Sent | None] = {}
        for key in arrived:
            sent, now = self.pending[key], self._sent(key)
            if sent is not None and now is not None and sent.equals(now):
                free(session.namespace, db.take(key))
                db.changed(key)
                db.notify(GENERIC, b"del", key)
                removed.append(key)
            elif sent is not None or now is not None:
                changed[key] = now
        if removed:
            session.effect(b"DEL", *removed)
        return changed


class Sent:
    """A value with its expiry, in the form in which it is sent."""

    def __init__(self, kind: int, body: bytes, expiry: int) -> None:
        self.expiry = expiry
        self._kind = kind
        self._body = body

    def equals(self, other: Sent) -> bool:
        """Whether the other is the same value with the same expiry."""
        return (self._kind, self._body, self.expiry) == (other._kind, other._body, other.expiry)

    def payload(self) -> bytes:
        """The value as DUMP gives it."""
        return sealed(bytes((self._kind,)) + self._body)
