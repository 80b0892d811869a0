"""MEMORY: https://redis.io/docs/latest/commands/memory-usage/"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.text import SYNTAX_ERROR, integer
from nearkeep.wire.reply import OK, Map, Reply, Verbatim

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

container(
    "MEMORY",
    group="server", since="4.0.0",
    summary="What takes up memory.",
)


@command(
    "MEMORY DOCTOR",
    group="server", since="4.0.0", complexity="O(1)",
    hints="nondeterministic_output request_policy:all_shards response_policy:special",
    summary="Reports on memory in words.",
)
def memory_doctor(session: Session, _args: list[bytes]) -> Reply:
    keys = sum([len(db) for db in session.namespace.databases])
    used = session.namespace.used_bytes()
    resident = session.namespace.host.resident_bytes()
    return Verbatim(b"%d keys, %d bytes of data, %d resident in all.\n" % (keys, used, resident))


@command(
    "MEMORY HELP",
    group="server", since="4.0.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of MEMORY.",
)
def memory_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("memory")


@command(
    "MEMORY MALLOC-STATS",
    group="server", since="4.0.0", complexity="O(N)",
    hints="nondeterministic_output request_policy:all_shards response_policy:special",
    summary="Reports what the allocator knows.",
)
def memory_malloc_stats(_session: Session, _args: list[bytes]) -> Reply:
    return Verbatim(b"Stats not supported for the current allocator")


@command(
    "MEMORY PURGE",
    group="server", since="4.0.0", complexity="O(N)",
    hints="request_policy:all_shards response_policy:all_succeeded",
    summary="Asks the allocator to give memory back.",
)
def memory_purge(_session: Session, _args: list[bytes]) -> Reply:
    return OK


@command(
    "MEMORY STATS",
    group="server", since="4.0.0", complexity="O(1)",
    hints="nondeterministic_output request_policy:all_shards response_policy:special",
    summary="Returns figures about the memory in use.",
)
def memory_stats(session: Session, _args: list[bytes]) -> Reply:
    namespace = session.namespace
    used, overhead = namespace.used_bytes(), namespace.overhead_bytes()
    resident = namespace.host.resident_bytes()
    keys = sum([len(db) for db in namespace.databases])
    data = max(used - overhead, 0)
    flat: list[object] = [
        b"peak.allocated", max(used, namespace.peak),
        b"total.allocated", used,
        b"startup.allocated", namespace.ledger_at_start,
        b"replication.backlog", 0,
        b"clients.slaves", 0,
        b"clients.normal", namespace.clients_bytes,
        b"cluster.links", 0,
        b"aof.buffer", 0,
        b"lua.caches", 0,
        b"functions.caches", 0,
    ]  # fmt: skip
    for db in namespace.databases:
        if len(db):
            tables = [
                b"overhead.hashtable.main", db.tables_bytes() + db.entry_bytes * len(db),
                b"overhead.hashtable.expires", 0,
            ]  # fmt: skip
            flat += [b"db.%d" % db.index, Map(tables)]
    flat += [
        b"overhead.total", overhead,
        b"keys.count", keys,
        b"keys.bytes-per-key", (used - namespace.ledger_at_start) // keys if keys else 0,
        b"dataset.bytes", data,
        b"dataset.percentage", data * 100 / max(used - namespace.ledger_at_start, 1),
        b"peak.percentage", used * 100 / max(used, namespace.peak, 1),
        b"allocator.allocated", used,
        b"allocator.active", resident,
        b"allocator.resident", resident,
    ]  # fmt: skip
    return Map(flat)


@command(
    "MEMORY USAGE key [SAMPLES count:integer]",
    group="server", since="4.0.0", complexity="O(N)",
    flags="readonly", keys="2 RO",
    summary="Estimates the memory that a key takes.",
)
def memory_usage(session: Session, args: list[bytes]) -> Reply:
    index = 3
    while index < len(args):
        if args[index].upper() != b"SAMPLES" or index + 1 >= len(args):
            return SYNTAX_ERROR
        if integer(args[index + 1]) < 0:
            return SYNTAX_ERROR
        index += 2
    value = session.db.peek(args[2])
    if value is None:
        return None
    return session.db.memory(args[2])
