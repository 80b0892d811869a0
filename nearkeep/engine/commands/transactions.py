"""Transactions: https://redis.io/docs/latest/commands/?group=transactions"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import UNMONITORED, command
from nearkeep.engine.session import IN_MULTI, MONITORED, RESTRICTED
from nearkeep.wire.reply import NULL_ARRAY, OK, Failure, Reply, Several

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_ABORTED: Final = Failure(b"EXECABORT Transaction discarded because of previous errors.")


@command(
    "DISCARD",
    group="transactions", since="2.0.0", complexity="O(N)",
    flags="noscript loading stale fast allow_busy",
    summary="Drops the queued commands and ends the transaction.",
)
def discard(session: Session, _args: list[bytes]) -> Reply:
    if not session.gate & IN_MULTI:
        return Failure(b"ERR DISCARD without MULTI")
    session.clear_transaction()
    return OK


@command(
    "EXEC",
    group="transactions", since="1.2.0", complexity="That of the queued commands.",
    flags="noscript loading stale skip_slowlog",
    summary="Runs the queued commands as one.",
)
def exec_(session: Session, _args: list[bytes]) -> Reply:
    if not session.gate & IN_MULTI:
        return Failure(b"ERR EXEC without MULTI")
    aborted, queue = session.aborted, session.queue
    stale = session.dirty or session.namespace.watched_expired(session)
    session.clear_transaction()
    if aborted:
        return _ABORTED
    if stale:
        return NULL_ARRAY
    namespace = session.namespace
    replies: list[object] = []
    session.executing = True
    try:
        for queued, words in queue:
            denied = None
            if session.gate & RESTRICTED:
                denied = namespace.users.denied(session, queued, words)
            reply = session.call(queued, words) if denied is None else denied
            if namespace.gate & MONITORED and not queued.flags & UNMONITORED:
                namespace.monitor(session, words)
            if session.tracking is not None:
                namespace.tracking.remember(session, queued, words)
            if session.said:
                reply, session.said = Several(session.said), []
            replies.append(reply)
    finally:
        session.executing = False
    session.no_effect()
    return replies


@command(
    "MULTI",
    group="transactions", since="1.2.0", complexity="O(1)",
    flags="noscript loading stale fast allow_busy",
    summary="Begins a transaction: commands are queued until EXEC.",
)
def multi(session: Session, _args: list[bytes]) -> Reply:
    if session.gate & IN_MULTI:
        return Failure(b"ERR MULTI calls can not be nested")
    session.gate |= IN_MULTI
    return OK


@command(
    "UNWATCH",
    group="transactions", since="2.2.0", complexity="O(1)",
    flags="noscript loading stale fast allow_busy",
    summary="Forgets the keys this connection watches.",
)
def unwatch(session: Session, _args: list[bytes]) -> Reply:
    session.unwatch()
    return OK


@command(
    "WATCH key ...",
    group="transactions", since="2.2.0", complexity="O(1)",
    flags="noscript loading stale fast allow_busy", keys="1..-1 RO",
    summary="Makes EXEC fail if a key changes before it.",
)
def watch(session: Session, args: list[bytes]) -> Reply:
    if session.gate & IN_MULTI:
        return Failure(b"ERR WATCH inside MULTI is not allowed")
    if not session.dirty:
        for key in args[1:]:
            session.namespace.watch(session, key)
    return OK
