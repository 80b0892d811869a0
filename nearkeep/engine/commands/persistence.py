"""Saving: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.text import SYNTAX_ERROR
from nearkeep.wire.reply import Failure, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_IN_MEMORY: Final = Failure(b"ERR this server keeps its data in memory alone, nothing was saved")


@command(
    "BGREWRITEAOF",
    group="server", since="1.0.0", complexity="O(1)",
    flags="admin noscript no_async_loading",
    summary="Compacts the append-only file in the background.",
)
def bgrewriteaof(_session: Session, _args: list[bytes]) -> Reply:
    return _IN_MEMORY


@command(
    "BGSAVE [SCHEDULE]",
    group="server", since="1.0.0", complexity="O(1)",
    flags="admin noscript no_async_loading",
    summary="Saves the data to disk in the background.",
)
def bgsave(_session: Session, args: list[bytes]) -> Reply:
    if len(args) > 2 or (len(args) == 2 and args[1].upper() != b"SCHEDULE"):
        return SYNTAX_ERROR
    return _IN_MEMORY


@command(
    "LASTSAVE",
    group="server", since="1.0.0", complexity="O(1)",
    flags="loading stale fast", acl="admin dangerous", hints="nondeterministic_output",
    summary="Returns when the data was last saved, as a Unix time.",
)
def lastsave(session: Session, _args: list[bytes]) -> Reply:
    """The time of the start: as in Redis, the data counts as saved then."""
    return session.namespace.started // 1000


@command(
    "SAVE",
    group="server", since="1.0.0", complexity="O(N)",
    flags="admin noscript no_async_loading no_multi",
    summary="Saves the data to disk and waits for it.",
)
def save(_session: Session, _args: list[bytes]) -> Reply:
    return _IN_MEMORY
