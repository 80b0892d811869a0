"""Every setting, declared once: CONFIG, the command line, redis.conf and the documentation read it.

A line gives name, kind, default (as in a file), what it is, and marks:

    main       listed by `nearkeep serve --help`
    start      can't be changed while the server runs
    protected  can be changed only if `enable-protected-configs` says so
    hidden     not listed by CONFIG GET with a pattern
    secret     not shown in logs
    inert      accepted, since clients and files set it, but there is nothing here that it could change
    own        Redis does not have it

and after a slash its aliases. Names, kinds and defaults are those of Redis 8.2.3; only `appendonly` is on by default.
"""

from typing import Final

from nearkeep.engine.settings_kinds import (
    INT_MAX,
    LONG_MAX,
    UINT_MAX,
    ULONG_MAX,
    Addresses,
    BufferLimits,
    ChannelHistory,
    Choice,
    Choices,
    Events,
    FileName,
    HostName,
    Kind,
    Locale,
    Memory,
    MemoryOrPercent,
    Never,
    NodeName,
    Number,
    Octal,
    OomScores,
    Percentiles,
    SavePoints,
    Text,
    Title,
    YesNo,
)


class Setting:
    """What is declared of one setting."""

    def __init__(
        self, section: str, name: str, kind: Kind, default: str, help_line: str, marks: str
    ) -> None:
        self.section: Final = section
        self.name: Final = name
        self.kind: Final = kind
        words = default.encode().split() if kind.splits else [default.encode()]
        self.default: Final = kind.parse(words, None)
        self.help: Final = help_line
        flags, _, aliases = marks.partition("/")
        marked = flags.split()
        self.aliases: Final = aliases.split()
        self.main: Final = "main" in marked
        self.start_only: Final = "start" in marked
        self.protected: Final = "protected" in marked
        self.hidden: Final = "hidden" in marked
        self.secret: Final = "secret" in marked
        self.inert: Final = "inert" in marked
        self.own: Final = "own" in marked


_YES_NO: Final = YesNo()
_TEXT: Final = Text()
_INT: Final = Number()
_LONG: Final = Number(high=LONG_MAX)
_PORT: Final = Number(0, 65535)
_COUNT: Final = Number(high=LONG_MAX, unsigned=True)
_BYTES: Final = Memory(high=LONG_MAX, unsigned=True)
_SIGNED_BYTES: Final = Memory(high=LONG_MAX)
_PERCENT: Final = Number(0, 100)
_WHO: Final = Choice("no yes local")
_ON_SIGNAL: Final = Choices("default save nosave now force")

_Row = tuple[str, Kind, str, str, str]

# fmt: off
_SECTIONS: Final[tuple[tuple[str, tuple[_Row, ...]], ...]] = (
    ("Network", (
        ("bind", Addresses(), "127.0.0.1 -::1", "Addresses to listen on.", "main"),
        ("port", _PORT, "6379", "TCP port; 0 for none.", "main"),
        ("unixsocket", _TEXT, "", "Path of a Unix socket to listen on.", "main start"),
        ("unixsocketperm", Octal(0, 0o777, unsigned=True), "0", "File mode of the Unix socket.", "start"),
        ("protected-mode", _YES_NO, "yes", "Refuse other machines as long as there is no password.", "main"),
        ("tcp-backlog", _INT, "511", "Connections that may wait to be accepted.", "start"),
        ("tcp-keepalive", _INT, "300", "Seconds of silence until the kernel probes a connection.", ""),
        ("timeout", _INT, "0", "Seconds until an idle client is disconnected; 0 for never.", "main"),
        ("proto-max-bulk-len", Memory(1 << 20, LONG_MAX), "512mb", "The longest string in a request.", ""),
        ("http", _YES_NO, "yes", "Serve HTTP and WebSocket on the same ports.", "main own"),
        ("http-origins", _TEXT, "", "Origins of web pages that may use them, with spaces between.", "own"),
        ("bind-source-addr", _TEXT, "", "Address that outgoing connections come from.", "inert"),
        ("socket-mark-id", Number(high=UINT_MAX, unsigned=True), "0", "Mark of packets, for the kernel's filters.", "start inert"),
        ("max-new-connections-per-cycle", Number(1, 1000, unsigned=True), "10", "Connections accepted at a time.", "inert"),
        ("max-new-tls-connections-per-cycle", Number(1, 1000, unsigned=True), "1", "TLS connections accepted at a time.", "inert"),
    )),
    ("TLS", (
        ("tls-port", _PORT, "0", "TCP port for TLS; 0 for none.", "main"),
        ("tls-cert-file", _TEXT, "", "Certificate; without one, a development certificate is made.", "main"),
        ("tls-key-file", _TEXT, "", "The certificate's private key.", "main"),
        ("tls-key-file-pass", _TEXT, "", "Password of the private key.", "secret"),
        ("tls-ca-cert-file", _TEXT, "", "Certificates of those who may sign a client's.", "main"),
        ("tls-ca-cert-dir", _TEXT, "", "A folder of such certificates.", ""),
        ("tls-auth-clients", Choice("no yes optional"), "yes", "Whether clients must have a certificate.", "main"),
        ("tls-protocols", _TEXT, "", "Allowed versions: TLSv1.2, TLSv1.3, or both.", ""),
        ("tls-ciphers", _TEXT, "", "Ciphers for TLS 1.2.", ""),
        ("tls-ciphersuites", _TEXT, "", "Ciphers for TLS 1.3.", ""),
        ("tls-prefer-server-ciphers", _YES_NO, "no", "Choose a cipher in the server's order.", ""),
        ("tls-session-caching", _YES_NO, "yes", "Let clients resume their sessions.", ""),
        ("tls-session-cache-size", _INT, "20480", "Sessions to remember.", "inert"),
        ("tls-session-cache-timeout", _INT, "300", "Seconds to remember a session for.", "inert"),
        ("tls-client-cert-file", _TEXT, "", "Certificate for outgoing connections.", "inert"),
        ("tls-client-key-file", _TEXT, "", "Private key for outgoing connections.", "inert"),
        ("tls-client-key-file-pass", _TEXT, "", "Password of that key.", "inert secret"),
        ("tls-dh-params-file", _TEXT, "", "Diffie-Hellman parameters for old OpenSSL versions.", "inert"),
        ("tls-replication", _YES_NO, "no", "TLS between a replica and its master.", "inert"),
        ("tls-cluster", _YES_NO, "no", "TLS on the cluster bus.", "inert"),
    )),
    ("Security", (
        ("requirepass", _TEXT, "", "Password of the default user.", "main secret"),
        ("aclfile", _TEXT, "", "File with users and what they may do.", "main start"),
        ("acllog-max-len", _LONG, "128", "Entries of the log of refused accesses.", ""),
        ("acl-pubsub-default", Choice("allchannels resetchannels"), "resetchannels", "Channels that a new user may use.", ""),
        ("enable-debug-command", _WHO, "no", "Who may use DEBUG.", "start"),
        ("enable-protected-configs", _WHO, "no", "Who may change dir and dbfilename.", "start"),
        ("enable-module-command", _WHO, "no", "Who may use MODULE.", "start inert"),
        ("hide-user-data-from-log", _YES_NO, "no", "Keep keys and values out of the log.", ""),
        ("sanitize-dump-payload", Choice("no yes clients"), "no", "How carefully RESTORE checks; here it always does.", "inert"),
    )),
    ("Clients", (
        ("maxclients", Number(1, UINT_MAX, unsigned=True), "10000", "Connections at the same time.", "main"),
        ("maxmemory-clients", MemoryOrPercent(), "0", "Memory for all clients' buffers; 0 for no limit.", ""),
        ("client-query-buffer-limit", Memory(1 << 20, LONG_MAX, unsigned=True), "1gb", "Bytes of one client's unfinished request.", ""),
        ("client-output-buffer-limit", BufferLimits(), "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60", "Bytes that may wait to be sent, by class of client.", ""),
        ("channel-history", ChannelHistory(), "", "Recent messages that channels keep: pattern, messages, bytes, seconds, and so on.", "own"),
        ("tracking-table-max-keys", _COUNT, "1000000", "Keys remembered for client-side caching.", ""),
    )),
    ("Memory", (
        ("maxmemory", Memory(high=ULONG_MAX, unsigned=True), "0", "Memory for data; 0 for no limit.", "main"),
        ("maxmemory-policy", Choice("volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction"), "noeviction", "What to evict when it is full.", "main"),
        ("maxmemory-samples", Number(1, 64), "5", "Keys looked at for each eviction.", ""),
        ("maxmemory-eviction-tenacity", _PERCENT, "10", "How long a command may be held up by evictions.", ""),
        ("lfu-log-factor", _INT, "10", "How slowly a key's use counter grows.", ""),
        ("lfu-decay-time", _INT, "1", "Minutes until a key's use counter shrinks.", ""),
        ("active-expire-effort", Number(1, 10), "1", "How eagerly expired keys are looked for.", ""),
        ("lazyfree-lazy-eviction", _YES_NO, "no", "Free evicted values in the background; here all are.", "inert"),
        ("lazyfree-lazy-expire", _YES_NO, "no", "Free expired values in the background; here all are.", "inert"),
        ("lazyfree-lazy-server-del", _YES_NO, "no", "Free overwritten values in the background; here all are.", "inert"),
        ("lazyfree-lazy-user-del", _YES_NO, "no", "Free deleted values in the background; here all are.", "inert"),
        ("lazyfree-lazy-user-flush", _YES_NO, "no", "Free flushed values in the background; here all are.", "inert"),
        ("activerehashing", _YES_NO, "yes", "Grow hash tables in idle time.", "inert"),
        ("activedefrag", _YES_NO, "no", "Move values together in memory.", "inert"),
        ("active-defrag-cycle-min", Number(1, 99), "1", "Least effort to move values together, percent.", "inert"),
        ("active-defrag-cycle-max", Number(1, 99), "25", "Most effort to move values together, percent.", "inert"),
        ("active-defrag-threshold-lower", Number(0, 1000), "10", "Fragmentation to begin at, percent.", "inert"),
        ("active-defrag-threshold-upper", Number(0, 1000), "100", "Fragmentation of most effort, percent.", "inert"),
        ("active-defrag-ignore-bytes", Memory(1, LONG_MAX, unsigned=True), "100mb", "Fragmentation not worth any effort.", "inert"),
        ("active-defrag-max-scan-fields", Number(1, LONG_MAX), "1000", "Elements of a value that are moved at once.", "inert"),
        ("jemalloc-bg-thread", _YES_NO, "yes", "Let the allocator work in the background.", "inert"),
        ("disable-thp", _YES_NO, "yes", "Turn the kernel's huge pages off.", "start inert"),
        ("oom-score-adj", Choice("no yes relative absolute", "relative", "yes"), "no", "Tell the kernel whom to kill first.", ""),
        ("oom-score-adj-values", OomScores(), "0 200 800", "What to tell it; the first counts, the others are for replicas and children.", ""),
    )),
    ("Persistence", (
        ("dir", _TEXT, ".", "Folder of all files.", "main protected"),
        ("appendonly", _YES_NO, "yes", "Log each change before it is answered; no keeps all in memory alone.", "main"),
        ("appendfsync", Choice("everysec always no"), "everysec", "When the log is forced to disk.", "main"),
        ("save", SavePoints(), "3600 1 300 100 60 10000", "Save after so many seconds and changes.", "main"),
        ("dbfilename", FileName("dbfilename", may_be_empty=True), "dump.rdb", "Name of the RDB file.", "protected"),
        ("stop-writes-on-bgsave-error", _YES_NO, "yes", "Refuse writes while saving fails.", ""),
        ("appendfilename", FileName("appendfilename"), "appendonly.aof", "Name of Redis' append-only file.", "start inert"),
        ("appenddirname", FileName("appenddirname"), "appendonlydir", "Folder of Redis' append-only files.", "start inert"),
        ("auto-aof-rewrite-percentage", _INT, "100", "Growth after which the log is rewritten.", "inert"),
        ("auto-aof-rewrite-min-size", _SIGNED_BYTES, "64mb", "Size from which the log is rewritten.", "inert"),
        ("no-appendfsync-on-rewrite", _YES_NO, "no", "Don't force to disk during a rewrite.", "inert"),
        ("aof-load-truncated", _YES_NO, "yes", "Start although the log's end is cut off; here always.", "inert"),
        ("aof-use-rdb-preamble", _YES_NO, "yes", "Begin a rewritten log with an RDB.", "inert"),
        ("aof-timestamp-enabled", _YES_NO, "no", "Write times into the log; here they always are.", "inert"),
        ("aof-rewrite-incremental-fsync", _YES_NO, "yes", "Force a rewrite to disk in steps.", "inert"),
        ("aof-disable-auto-gc", _YES_NO, "no", "Keep old log files.", "hidden inert"),
        ("rdbcompression", _YES_NO, "yes", "Compress strings in RDB files.", "inert"),
        ("rdbchecksum", _YES_NO, "yes", "End RDB files with a checksum.", "start inert"),
        ("rdb-save-incremental-fsync", _YES_NO, "yes", "Force an RDB to disk in steps.", "inert"),
        ("rdb-del-sync-files", _YES_NO, "no", "Delete RDB files made for replicas.", "inert"),
        ("rdb-key-save-delay", Number(-INT_MAX - 1), "0", "Microseconds to wait after each saved key.", "hidden inert"),
        ("key-load-delay", Number(-INT_MAX - 1), "0", "Microseconds to wait after each loaded key.", "hidden inert"),
        ("loading-process-events-interval-bytes", Number(1024), "524288", "Bytes loaded between looks at clients.", "hidden inert"),
    )),
    ("Data", (
        ("databases", Number(1), "16", "Number of databases.", "main start"),
        ("notify-keyspace-events", Events(), "", "Events that are published, as letters.", "main"),
        ("hash-max-listpack-entries", _COUNT, "512", "Fields up to which a hash is compact.", "/hash-max-ziplist-entries"),
        ("hash-max-listpack-value", _BYTES, "64", "Bytes of a value up to which a hash is compact.", "/hash-max-ziplist-value"),
        ("list-max-listpack-size", Number(-INT_MAX - 1), "-2", "Size up to which a list is compact.", "/list-max-ziplist-size"),
        ("list-compress-depth", _INT, "0", "Ends of a list that are not compressed.", "inert"),
        ("set-max-intset-entries", _COUNT, "512", "Members up to which a set of integers is compact.", ""),
        ("set-max-listpack-entries", _COUNT, "128", "Members up to which a set is compact.", ""),
        ("set-max-listpack-value", _COUNT, "64", "Bytes of a member up to which a set is compact.", ""),
        ("zset-max-listpack-entries", _COUNT, "128", "Members up to which a sorted set is compact.", "/zset-max-ziplist-entries"),
        ("zset-max-listpack-value", _BYTES, "64", "Bytes of a member up to which a sorted set is compact.", "/zset-max-ziplist-value"),
        ("hll-sparse-max-bytes", _BYTES, "3000", "Bytes up to which a HyperLogLog is sparse.", ""),
        ("stream-node-max-bytes", _BYTES, "4096", "Bytes of a node of a stream.", ""),
        ("stream-node-max-entries", _LONG, "100", "Entries of a node of a stream.", ""),
        ("locale-collate", Locale(), "", "Order of SORT ALPHA.", "inert"),
        ("lazyexpire-nested-arbitrary-keys", _YES_NO, "yes", "Delete expired keys that a script meets.", "hidden inert"),
        ("vset-force-single-threaded-execution", _YES_NO, "no", "Search vector sets in one thread.", "inert"),
    )),
    ("Scripts", (
        ("busy-reply-threshold", _LONG, "5000", "Milliseconds until others hear that a script is busy.", "/lua-time-limit"),
        ("lua-enable-deprecated-api", _YES_NO, "no", "Let scripts use what Redis has given up.", "start hidden inert"),
        ("propagation-error-behavior", Choice("ignore panic panic-on-replicas"), "ignore", "What to do if a logged command fails.", "inert"),
    )),
    ("Log and latency", (
        ("loglevel", Choice("debug verbose notice warning nothing"), "notice", "What is logged.", "main"),
        ("logfile", _TEXT, "", "File to log to; standard output without one.", "main start"),
        ("syslog-enabled", _YES_NO, "no", "Log to the system's log.", "start inert"),
        ("syslog-ident", _TEXT, "redis", "Name in the system's log.", "start inert"),
        ("syslog-facility", Choice("user local0 local1 local2 local3 local4 local5 local6 local7"), "local0", "Facility in the system's log.", "start inert"),
        ("slowlog-log-slower-than", Number(-1, LONG_MAX), "10000", "Microseconds from which a command is slow; -1 for never.", "main"),
        ("slowlog-max-len", _LONG, "128", "Entries of the slow log.", ""),
        ("latency-monitor-threshold", _LONG, "0", "Milliseconds from which LATENCY notes an event; 0 for never.", ""),
        ("latency-tracking", _YES_NO, "yes", "Keep each command's latencies.", ""),
        ("latency-tracking-info-percentiles", Percentiles(), "50 99 99.9", "Percentiles that INFO shows.", ""),
        ("always-show-logo", _YES_NO, "no", "Show the banner also in log files.", "start inert"),
        ("crash-log-enabled", _YES_NO, "yes", "Log a crash.", "inert"),
        ("crash-memcheck-enabled", _YES_NO, "yes", "Test the memory after a crash.", "inert"),
        ("ignore-warnings", _TEXT, "", "Warnings about the system to leave out.", "inert"),
        ("watchdog-period", _INT, "0", "Milliseconds until a stuck server logs where it is.", "hidden inert"),
        ("use-exit-on-panic", _YES_NO, "no", "Exit instead of aborting.", "hidden inert"),
    )),
    ("Process", (
        ("daemonize", _YES_NO, "no", "Go to the background; leave that to systemd or the shell.", "start inert"),
        ("supervised", Choice("upstart systemd auto no"), "no", "Tell a supervisor that the server is ready.", "start inert"),
        ("pidfile", _TEXT, "", "File to write the process's number to.", "start"),
        ("set-proc-title", _YES_NO, "yes", "Show more than the program's name in the process list.", "start inert"),
        ("proc-title-template", Title(), "{title} {listen-addr} {server-mode}", "What to show there.", "inert"),
        ("hz", Number(0, INT_MAX, at_least=1, at_most=500), "10", "Background turns per second.", ""),
        ("dynamic-hz", _YES_NO, "yes", "More turns with more clients.", "inert"),
        ("shutdown-timeout", _INT, "10", "Seconds to wait for replicas on shutdown.", "inert"),
        ("shutdown-on-sigint", _ON_SIGNAL, "default", "How SIGINT ends the server.", ""),
        ("shutdown-on-sigterm", _ON_SIGNAL, "default", "How SIGTERM ends the server.", ""),
        ("io-threads", Number(1, 128), "1", "Threads for reading and writing; here one does it all.", "start inert"),
        ("prefetch-batch-max-size", Number(0, 128), "16", "Requests whose keys are fetched together.", "hidden inert"),
        ("server-cpulist", _TEXT, "", "Cores for the server.", "start inert/server_cpulist"),
        ("bio-cpulist", _TEXT, "", "Cores for background threads.", "start inert/bio_cpulist"),
        ("aof-rewrite-cpulist", _TEXT, "", "Cores for rewriting the log.", "start inert/aof_rewrite_cpulist"),
        ("bgsave-cpulist", _TEXT, "", "Cores for saving.", "start inert/bgsave_cpulist"),
    )),
    ("Redis replication", (
        ("replicaof", Never("no one", "replication from a Redis server is not there: import its data instead"), "no one", "A Redis server to copy.", "start/slaveof"),
        ("masteruser", _TEXT, "", "User at the master.", "inert"),
        ("masterauth", _TEXT, "", "Password at the master.", "inert secret"),
        ("replica-serve-stale-data", _YES_NO, "yes", "Answer although the master is away.", "inert/slave-serve-stale-data"),
        ("replica-read-only", _YES_NO, "yes", "Refuse writes to a replica.", "inert/slave-read-only"),
        ("replica-ignore-maxmemory", _YES_NO, "yes", "Leave evictions to the master.", "inert/slave-ignore-maxmemory"),
        ("replica-ignore-disk-write-errors", _YES_NO, "no", "Go on although the disk refuses.", "inert"),
        ("replica-lazy-flush", _YES_NO, "no", "Free old data in the background.", "inert/slave-lazy-flush"),
        ("replica-priority", _INT, "100", "A replica's rank for promotion.", "inert/slave-priority"),
        ("replica-announced", _YES_NO, "yes", "Show a replica to Sentinel.", "inert"),
        ("replica-announce-ip", _TEXT, "", "Address that a replica announces.", "inert/slave-announce-ip"),
        ("replica-announce-port", _PORT, "0", "Port that a replica announces.", "inert/slave-announce-port"),
        ("replica-full-sync-buffer-limit", _SIGNED_BYTES, "0", "Memory for changes during a full copy.", "inert"),
        ("min-replicas-to-write", _INT, "0", "Replicas needed for a write.", "inert/min-slaves-to-write"),
        ("min-replicas-max-lag", _INT, "10", "Seconds that those may be late.", "inert/min-slaves-max-lag"),
        ("repl-ping-replica-period", Number(1), "10", "Seconds between pings to replicas.", "inert/repl-ping-slave-period"),
        ("repl-timeout", Number(1), "60", "Seconds until the other side is given up.", "inert"),
        ("repl-backlog-size", Memory(1, LONG_MAX, at_least=16384), "1mb", "Memory for replicas that come back.", "inert"),
        ("repl-backlog-ttl", _LONG, "3600", "Seconds to keep that memory for.", "inert"),
        ("repl-disable-tcp-nodelay", _YES_NO, "no", "Fewer packets to replicas, later.", "inert"),
        ("repl-diskless-sync", _YES_NO, "yes", "Copy without a file.", "inert"),
        ("repl-diskless-sync-delay", _INT, "5", "Seconds to wait for more replicas.", "inert"),
        ("repl-diskless-sync-max-replicas", _INT, "0", "Replicas to wait for.", "inert"),
        ("repl-diskless-load", Choice("disabled on-empty-db swapdb"), "disabled", "Load a copy without a file.", "inert"),
        ("repl-rdb-channel", _YES_NO, "yes", "Copy on a connection of its own.", "hidden inert"),
    )),
    ("Redis cluster", (
        ("cluster-enabled", Never("no", "Redis' cluster mode is not there: leave it off"), "no", "Be a node of a Redis cluster.", "start"),
        ("cluster-config-file", _TEXT, "nodes.conf", "File of the cluster's nodes.", "start inert"),
        ("cluster-node-timeout", _LONG, "15000", "Milliseconds until a node is given up.", "inert"),
        ("cluster-ping-interval", _LONG, "0", "Milliseconds between pings.", "hidden inert"),
        ("cluster-port", _PORT, "0", "Port of the cluster bus.", "start inert"),
        ("cluster-announce-ip", _TEXT, "", "Address that is announced.", "inert"),
        ("cluster-announce-port", _PORT, "0", "Port that is announced.", "inert"),
        ("cluster-announce-tls-port", _PORT, "0", "TLS port that is announced.", "inert"),
        ("cluster-announce-bus-port", _PORT, "0", "Port of the bus that is announced.", "inert"),
        ("cluster-announce-hostname", HostName(), "", "Host name that is announced.", "inert"),
        ("cluster-announce-human-nodename", NodeName(), "", "Name for people that is announced.", "inert"),
        ("cluster-preferred-endpoint-type", Choice("ip hostname unknown-endpoint"), "ip", "What clients are sent to.", "inert"),
        ("cluster-migration-barrier", _INT, "1", "Replicas that a master keeps.", "inert"),
        ("cluster-allow-replica-migration", _YES_NO, "yes", "Let replicas change their master.", "inert"),
        ("cluster-replica-validity-factor", _INT, "10", "How late a replica may be for promotion.", "inert/cluster-slave-validity-factor"),
        ("cluster-replica-no-failover", _YES_NO, "no", "Never promote this replica.", "inert/cluster-slave-no-failover"),
        ("cluster-require-full-coverage", _YES_NO, "yes", "Refuse all while a slot is missing.", "inert"),
        ("cluster-allow-reads-when-down", _YES_NO, "no", "Allow reads while the cluster is down.", "inert"),
        ("cluster-allow-pubsubshard-when-down", _YES_NO, "yes", "Allow shard channels while it is down.", "inert"),
        ("cluster-link-sendbuf-limit", _BYTES, "0", "Memory of a connection of the bus.", "inert"),
        ("cluster-slot-stats-enabled", _YES_NO, "no", "Keep statistics of slots.", "inert"),
        ("cluster-compatibility-sample-ratio", _PERCENT, "0", "Share of commands tested for fitness for a cluster.", "inert"),
    )),
)
# fmt: on

SETTINGS: Final = tuple([Setting(section, *row) for section, rows in _SECTIONS for row in rows])
"""All settings, in the order of the documentation."""
