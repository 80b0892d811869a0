"""Masters and replicas: https://redis.io/docs/latest/commands/replicaof/

There is no replication in Redis' way: a server is always a master, and has no replicas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.text import SYNTAX_ERROR, integer
from nearkeep.wire.reply import OK, Failure, Reply
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_BAD_PORT: Final = Failure(b"ERR Invalid master port")
_NO_REPLICA: Final = Failure(b"ERR this server can't be a replica of another")
_NO_FAILOVER: Final = Failure(b"ERR No failover in progress.")
_NO_REPLICAS: Final = Failure(b"ERR FAILOVER requires connected replicas.")
_BAD_TIMEOUT: Final = Failure(b"ERR FAILOVER timeout must be greater than 0")


@command(
    "FAILOVER [TO target=(host port:integer [FORCE])] [ABORT] [TIMEOUT milliseconds:integer]",
    group="server", since="6.2.0", complexity="O(1)",
    flags="admin noscript stale",
    summary="Hands the role of master to a replica.",
)
def failover(_session: Session, args: list[bytes]) -> Reply:
    words = [word.upper() for word in args]
    if words[1:] == [b"ABORT"]:
        return _NO_FAILOVER
    seen: set[bytes] = set()
    index = 1
    while index < len(args):
        word = words[index]
        needed = _FAILOVER_WORDS.get(word, len(args))
        if word in seen or index + needed >= len(args):
            return SYNTAX_ERROR
        if word == b"TIMEOUT" and integer(args[index + 1]) <= 0:
            return _BAD_TIMEOUT
        if word == b"TO":
            integer(args[index + 2])
        seen.add(word)
        index += 1 + needed
    return _NO_REPLICAS


_FAILOVER_WORDS: Final = {b"TIMEOUT": 1, b"TO": 2, b"FORCE": 0}


@command(
    "REPLICAOF args=(host-port=(host port:integer) | no-one=(NO ONE))",
    group="server", since="5.0.0", complexity="O(1)",
    flags="admin noscript stale no_async_loading",
    summary="Makes the server a replica of another, or a master.",
)
def replicaof(_session: Session, args: list[bytes]) -> Reply:
    if [word.upper() for word in args[1:]] == [b"NO", b"ONE"]:
        return OK
    port = parse_integer(args[2])
    if port is None or not 0 <= port <= 65535:
        return _BAD_PORT
    return _NO_REPLICA


@command(
    "ROLE",
    group="server", since="2.8.12", complexity="O(1)",
    flags="noscript loading stale fast", acl="admin dangerous",
    summary="Tells whether the server is a master or a replica, and of what.",
)
def role(_session: Session, _args: list[bytes]) -> Reply:
    return [b"master", 0, list[object]()]


@command(
    "SLAVEOF args=(host-port=(host port:integer) | no-one=(NO ONE))",
    group="server", since="1.0.0", complexity="O(1)",
    flags="admin noscript stale no_async_loading", deprecated="5.0.0", replaced_by="`REPLICAOF`",
    summary="Makes the server a replica of another, or a master.",
)
def slaveof(session: Session, args: list[bytes]) -> Reply:
    return replicaof(session, args)
