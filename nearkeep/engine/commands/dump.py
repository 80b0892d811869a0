"""DUMP and RESTORE: https://redis.io/docs/latest/commands/restore/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import free
from nearkeep.engine.keyspace import GENERIC
from nearkeep.engine.rdb.load import loaded
from nearkeep.engine.rdb.save import saved
from nearkeep.engine.text import SYNTAX_ERROR, integer
from nearkeep.wire.rdb import Malformed, Reader, opened, sealed
from nearkeep.wire.reply import OK, Failure, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session
    from nearkeep.engine.settings import Settings

_TAKEN: Final = Failure(b"BUSYKEY Target key name already exists.")
_BAD_TTL: Final = Failure(b"ERR Invalid TTL value, must be >= 0")
_BAD_IDLE: Final = b"ERR Invalid IDLETIME value, must be >= 0"
_BAD_FREQUENCY: Final = b"ERR Invalid FREQ value, must be >= 0 and <= 255"
_BAD_FOOTER: Final = b"ERR DUMP payload version or checksum are wrong"
_MAX: Final = 9223372036854775807
_BAD_VALUE: Final = b"ERR Bad data format"


@command(
    "DUMP key",
    group="generic", since="2.6.0", complexity="O(N*M)",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns a value in a form that RESTORE reads.",
)
def dump(session: Session, args: list[bytes]) -> Reply:
    value = session.db.read(args[1])
    if value is None:
        return None
    return payload_of(value, session.namespace.settings)


@command(
    "RESTORE key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:integer] "
    "[FREQ frequency:integer]",
    group="generic", since="2.6.0", complexity="O(N*M)",
    flags="write denyoom", keys="1 OW update", acl="dangerous",
    summary="Creates a key from what DUMP returned.",
)
def restore(session: Session, args: list[bytes]) -> Reply:
    options = _Options(args)
    db = session.db
    key, payload = args[1], args[3]
    if db.lookup(key) is not None and not options.replace:
        return _TAKEN
    expiry = integer(args[2])
    if expiry < 0:
        return _BAD_TTL
    value = value_in(payload, session.namespace.settings)
    now: int = session.namespace.clock.ms
    if expiry and not options.absolute:
        expiry += now
        if expiry > _MAX:  # Redis counts on in 64 bits, which is long ago
            expiry -= 1 << 64
    replaced = db.take(key)
    if expiry and expiry <= now:
        if replaced is not None:
            free(session.namespace, replaced)
            db.changed(key)
            db.notify(GENERIC, b"del", key)
            session.effect(b"DEL", key)
        return OK
    db.set(key, value)
    if expiry:
        db.set_expiry(key, expiry)
    if options.idle >= 0:
        db.set_idle_ms(key, min(options.idle * 1000, now))
    if options.frequency >= 0:
        session.namespace.eviction.set_frequency(db.entry(key), options.frequency)
    db.changed(key)
    db.notify(GENERIC, b"restore", key)
    if replaced is not None:
        db.tell_overwritten(key, replaced, value)
        free(session.namespace, replaced)
    session.effect(b"RESTORE", key, b"%d" % expiry, payload, b"REPLACE", b"ABSTTL")
    return OK


def payload_of(value: object, settings: Settings) -> bytes:
    """A value as DUMP gives it."""
    kind, body = saved(value, settings)
    return sealed(bytes((kind,)) + body)


def value_in(payload: bytes, settings: Settings) -> object:
    """The value in what DUMP has given.

    Raises:
        Failure: there is none.
    """
    try:
        body = opened(payload)
    except Malformed:
        raise Failure(_BAD_FOOTER) from None
    try:
        source = Reader(body)
        value = loaded(source.byte(), source, settings)
    except Malformed:
        raise Failure(_BAD_VALUE) from None
    return value


class _Options:
    """What stands behind RESTORE's value.

    Raises:
        Failure: an option is unknown or has a value that it can't have.
    """

    def __init__(self, args: list[bytes]) -> None:
        self.replace = False
        self.absolute = False
        self.idle = -1
        self.frequency = -1
        index = 4
        while index < len(args):
            word = args[index].upper()
            more = index + 1 < len(args)
            if word == b"REPLACE":
                self.replace = True
            elif word == b"ABSTTL":
                self.absolute = True
            elif word == b"IDLETIME" and more and self.frequency == -1:
                index += 1
                self.idle = integer(args[index])
                if self.idle < 0:
                    raise Failure(_BAD_IDLE)
            elif word == b"FREQ" and more and self.idle == -1:
                index += 1
                self.frequency = integer(args[index])
                if not 0 <= self.frequency <= 255:
                    raise Failure(_BAD_FREQUENCY)
            else:
                raise Failure(SYNTAX_ERROR.message)
            index += 1
