"""DEBUG: what test suites and a developer at a prompt need, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.persistence import NOWHERE
from nearkeep.engine.digest import digest_of, digest_of_all
from nearkeep.engine.glob import matches
from nearkeep.engine.text import no_such_form, number_or, parse_double
from nearkeep.engine.values.string import string_encoding, string_length, string_of
from nearkeep.engine.values.value import Value
from nearkeep.wire.reply import (
    OK,
    Attribute,
    BigNumber,
    Failure,
    Map,
    Push,
    Reply,
    SetReply,
    Status,
    Verbatim,
)

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_OFF: Final = Failure(
    b'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you'
    b" can run it from a local connection, otherwise you need to set this option in the"
    b" configuration file, and then restart the server."
)
_NOT_POSITIVE: Final = Failure(b"ERR value is out of range, must be positive")
_HELP: Final = (
    b"DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    b"DIGEST",
    b"    Returns a signature of all data.",
    b"DIGEST-VALUE <key> [<key> ...]",
    b"    Returns a signature of each key's value.",
    b"ERROR <string>",
    b"    Answers with an error of that text.",
    b"LOG <message>",
    b"    Accepts a line for the log.",
    b"OBJECT <key>",
    b"    Shows how a value is stored.",
    b"POPULATE <count> [<prefix>] [<size>]",
    b"    Adds keys with values of a size.",
    b"PROTOCOL <type>",
    b"    Answers with a reply of a type, for clients to try.",
    b"RELOAD",
    b"    Brings all data to disk and back into memory.",
    b"SET-ACTIVE-EXPIRE <0|1>",
    b"    Stops or resumes the removal of expired keys in the background.",
    b"SET-DISABLE-DENY-SCRIPTS <0|1>",
    b"    Lets scripts call commands that they must not, for tests.",
    b"SLEEP <seconds>",
    b"    Stands still.",
    b"STRINGMATCH-LEN <length> <pattern>",
    b"    Matches a long string with a pattern.",
    b"HELP",
    b"    Prints this help.",
)


@command(
    "DEBUG",
    group="server", since="1.0.0",
    flags="admin noscript loading stale", docflags="syscmd", arity=-2,
    summary="Commands for testing the server.",
)
def debug(session: Session, args: list[bytes]) -> Reply:
    namespace = session.namespace
    allowed = namespace.settings.string("enable-debug-command")
    if allowed != b"yes" and not (allowed == b"local" and session.is_local()):
        return _OFF
    what = args[1].upper()
    count = len(args)
    if what == b"DIGEST" and count == 2:
        return Status(digest_of_all(namespace.databases).hex().encode())
    if what == b"DIGEST-VALUE" and count >= 2:
        return [_digest(session, key) for key in args[2:]]
    if what == b"POPULATE" and 3 <= count <= 5:
        return _populate(session, args)
    if what == b"SLEEP" and count == 3:
        namespace.host.sleep(max(parse_double(args[2]) or 0.0, 0.0))
        return OK
    if what == b"RELOAD":
        if not namespace.host.keeps_data():
            return NOWHERE
        if session.executing:
            return Failure(b"ERR DEBUG RELOAD is not allowed in a transaction")
        session.no_effect()
        failure = namespace.host.reload()
        return OK if failure is None else Failure(b"ERR " + failure)
    if what == b"SET-ACTIVE-EXPIRE" and count == 3:
        namespace.active_expiry = args[2] != b"0"
        return OK
    if what == b"SET-DISABLE-DENY-SCRIPTS" and count == 3:
        namespace.scripts.unguarded = args[2] != b"0"
        return OK
    if what == b"OBJECT" and count >= 3:
        return _describe(session, args[2])
    if what == b"PROTOCOL" and count == 3:
        return _sample(session, args[2].lower())
    if what == b"STRINGMATCH-LEN" and count == 4:
        size = number_or(args[2], b"ERR value is not an integer or out of range")
        return int(matches(args[3], b"a" * size))
    if what == b"ERROR" and count == 3:
        return Failure(args[2])
    if what == b"LOG" and count == 3:
        return OK
    if what in _ACCEPTED:
        return OK
    if what == b"HELP":
        return [Status(line) for line in _HELP]
    return no_such_form(args)


def _digest(session: Session, key: bytes) -> Reply:
    digest = digest_of(session.db.peek(key), session.db.expiry(key))
    return Status(digest.hex().encode())


def _populate(session: Session, args: list[bytes]) -> Reply:
    """Adds keys `<prefix>:0` and so on that are not there, with a value of some size."""
    count = number_or(args[2], _NOT_POSITIVE.message)
    prefix = args[3] if len(args) > 3 else b"key"
    size = number_or(args[4], _NOT_POSITIVE.message) if len(args) > 4 else -1
    if count < 0 or size < -1:
        return _NOT_POSITIVE
    db = session.db
    for number in range(count):
        key = b"%s:%d" % (prefix, number)
        if key not in db:
            value = b"value:%d" % number
            db.set(key, value if size < 0 else value[:size].ljust(size, b"\0"))
            db.changed(key)
            session.effect(b"SET", key, string_of(db.peek(key)))
    return OK


def _describe(session: Session, key: bytes) -> Reply:
    db = session.db
    value = db.kept(key)
    if value is None:
        return Failure(b"ERR no such key")
    if isinstance(value, Value):
        encoding, size = value.encoding(session.namespace.settings), value.memory()
    else:
        encoding = string_encoding(value, key, not db.live(key) or db.expiry(key) > 0)
        size = string_length(value)
    idle = db.idle_ms(key)
    return Status(
        b"Value at:0x%x refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d"
        % (
            hash(key) & 0xFFFFFFFFFFFF,
            encoding,
            size,
            (session.namespace.clock.ms - idle) // 1000 & 0xFFFFFF,
            idle // 1000,
        )
    )


def _sample(session: Session, kind: bytes) -> Reply:
    if kind == b"string":
        return b"Hello World"
    if kind == b"integer":
        return 12345
    if kind == b"double":
        return 3.141
    if kind == b"null":
        return None
    if kind == b"array":
        return [0, 1, 2]
    if kind == b"set":
        return SetReply([0, 1, 2])
    if kind == b"map":
        return Map([0, False, 1, True, 2, False])
    if kind == b"attrib":
        popularity: list[object] = [b"key:123", 90]
        return Attribute([b"key-popularity", popularity], b"Some real reply following the attribute")
    if kind == b"push":
        if session.protocol != 3:
            return Failure(b"ERR RESP2 is not supported by this command")
        return Push([b"server-cpu-usage", 42])
    if kind == b"verbatim":
        return Verbatim(b"This is a verbatim\nstring")
    if kind == b"true":
        return True
    if kind == b"false":
        return False
    if kind == b"bignum":
        return BigNumber(b"1234567999999999999999999999999999999")
    return Failure(
        b"ERR Wrong protocol type name. Please use one of the following:"
        b" string|integer|double|null|array|set|map|attrib|push|verbatim|true|false"
    )


_ACCEPTED: Final = frozenset(
    (
        b"CHANGE-REPL-ID",
        b"DICT-RESIZING",
        b"PAUSE-CRON",
        b"QUICKLIST-PACKED-THRESHOLD",
        b"REPLYBUFFER",
    )
)
"""What suites say in passing about parts that Nearkeep does not have."""
