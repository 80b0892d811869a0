"""INFO: https://redis.io/docs/latest/commands/info/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import nearkeep
from nearkeep.engine.command import command, leaves
from nearkeep.engine.commands.connection import VERSION, kind_of
from nearkeep.wire.reply import Reply, Verbatim

if TYPE_CHECKING:
    from nearkeep.engine.namespace import Namespace
    from nearkeep.engine.session import Session


@command(
    "INFO [section ...]",
    group="server", since="1.0.0", complexity="O(1)",
    flags="loading stale", acl="dangerous",
    hints="nondeterministic_output request_policy:all_shards response_policy:special",
    summary="Describes the server: memory, statistics, clients, keyspace.",
)
def info(session: Session, args: list[bytes]) -> Reply:
    wanted = {word.lower().decode("latin-1") for word in args[1:]} or {"default"}
    if wanted & {"all", "everything"}:
        wanted |= set(_BY_DEFAULT) | set(_ON_DEMAND)
    if "default" in wanted:
        wanted |= set(_BY_DEFAULT)
    namespace = session.namespace
    facts = namespace.host.facts()
    parts = []
    for name in (*_BY_DEFAULT, *_ON_DEMAND):
        if name in wanted:
            fields = _fields(name, namespace, facts)
            lines = [f"# {_TITLES.get(name, name.capitalize())}"]
            lines += [f"{field}:{value}" for field, value in fields]
            parts.append("\r\n".join(lines) + "\r\n")
    return Verbatim("\r\n".join(parts).encode())




Fields = list[tuple[str, object]]

_BY_DEFAULT: Final = (
    "server",
    "clients",
    "memory",
    "persistence",
    "stats",
    "replication",
    "cpu",
    "modules",
    "errorstats",
    "cluster",
    "keyspace",
)
_ON_DEMAND: Final = ("commandstats", "latencystats")
_TITLES: Final = {"cpu": "CPU"}


def _fields(section: str, namespace: Namespace, facts: dict[str, str]) -> Fields:
    if section == "server":
        return _server(namespace, facts)
    if section == "clients":
        return _clients(namespace)
    if section == "memory":
        return _memory(namespace, facts)
    if section == "persistence":
        return _persistence(namespace, facts)
    if section == "stats":
        return _stats(namespace, facts)
    if section == "replication":
        return _replication(facts)
    if section == "cpu":
        return _cpu(facts)
    if section == "errorstats":
        return [
            (f"errorstat_{code.decode('latin-1')}", f"count={count}")
            for code, count in sorted(namespace.errors.items())
        ]
    if section == "cluster":
        return [("cluster_enabled", 0)]
    if section == "keyspace":
        return _keyspace(namespace)
    if section == "commandstats":
        return _commandstats()
    if section == "latencystats":
        return _latencystats(namespace)
    return []


def _server(namespace: Namespace, facts: dict[str, str]) -> Fields:
    settings = namespace.settings
    uptime = (namespace.clock.ms - namespace.started) // 1000
    return [
        ("redis_version", VERSION.decode()),
        ("redis_mode", "standalone"),
        ("nearkeep_version", nearkeep.__version__),
        ("nearkeep_engine", nearkeep.engine_kind()),
        ("os", facts.get("os", "")),
        ("arch_bits", 64),
        ("monotonic_clock", "system"),
        ("multiplexing_api", "epoll"),
        ("python_version", facts.get("python_version", "")),
        ("process_id", facts.get("process_id", 0)),
        ("process_supervised", "no"),
        ("run_id", facts.get("run_id", "")),
        ("tcp_port", settings.integer("port") or settings.integer("tls-port")),
        ("server_time_usec", namespace.clock.microseconds()),
        ("uptime_in_seconds", uptime),
        ("uptime_in_days", uptime // 86400),
        ("hz", settings.integer("hz")),
        ("configured_hz", settings.integer("hz")),
        ("lru_clock", (namespace.clock.ms // 1000) & 0xFFFFFF),
        ("executable", facts.get("executable", "")),
        ("config_file", facts.get("config_file", "")),
        ("io_threads_active", 0),
    ]


def _clients(namespace: Namespace) -> Fields:
    sessions = list(namespace.sessions.values())
    largest_in = max([one.outlet.input_size() for one in sessions], default=0)
    largest_out = max([one.outlet.output_size() for one in sessions], default=0)
    return [
        ("connected_clients", len(sessions)),
        ("cluster_connections", 0),
        ("maxclients", namespace.settings.integer("maxclients")),
        ("client_recent_max_input_buffer", largest_in),
        ("client_recent_max_output_buffer", largest_out),
        ("blocked_clients", len(namespace.waiting_sessions) + len(namespace.postponed)),
        ("tracking_clients", len(namespace.tracking.sessions)),
        ("pubsub_clients", sum([kind_of(one) == b"pubsub" for one in sessions])),
        ("watching_clients", sum([bool(one.watched) for one in sessions])),
        ("clients_in_timeout_table", len(namespace.waiting_sessions)),
        ("total_watched_keys", len(namespace.watchers)),
        ("total_blocking_keys", len(namespace.waiting)),
        ("total_blocking_keys_on_nokey", 0),
    ]


def _memory(namespace: Namespace, facts: dict[str, str]) -> Fields:
    used, overhead = namespace.used_bytes(), namespace.overhead_bytes()
    start = namespace.ledger_at_start
    data = max(used - overhead, 0)
    resident = namespace.host.resident_bytes()
    peak = max(namespace.peak, used)
    limit = namespace.settings.integer("maxmemory")
    total = int(facts.get("total_system_memory", 0))
    return [
        ("used_memory", used),
        ("used_memory_human", human(used)),
        ("used_memory_rss", resident),
        ("used_memory_rss_human", human(resident)),
        ("used_memory_peak", peak),
        ("used_memory_peak_human", human(peak)),
        ("used_memory_peak_perc", f"{used * 100 / max(peak, 1):.2f}%"),
        ("used_memory_overhead", overhead),
        ("used_memory_startup", start),
        ("used_memory_dataset", data),
        ("used_memory_dataset_perc", f"{data * 100 / max(used - start, 1):.2f}%"),
        *_scripting(namespace),
        ("total_system_memory", total),
        ("total_system_memory_human", human(total)),
        ("maxmemory", limit),
        ("maxmemory_human", human(limit)),
        ("maxmemory_policy", namespace.settings.string("maxmemory-policy").decode()),
        ("mem_fragmentation_ratio", f"{resident / max(used, 1):.2f}"),
        ("mem_fragmentation_bytes", resident - used),
        ("mem_not_counted_for_evict", 0),
        ("mem_clients_normal", namespace.clients_bytes),
        ("mem_allocator", "pymalloc"),
        ("lazyfree_pending_objects", len(namespace.garbage)),
        ("lazyfreed_objects", namespace.freed_lazily),
    ]


def _scripting(namespace: Namespace) -> Fields:
    scripts, libraries = namespace.scripts, namespace.libraries
    evaluation, functions = scripts.memory(), libraries.memory()
    code = sum([len(script.source) for script in scripts.cache.values()])
    code += sum([len(library.code) for library in libraries.libraries.values()])
    return [
        ("used_memory_vm_eval", evaluation),
        ("used_memory_lua", evaluation),
        ("used_memory_lua_human", human(evaluation)),
        ("used_memory_scripts_eval", sum([len(script.source) for script in scripts.cache.values()])),
        ("number_of_cached_scripts", len(scripts.cache)),
        ("number_of_functions", len(libraries.functions)),
        ("number_of_libraries", len(libraries.libraries)),
        ("used_memory_vm_functions", functions),
        ("used_memory_vm_total", evaluation + functions),
        ("used_memory_vm_total_human", human(evaluation + functions)),
        ("used_memory_functions", code),
        ("used_memory_scripts", code),
        ("used_memory_scripts_human", human(code)),
    ]


def _persistence(namespace: Namespace, facts: dict[str, str]) -> Fields:
    return [
        ("loading", 0),
        ("async_loading", 0),
        ("rdb_changes_since_last_save", namespace.changes),
        ("rdb_bgsave_in_progress", facts.get("rdb_bgsave_in_progress", 0)),
        ("rdb_last_save_time", facts.get("rdb_last_save_time", namespace.started // 1000)),
        ("rdb_last_bgsave_status", facts.get("rdb_last_bgsave_status", "ok")),
        ("rdb_saves", facts.get("rdb_saves", 0)),
        ("aof_enabled", facts.get("aof_enabled", 0)),
        ("aof_rewrite_in_progress", 0),
        ("aof_last_write_status", facts.get("aof_last_write_status", "ok")),
        *[(name, facts[name]) for name in _OF_THE_LOG if name in facts],
    ]


_OF_THE_LOG: Final = (
    "aof_current_size",
    "aof_buffer_length",
    "aof_pending_bio_fsync",
    "aof_delayed_fsync",
    "pipeline_sequence",
    "pipeline_written_sequence",
    "pipeline_synced_sequence",
    "pipeline_segments",
    "pipeline_bytes_written",
    "checkpoint_sequence",
    "checkpoint_runs",
    "checkpoint_rows_written",
    "checkpoint_mutations",
    "checkpoint_dirty_keys",
)


def _stats(namespace: Namespace, facts: dict[str, str]) -> Fields:
    databases = namespace.databases
    denied = namespace.users.log.denied
    return [
        ("total_connections_received", namespace.connections_received),
        ("total_commands_processed", namespace.commands_run),
        ("instantaneous_ops_per_sec", facts.get("instantaneous_ops_per_sec", 0)),
        ("total_net_input_bytes", namespace.input_bytes),
        ("total_net_output_bytes", namespace.output_bytes),
        ("rejected_connections", namespace.connections_refused),
        ("expired_subkeys", namespace.expired_subkeys),
        ("expired_keys", namespace.expired_keys),
        ("expired_stale_perc", "0.00"),
        ("evicted_keys", namespace.evicted_keys),
        ("evicted_clients", namespace.evicted_clients),
        ("keyspace_hits", sum([db.hits for db in databases])),
        ("keyspace_misses", sum([db.misses for db in databases])),
        ("pubsub_channels", len(namespace.pubsub.channels)),
        ("pubsub_patterns", len(namespace.pubsub.patterns)),
        ("pubsubshard_channels", len(namespace.pubsub.shard_channels)),
        ("latest_fork_usec", 0),
        ("migrate_cached_sockets", facts.get("migrate_cached_sockets", 0)),
        ("tracking_total_keys", namespace.tracking.keys()),
        ("tracking_total_items", namespace.tracking.items()),
        ("tracking_total_prefixes", namespace.tracking.prefix_count()),
        ("total_error_replies", namespace.error_count),
        ("client_query_buffer_limit_disconnections", namespace.query_limit_hits),
        ("client_output_buffer_limit_disconnections", namespace.output_limit_hits),
        ("evicted_scripts", namespace.scripts.evicted),
        ("acl_access_denied_auth", denied.get(b"auth", 0)),
        ("acl_access_denied_cmd", denied.get(b"command", 0)),
        ("acl_access_denied_key", denied.get(b"key", 0)),
        ("acl_access_denied_channel", denied.get(b"channel", 0)),
    ]


def _replication(facts: dict[str, str]) -> Fields:
    return [
        ("role", "master"),
        ("connected_slaves", 0),
        ("master_replid", facts.get("run_id", "")),
        ("master_repl_offset", 0),
        ("repl_backlog_active", 0),
    ]


def _cpu(facts: dict[str, str]) -> Fields:
    names = ("used_cpu_sys", "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children")
    return [(name, facts.get(name, "0.000000")) for name in names]


def _keyspace(namespace: Namespace) -> Fields:
    return [
        (
            f"db{db.index}",
            f"keys={len(db)},expires={db.volatile},avg_ttl={db.average_ttl()},subexpiry=0",
        )
        for db in namespace.databases
        if len(db)
    ]


def _commandstats() -> Fields:
    return [
        (
            f"cmdstat_{one.name.decode()}",
            f"calls={one.calls},usec={one.microseconds},"
            f"usec_per_call={int(one.microseconds) / max(int(one.calls), 1):.2f},"
            f"rejected_calls={one.rejected},failed_calls={one.failed}",
        )
        for one in leaves()
        if one.calls or one.rejected
    ]


def _latencystats(namespace: Namespace) -> Fields:
    percentiles = namespace.settings.floats("latency-tracking-info-percentiles")
    fields: Fields = []
    for one in leaves():
        if one.latency is None:
            continue
        shown = [f"p{percent:g}={one.latency.percentile(percent):.3f}" for percent in percentiles]
        fields.append((f"latency_percentiles_usec_{one.name.decode()}", ",".join(shown)))
    return fields


def human(size: int) -> str:
    """A size in bytes for people, as Redis prints it."""
    if size < 1024:
        return f"{size}B"
    value = float(size)
    for unit in "KMGT":
        value /= 1024
        if value < 1024:
            return f"{value:.2f}{unit}"
    return f"{value / 1024:.2f}P"
