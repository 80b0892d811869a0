"""The commands about the server as a whole: https://redis.io/docs/latest/commands/?group=server

INFO, CONFIG, SLOWLOG, LATENCY, MEMORY, DEBUG and ACL have files of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.session import IN_SCRIPT
from nearkeep.engine.text import SYNTAX_ERROR, int32_or, number_or
from nearkeep.wire.reply import NO_REPLY, OK, Failure, Reply, Verbatim

if TYPE_CHECKING:
    from nearkeep.engine.keyspace import Keyspace
    from nearkeep.engine.session import Session

_SHUTDOWN_WORDS: Final = frozenset((b"SAVE", b"NOSAVE", b"NOW", b"FORCE", b"ABORT"))


@command(
    "DBSIZE",
    group="server", since="1.0.0", complexity="O(1)",
    flags="readonly fast", acl="keyspace",
    hints="request_policy:all_shards response_policy:agg_sum",
    summary="Returns the number of keys.",
)
def dbsize(session: Session, _args: list[bytes]) -> Reply:
    return len(session.db)


@command(
    "FLUSHALL [flush-type=(ASYNC | SYNC)]",
    group="server", since="1.0.0", complexity="O(N)",
    flags="write", acl="keyspace dangerous",
    hints="request_policy:all_shards response_policy:all_succeeded",
    summary="Deletes all keys of all databases.",
)
def flushall(session: Session, args: list[bytes]) -> Reply:
    _check_flush(args)
    _flush(session, session.namespace.databases)
    return OK


@command(
    "FLUSHDB [flush-type=(ASYNC | SYNC)]",
    group="server", since="1.0.0", complexity="O(N)",
    flags="write", acl="keyspace dangerous",
    hints="request_policy:all_shards response_policy:all_succeeded",
    summary="Deletes all keys of the database.",
)
def flushdb(session: Session, args: list[bytes]) -> Reply:
    _check_flush(args)
    _flush(session, [session.db])
    return OK


@command(
    "LOLWUT [VERSION version:integer]",
    group="server", since="5.0.0",
    flags="readonly fast",
    summary="Draws a picture and tells the version.",
)
def lolwut(_session: Session, args: list[bytes]) -> Reply:
    """A small drawing; the version and sizes that Redis takes are accepted."""
    for word in args[1:]:
        if word.upper() != b"VERSION":
            number_or(word, b"ERR value is not an integer or out of range")
    return Verbatim(_KEEP)


@command(
    "MONITOR",
    group="server", since="1.0.0",
    flags="admin noscript loading stale",
    summary="Shows every command as the server runs it.",
)
def monitor(session: Session, _args: list[bytes]) -> Reply:
    if session.executing or session.gate & IN_SCRIPT:
        return Failure(b"ERR MONITOR isn't allowed for DENY BLOCKING client")
    session.namespace.start_monitoring(session)
    return OK


@command(
    "SHUTDOWN [save-selector=(NOSAVE | SAVE)] [NOW] [FORCE] [ABORT]",
    group="server", since="1.0.0", complexity="O(N), O(1) without saving",
    flags="admin noscript loading stale no_multi allow_busy",
    summary="Saves the data and stops the server.",
)
def shutdown(session: Session, args: list[bytes]) -> Reply:
    words = {word.upper() for word in args[1:]}
    if not words <= _SHUTDOWN_WORDS or {b"SAVE", b"NOSAVE"} <= words:
        return SYNTAX_ERROR
    host = session.namespace.host
    if b"ABORT" in words:
        if len(words) > 1:
            return SYNTAX_ERROR
        return OK if host.abort_shutdown() else Failure(b"ERR No shutdown in progress.")
    save = True if b"SAVE" in words else False if b"NOSAVE" in words else None
    host.shutdown(save, b"NOW" in words, b"FORCE" in words)
    session.outlet.close(after_reply=True)
    return NO_REPLY


@command(
    "SWAPDB index1:integer index2:integer",
    group="server", since="4.0.0", complexity="O(N)",
    flags="write fast", acl="keyspace dangerous",
    summary="Exchanges two databases.",
)
def swapdb(session: Session, args: list[bytes]) -> Reply:
    namespace = session.namespace
    first = int32_or(args[1], b"ERR invalid first DB index")
    second = int32_or(args[2], b"ERR invalid second DB index")
    count = len(namespace.databases)
    if not (0 <= first < count and 0 <= second < count):
        return Failure(b"ERR DB index is out of range")
    namespace.swap(first, second)
    return OK


@command(
    "TIME",
    group="server", since="2.6.0", complexity="O(1)",
    flags="loading stale fast", hints="nondeterministic_output",
    summary="Returns the server's time in seconds and microseconds.",
)
def time(session: Session, _args: list[bytes]) -> Reply:
    now = session.namespace.clock.microseconds()
    return [b"%d" % (now // 1_000_000), b"%d" % (now % 1_000_000)]


def _check_flush(args: list[bytes]) -> None:
    if len(args) > 2 or (len(args) == 2 and args[1].upper() not in (b"SYNC", b"ASYNC")):
        raise Failure(SYNTAX_ERROR.message)


def _flush(session: Session, databases: list[Keyspace]) -> None:
    """Empties databases at once; their memory is freed in steps, SYNC or not."""
    namespace = session.namespace
    for db in databases:
        namespace.touch_all(db.index)
        keys = len(db)
        namespace.discard(db.drop_all(), keys)
        namespace.free_few()
    namespace.tracking.flushed()
    namespace.changes += 1


_KEEP: Final = rb"""
        |>>>
   _  _ |_  _  _
  | || |_|| || || |
  |  _________    |
  | |  |   |  |   |     A keep, near by.
  | |  | o |  |   |
  |_|__|___|__|___|
"""
