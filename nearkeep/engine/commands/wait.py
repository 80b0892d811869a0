"""WAIT and WAITAOF: https://redis.io/docs/latest/commands/wait/

There are no replicas to wait for; the append-only file is the log. WAITTIER is Nearkeep's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine import timeout
from nearkeep.engine.command import command
from nearkeep.engine.commands.persistence import NOWHERE
from nearkeep.engine.text import integer, number_or
from nearkeep.wire.reply import Failure, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_NOT_LOCAL: Final = Failure(b"ERR value is out of range, value must between 0 and 1")
_NOT_POSITIVE: Final = b"ERR value is out of range, must be positive"
_NO_FILE: Final = Failure(
    b"ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
)


@command(
    "WAIT numreplicas:integer timeout:integer",
    group="generic", since="3.0.0", complexity="O(1)",
    flags="blocking", acl="connection -keyspace",
    hints="request_policy:all_shards response_policy:agg_min",
    summary="Waits until replicas have what this connection wrote.",
)
def wait(session: Session, args: list[bytes]) -> Reply:
    replicas = integer(args[1])
    limit = timeout.milliseconds(args[2], session.namespace.clock.ms)
    if replicas <= 0:
        return 0
    return session.block([], limit, 0, args, b"wait")


@command(
    "WAITAOF numlocal:integer numreplicas:integer timeout:integer",
    group="generic", since="7.2.0", complexity="O(1)",
    flags="blocking", acl="connection -keyspace",
    hints="request_policy:all_shards response_policy:agg_min",
    summary="Waits until what this connection wrote is on disk, here or on replicas.",
)
def waitaof(session: Session, args: list[bytes]) -> Reply:
    local = integer(args[1])
    if not 0 <= local <= 1:
        return _NOT_LOCAL
    replicas = number_or(args[2], _NOT_POSITIVE)
    if replicas < 0:
        return Failure(_NOT_POSITIVE)
    limit = timeout.milliseconds(args[3], session.namespace.clock.ms)
    namespace = session.namespace
    if local and not namespace.host.keeps_data():
        return _NO_FILE
    reached = namespace.host.keeps_data() and session.written <= namespace.synced
    if replicas == 0 and (reached or not local):
        return [int(reached), 0]
    return session.block([], limit, [int(reached), 0], args, b"tier")


@command(
    "WAITTIER tier=(L1 | L2) timeout:integer",
    group="generic", since="0.1.0", complexity="O(1)",
    flags="blocking", acl="connection -keyspace",
    summary="Waits until what this connection wrote is in a tier: 1 for L1, the log on disk, or L2, "
            "SQLite, has it; 0 if it has not after so many milliseconds.",
)
def waittier(session: Session, args: list[bytes]) -> Reply:
    tier = args[1].upper()
    if tier not in (b"L1", b"L2"):
        return Failure(b"ERR there is no such tier here, only L1 and L2")
    limit = timeout.milliseconds(args[2], session.namespace.clock.ms)
    namespace = session.namespace
    if not namespace.host.keeps_data():
        return NOWHERE
    reached = namespace.synced if tier == b"L1" else namespace.checkpointed
    if session.written <= reached:
        return 1
    return session.block([], limit, 0, args, b"tier")
