"""All that a server holds, as plain values that can be compared and printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nearkeep.engine.namespace import Namespace
from nearkeep.engine.session import Outlet, Session
from nearkeep.wire.reply import encode
from tests.resp import Connection, parse

Ask = Callable[..., Any]
"""Runs a command, given as bytes, and returns its reply as plain values."""

Database = dict[bytes, Any]

OF_NO_EFFECT = {b"seen-time", b"active-time"}
"""When a consumer was last seen is not part of the data, in Redis either."""


def state(namespace: Namespace) -> dict[int, Any]:
    """All databases that are not empty, and under -1 the function libraries."""
    session = Session(namespace, Outlet())
    ask = asking(session)
    found = {}
    for db in namespace.databases:
        session.db = db
        if keys := database(ask):
            found[db.index] = keys
    found[-1] = ask(b"FUNCTION", b"LIST", b"WITHCODE")
    session.end()
    return found


def asking(session: Session) -> Ask:
    """Asks a session in the process."""
    return lambda *words: _plain(parse(encode(session.execute(list(words)))).value)


def asking_server(connection: Connection) -> Ask:
    """Asks a server."""
    return lambda *words: _plain(connection.value(*words))


def database(ask: Ask) -> Database:
    """The keys of the present database, each with type, expiry and value."""
    found = {}
    for key in ask(b"KEYS", b"*"):
        kind = ask(b"TYPE", key)
        found[key] = kind, ask(b"PEXPIRETIME", key), READ[kind](ask, key)
    return found


def alike(one: Any, other: Any, slack: int) -> bool:
    """Whether values are equal, times (milliseconds since the epoch) up to a difference."""
    if isinstance(one, int) and isinstance(other, int) and one > 1 << 40 and other > 1 << 40:
        return abs(one - other) <= slack
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k], slack) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(
            alike(a, b, slack) for a, b in zip(one, other, strict=True)
        )
    return bool(one == other)


def _plain(value: Any) -> Any:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _hash(ask: Ask, key: bytes) -> object:
    flat = ask(b"HGETALL", key)
    fields = flat[::2]
    ends = ask(b"HPEXPIRETIME", key, b"FIELDS", b"%d" % len(fields), *fields)
    return {field: (flat[2 * at + 1], ends[at]) for at, field in enumerate(fields)}


def _stream(ask: Ask, key: bytes) -> object:
    return _without_times(ask(b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"))


def _without_times(reply: Any) -> Any:
    if not isinstance(reply, list):
        return reply
    names = reply[::2]
    if len(reply) % 2 == 0 and all(isinstance(_plain(name), bytes) for name in names):
        return [
            _without_times(word)
            for name, value in zip(names, reply[1::2], strict=True)
            if _plain(name) not in OF_NO_EFFECT and not _plain(name).startswith(b"radix-")
            for word in (name, value)
        ]
    return [_without_times(item) for item in reply]


READ: dict[bytes, Callable[[Ask, bytes], Any]] = {
    b"string": lambda ask, key: ask(b"GET", key),
    b"hash": _hash,
    b"ReJSON-RL": lambda ask, key: ask(b"JSON.GET", key),
    b"list": lambda ask, key: ask(b"LRANGE", key, b"0", b"-1"),
    b"set": lambda ask, key: sorted(ask(b"SMEMBERS", key)),
    b"zset": lambda ask, key: ask(b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"),
    b"stream": _stream,
}
