"""SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF: https://redis.io/docs/latest/commands/?group=server

There is no snapshot and no log to rewrite: what they ask for is a checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.text import SYNTAX_ERROR
from nearkeep.wire.reply import OK, Failure, Reply, Status

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

NOWHERE: Final = Failure(
    b"ERR all data is in memory alone: start with appendonly yes to have it kept"
)
_SAVING: Final = Failure(b"ERR Background save already in progress")
_REWRITING: Final = Failure(b"ERR Background append only file rewriting already in progress")


@command(
    "BGREWRITEAOF",
    group="server", since="1.0.0", complexity="O(1)",
    flags="admin noscript no_async_loading",
    summary="Begins a checkpoint, so that the log becomes short.",
)
def bgrewriteaof(session: Session, _args: list[bytes]) -> Reply:
    return _begin(session, b"Background append only file rewriting started", _REWRITING)


@command(
    "BGSAVE [SCHEDULE]",
    group="server", since="1.0.0", complexity="O(1)",
    flags="admin noscript no_async_loading",
    summary="Begins a checkpoint.",
)
def bgsave(session: Session, args: list[bytes]) -> Reply:
    if len(args) == 1:
        return _begin(session, b"Background saving started", _SAVING)
    if len(args) > 2 or args[1].upper() != b"SCHEDULE":
        return SYNTAX_ERROR
    return _begin(session, b"Background saving started", Status(b"Background saving scheduled"))


@command(
    "LASTSAVE",
    group="server", since="1.0.0", complexity="O(1)",
    flags="loading stale fast", acl="admin dangerous", hints="nondeterministic_output",
    summary="Returns when the last checkpoint was made, as a Unix time.",
)
def lastsave(session: Session, _args: list[bytes]) -> Reply:
    namespace = session.namespace
    return (namespace.host.last_checkpoint() or namespace.started) // 1000


@command(
    "SAVE",
    group="server", since="1.0.0", complexity="O(N)",
    flags="admin noscript no_async_loading no_multi",
    summary="Makes a checkpoint, while everyone waits.",
)
def save(session: Session, _args: list[bytes]) -> Reply:
    host = session.namespace.host
    if not host.keeps_data():
        return NOWHERE
    failure = host.checkpoint()
    return OK if failure is None else Failure(b"ERR " + failure)


def _begin(session: Session, started: bytes, running: Reply) -> Reply:
    host = session.namespace.host
    if not host.keeps_data():
        return NOWHERE
    return Status(started) if host.begin_checkpoint() else running
