"""A namespace: databases with their sessions, subscriptions, users and mutation stream. One actor.

All that happens in it happens in `Session.execute` or in `Namespace.step`, one after the other. The
host (a server, a process, a Durable Object) hands in the time, randomness and the few deeds that an
engine without I/O can't do.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from random import Random
from typing import Final

from mypy_extensions import i32, i64, mypyc_attr

from nearkeep.engine.acl import Users
from nearkeep.engine.command import FAST, MAY_REPLICATE, SKIP_SLOWLOG, WRITE, Command
from nearkeep.engine.eviction import Eviction
from nearkeep.engine.history import History
from nearkeep.engine.keyspace import (
    EVICTED,
    EXPIRED,
    GENERIC,
    HASH,
    KEYEVENT_EVENTS,
    KEYSPACE_EVENTS,
    Clock,
    Entry,
    Keyspace,
    Observer,
)
from nearkeep.engine.latency import LatencyMonitor
from nearkeep.engine.live import LiveKeys
from nearkeep.engine.pubsub import PubSub
from nearkeep.engine.scripting.libraries import Libraries
from nearkeep.engine.scripting.scripts import Scripts
from nearkeep.engine.session import (
    BUSY,
    FULL,
    MONITORED,
    PAUSED,
    TRACKING,
    UNAUTHENTICATED,
    UNWRITABLE,
    Session,
)
from nearkeep.engine.settings import Settings
from nearkeep.engine.slowlog import SlowLog, shown
from nearkeep.engine.stream import MutationStream
from nearkeep.engine.text import quoted
from nearkeep.engine.tracking import Tracking, TrackingMode
from nearkeep.engine.values.footprint import text_bytes
from nearkeep.engine.values.hash import Hash
from nearkeep.engine.values.value import Value
from nearkeep.wire.reply import Failure, Status

UNBLOCKED: Final = Failure(b"UNBLOCKED client unblocked via CLIENT UNBLOCK")
_NEVER_SLOW: Final = 1 << 62
_LARGE: Final = 64
"""Elements from which a value is freed in steps."""

_AT_ONCE: Final = 1024
"""Elements that are freed in one go; well under a millisecond."""

_WEIGHED_EVERY: Final = 90
"""Milliseconds between looks at what is not counted as it changes."""

_CLIENTS_WEIGHED_EVERY: Final = 10
"""The same for the buffers of clients while memory is limited; longer where they are many."""

_TURNS: Final = 32

_BETWEEN_LOOKS: Final = 15
_MOST_EVICTED: Final = 256
"""Keys that are evicted at once at most, wherever the clock stands still."""

_EVICTION_STEP: Final = 1000
"""Microseconds of eviction in a step of background work."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Host:
    """What an engine can't do itself; the host's subclass does it."""

    def shutdown(self, save: bool | None, now: bool, force: bool) -> None:
        """Ends the process; `save` None means: if there is anything to save to."""

    def abort_shutdown(self) -> bool:
        """Takes a shutdown back that has not happened yet; whether there was one."""
        return False

    def keeps_data(self) -> bool:
        """Whether there is anything below memory."""
        return False

    def checkpoint(self) -> bytes | None:
        """Brings all that has changed to the tiers below, at once; why that failed, or None."""
        return None

    def begin_checkpoint(self) -> bool:
        """Begins to do so in the background; whether that was not being done already."""
        return False

    def last_checkpoint(self) -> int:
        """When that was last done, milliseconds since the epoch; 0 if it was not."""
        return 0

    def reload(self) -> bytes | None:
        """Brings all to the tiers below and back into memory; why that failed, or None."""
        return None

    def facts(self) -> dict[str, str]:
        """INFO fields that the host alone knows, by name (see `commands/info.py`)."""
        return {}

    def resident_bytes(self) -> int:
        """Memory that the process holds."""
        return 0

    def report(self, command: bytes, error: Exception) -> None:
        """Logs an error of ours: a command has raised what it never should."""

    def entropy(self, count: int) -> bytes:
        """Bytes that nobody can guess, for passwords."""
        raise NotImplementedError

    def read_text(self, path: bytes) -> bytes:
        """All of a file. Raises OSError."""
        raise OSError(38, "Function not implemented")

    def write_text(self, path: bytes, text: bytes) -> None:
        """Puts a text in place of a file's, all or nothing. Raises OSError."""
        raise OSError(38, "Function not implemented")

    def sleep(self, seconds: float) -> None:
        """Stands still, for DEBUG SLEEP."""

    def log(self, level: int, message: bytes) -> None:
        """Logs what a script has to say; levels from 0, debug, to 3, warning."""

    def exchange(
        self,
        host: bytes,
        port: int,
        timeout_ms: int,
        requests: list[list[bytes]],
        heard: Callable[[list[bytes], bytes], None],
    ) -> bool:
        """Sends requests to another server; whether this host can.

        Later it calls back with the first lines of the replies, without their ends, and with the
        word for what could not be done: "connecting", "writing", "reading" or none. Each step has
        so many milliseconds.
        """
        return False

    def takes_turns(self) -> bool:
        """Whether `take_turn` can be relied upon."""
        return False

    def take_turn(self, resume: Callable[[], None]) -> None:
        """Calls back soon, when the other clients have had their turn."""


class Namespace(Observer):
    """One namespace, and all that its sessions share.

    Attributes:
        gate: bits that say why commands can't simply run, 0 as a rule (see session.py).
        depth: how many commands run inside one another (EXEC, scripts).
        making_room: whether keys are being evicted for a command that is about to run.
        ready: keys that may serve blocked sessions, with their databases, in the order of their
            coming.
        stopwatch: when the last command ended, microseconds of the clock.
        alarm: when `step` must be called at the latest, milliseconds since the epoch; 0 for never.
        synced: number of the last batch of the stream that is on disk in the log (L1).
        checkpointed: number of the last one that SQLite (L2) has.
        slow_from: duration from which a command is looked at for slow log and latency monitor.
    """

    def __init__(self, settings: Settings, clock: Clock, random: Random, host: Host) -> None:
        super().__init__()
        self.settings = settings
        self.clock = clock
        self.random = random
        self.host = host
        self.started = clock.ms
        self.gate = 0
        self.depth: i64 = 0
        self.stopwatch: i64 = 0
        self.slow_from: i64 = _NEVER_SLOW
        self.commands_run: i64 = 0
        self.errors: dict[bytes, int] = {}
        self.error_count = 0
        self.stream = MutationStream()
        self.synced: i64 = 0
        self.checkpointed: i64 = 0
        self.pubsub = PubSub(History(clock))
        self.tracking = Tracking()
        self.live = LiveKeys()
        self.users = Users(settings)
        self.scripts = Scripts(self)
        self.libraries = Libraries(self)
        self.databases: list[Keyspace] = [
            Keyspace(index, clock, self) for index in range(settings.integer("databases"))
        ]
        self.sessions: dict[int, Session] = {}
        self.current: Session | None = None
        self.connections_received = 0
        self.connections_refused = 0
        self.input_bytes: i64 = 0
        self.output_bytes: i64 = 0
        self.protocol_errors = 0
        self.output_limit_hits = 0
        self.query_limit_hits = 0
        self._last_session = 0
        self.monitors: dict[Session, None] = {}
        self.watchers: dict[tuple[int, bytes], dict[Session, bool]] = {}
        self.waiting: dict[tuple[int, bytes], dict[Session, None]] = {}
        self.waiting_sessions: dict[Session, None] = {}
        self.ready: dict[tuple[int, bytes], None] = {}
        self._serving = False
        self._keyless = 0  # how many wait for keys to go
        self._deadlines: list[tuple[int, int]] = []  # a heap, with numbers of sessions
        self.postponed: dict[Session, None] = {}
        self.alarm: i64 = 0
        self.paused_until = 0
        self.paused_writes_only = False
        self.pausable = True
        self._unwritable: Failure | None = None
        self.slowlog = SlowLog()
        self.latency = LatencyMonitor()
        self.expired_keys = 0
        self.expired_subkeys = 0
        self.evicted_keys = 0
        self.evicted_clients = 0
        self.making_room = False
        self._weighed_at: i64 = 0  # the clients
        self._measured_at: i64 = 0  # and the tables of the keyspaces
        self.active_expiry = True
        self.garbage: list[object] = []
        self.freed_lazily = 0
        self.clients_bytes: i64 = 0
        self.peak: i64 = 0
        self._expire_at_database = 0
        self._slow_threshold: i64 = -1
        self.tracks_latency = True
        self.ledger_at_start: i64 = self.ledger.total
        self.eviction = Eviction(settings, self.databases, random, self.ledger)
        self._follow_settings()

    # ---- settings

    def _follow_settings(self) -> None:
        settings = self.settings
        settings.on_change("requirepass", self._on_password)
        settings.on_change("notify-keyspace-events", self._on_events)
        settings.on_change("slowlog-log-slower-than", self._on_slow)
        settings.on_change("latency-monitor-threshold", self._on_slow)
        settings.on_change("latency-tracking", self._on_slow)
        settings.on_change("tracking-table-max-keys", self._on_tracking)
        settings.on_change("slowlog-max-len", self._on_slowlog_length)
        for name in ("maxmemory", "maxmemory-policy", "maxmemory-samples"):
            settings.on_change(name, self._on_memory)
        for name in ("lfu-log-factor", "lfu-decay-time", "maxmemory-eviction-tenacity"):
            settings.on_change(name, self._on_memory)
        self._on_memory()
        settings.on_change("channel-history", self._on_history)
        self._on_password()
        self._on_events()
        self._on_slow()
        self._on_slowlog_length()
        self._on_tracking()
        self._on_history()

    def _on_memory(self) -> None:
        self.eviction.configure()
        if self.eviction.limit:
            self.gate |= FULL
        else:
            self.gate &= ~FULL

    def _on_password(self) -> None:
        self.users.require_password(self.settings.string("requirepass"))

    def _on_events(self) -> None:
        bits = self.settings.integer("notify-keyspace-events")
        for db in self.databases:
            db.events = bits

    def _on_slow(self) -> None:
        threshold = self.settings.integer("slowlog-log-slower-than")
        latency = self.settings.integer("latency-monitor-threshold") * 1000
        self.tracks_latency = self.settings.flag("latency-tracking")
        self._slow_threshold = threshold
        slow = threshold if threshold >= 0 else _NEVER_SLOW
        self.slow_from = min(slow, latency or slow, _NEVER_SLOW)

    def _on_tracking(self) -> None:
        self.tracking.limit = self.settings.integer("tracking-table-max-keys")
        self.tracking.trim()

    def _on_history(self) -> None:
        self.pubsub.history.configure(self.settings.strings("channel-history"))

    def _on_slowlog_length(self) -> None:
        self.slowlog.limit = self.settings.integer("slowlog-max-len")
        self.slowlog.trim()

    def begin(self) -> None:
        """To be called before requests are run after a pause: the time goes on."""
        now = self.clock.microseconds()
        self.stopwatch = now
        self.clock.ms = now // 1000

    # ---- sessions

    def next_session_id(self) -> int:
        """The number of a new session."""
        self._last_session += 1
        return self._last_session

    def enter(self, session: Session) -> None:
        """A session begins."""
        self.sessions[session.id] = session
        self.connections_received += 1
        default = self.users.default
        if not default.open or not default.enabled:
            session.gate |= UNAUTHENTICATED
        else:
            session.become(default)

    def leave(self, session: Session) -> None:
        """A session ends: nothing waits for it or speaks to it any more."""
        self.sessions.pop(session.id, None)
        self.pubsub.leave(session)
        if session.tracking is not None:
            self.stop_tracking(session)
        self.stop_monitoring(session)
        if self.live.active():
            self.live.leave(session)
        if session.blocked is not None:
            self.stop_waiting(session)
            session.blocked = None

    def load_users(self) -> bytes:
        """Takes over the users of `aclfile`; returns what is wrong with it, if anything."""
        path = self.settings.string("aclfile")
        try:
            text = self.host.read_text(path)
        except OSError as error:
            reason = (error.strerror or str(error)).encode()
            return b"Error loading ACLs, opening file '%s': %s" % (path, reason)
        return self.users.load(path, text, list(self.sessions.values()))

    # ---- what happens to keys

    def observe(self) -> None:
        """To be called when someone begins or ceases to look at changes of single keys."""
        observed = bool(self.watchers) or self.tracking.active() or self.live.active()
        for db in self.databases:
            db.observed = observed

    def key_changed(self, db: int, key: bytes) -> None:
        watchers = self.watchers.get((db, key))
        if watchers:
            for session in watchers:
                session.dirty = True
        if self.tracking.active():
            self.tracking.changed(key, self.current)
        if self.live.active():
            self.live.changed(self.databases[db], key)

    def _watched_gone(self, db: int, key: bytes) -> None:
        """A key has expired: to those who saw it there it has changed, to others it never was."""
        for session, there in self.watchers.get((db, key), {}).items():
            if there:
                session.dirty = True
        if self.tracking.active():
            self.tracking.changed(key, None)
        if self.live.active():
            self.live.changed(self.databases[db], key)

    def key_ready(self, db: int, key: bytes) -> None:
        self.ready[(db, key)] = None

    def key_expired(self, db: int, key: bytes) -> None:
        self.expired_keys += 1
        if self.stream.recording:
            self.stream.add(db, [b"DEL", key])
        self.databases[db].notify(EXPIRED, b"expired", key)
        if self.databases[db].observed:
            self._watched_gone(db, key)

    def key_used(self, entry: Entry) -> None:
        self.eviction.used(entry, self.clock.ms)

    def first_uses(self, key: bytes) -> i32:
        return self.eviction.first_uses(key)

    def expire_fields(self, db: Keyspace, key: bytes, value: Hash, limit: int) -> int:
        """Removes about `limit` expired fields of a hash, and with the last the key; how many."""
        fields = value.expire(self.clock.ms, limit)
        if not fields:
            db.schedule_parts(key, value)
            return 0
        self.expired_subkeys += len(fields)
        if self.stream.recording:
            self.stream.add(db.index, [b"HDEL", key, *fields])
        db.marked(key)
        db.notify(HASH, b"hexpired", key)
        if len(value):
            db.schedule_parts(key, value)
        else:
            db.remove(key)
            db.notify(GENERIC, b"del", key)
        if db.observed:
            self.key_changed(db.index, key)
        return len(fields)

    def key_event(self, kind: int, event: bytes, key: bytes, db: int) -> None:
        events = self.databases[db].events
        if events & KEYSPACE_EVENTS:
            self.pubsub.publish(b"__keyspace@%d__:%s" % (db, key), event)
        if events & KEYEVENT_EVENTS:
            self.pubsub.publish(b"__keyevent@%d__:%s" % (db, event), key)

    def touch_all(self, index: int) -> None:
        """A whole database has changed: all that watch keys which were or are there know it."""
        db = self.databases[index]
        if self.live.active():
            self.live.all_changed(db)
        for (watched_db, key), watchers in self.watchers.items():
            if watched_db == index and key in db:
                for session in watchers:
                    session.dirty = True

    def swap(self, first: int, second: int) -> None:
        """Exchanges two databases, for all sessions at once."""
        if first == second:
            return
        self.touch_all(first)
        self.touch_all(second)
        self.databases[first].swap(self.databases[second])
        self.touch_all(first)
        self.touch_all(second)
        for index in (first, second):
            db = self.databases[index]
            for key in db.awaited:
                self.ready[(index, key)] = None
        self.changes += 1

    def discard(self, rest: list[object], values: int = 0) -> None:
        """Keeps what is to be freed in steps (see `step`): so many values, for INFO.

        Until then it counts as used.
        """
        for one in rest:
            if isinstance(one, Value):
                one.attach(self.ledger)
        self.garbage.extend(rest)
        self.freed_lazily += values

    def free_few(self) -> None:
        """Frees at once what is little."""
        for _ in range(_TURNS):
            if not self.garbage:
                break
            self._free(_AT_ONCE // _TURNS)

    # ---- WATCH

    def watch(self, session: Session, key: bytes) -> None:
        """Marks the session dirty once the key changes."""
        db = session.db
        name = (db.index, key)
        for index, known, _ in session.watched:
            if index == db.index and known == key:
                return
        there = db.live(key)
        session.watched.append((db.index, key, there))
        self.watchers.setdefault(name, {})[session] = there
        self.observe()

    def watched_expired(self, session: Session) -> bool:
        """Whether a watched key that was there has expired, though nobody has looked since."""
        for index, key, there in session.watched:
            if there and not self.databases[index].live(key):
                return True
        return False

    def unwatch(self, session: Session) -> None:
        """Forgets what the session watches."""
        for index, key, _ in session.watched:
            watchers = self.watchers.get((index, key))
            if watchers is not None:
                watchers.pop(session, None)
                if not watchers:
                    del self.watchers[(index, key)]
        self.observe()

    # ---- waiting

    def wait(self, session: Session) -> None:
        """Queues a session that has just been blocked, for each of its keys."""
        blocked = session.blocked
        if blocked is None:
            return
        self.waiting_sessions[session] = None
        self._keyless += blocked.keyless
        if blocked.deadline:
            self._set_alarm(blocked.deadline)
            if len(self._deadlines) > 64 + 2 * len(self.waiting_sessions):
                self._deadlines = [
                    (waiting.blocked.deadline, waiting.id)
                    for waiting in self.waiting_sessions
                    if waiting.blocked is not None and waiting.blocked.deadline
                ]
                heapify(self._deadlines)
            else:
                heappush(self._deadlines, (blocked.deadline, session.id))
        db = self.databases[blocked.db]
        for key in blocked.keys:
            waiters = self.waiting.setdefault((blocked.db, key), {})
            if session not in waiters:
                waiters[session] = None
                db.awaited[key] = db.awaited.get(key, 0) + 1

    def stop_waiting(self, session: Session) -> None:
        """Takes a session out of all queues."""
        blocked = session.blocked
        self.postponed.pop(session, None)
        if blocked is None or session not in self.waiting_sessions:
            return
        del self.waiting_sessions[session]
        self._keyless -= blocked.keyless
        db = self.databases[blocked.db]
        for key in blocked.keys:
            waiters = self.waiting.get((blocked.db, key))
            if waiters is None or session not in waiters:
                continue
            del waiters[session]
            if not waiters:
                del self.waiting[(blocked.db, key)]
            left = db.awaited[key] - 1
            if left:
                db.awaited[key] = left
            else:
                del db.awaited[key]

    def signal(self, db: Keyspace, key: bytes) -> None:
        """Says that a key may serve those who wait for it, where it was there before."""
        if db.awaited and key in db.awaited:
            self.ready[(db.index, key)] = None

    def serve_ready(self) -> None:
        """Runs the requests of sessions whose keys are ready, first come first served."""
        if self._serving:
            return
        self._serving = True
        try:
            while self.ready:
                name = next(iter(self.ready))
                del self.ready[name]
                if name in self.waiting:
                    self._serve(name)
        finally:
            self._serving = False

    def _serve(self, name: tuple[int, bytes]) -> None:
        """Serves those who wait for a key, as long as it has something for them."""
        index, key = name
        for session in list(self.waiting[name]):
            blocked = session.blocked
            value = self.databases[index].peek(key)
            if blocked is None:
                continue
            if blocked.keyless or (
                isinstance(value, Value) and value.type_name() == blocked.reason
            ):
                session.run_blocked()
            elif value is None and not self._keyless:
                return

    def reached(self, synced: int, checkpointed: int) -> None:
        """To be called when the tiers below have got further; answers those who wait for it."""
        self.synced = synced
        self.checkpointed = checkpointed
        for session in list(self.waiting_sessions):
            blocked = session.blocked
            if blocked is not None and blocked.reason == b"tier":
                session.run_blocked()

    def time_out(self) -> None:
        """Answers blocked sessions whose time is over."""
        self.alarm = self.paused_until
        deadlines = self._deadlines
        while deadlines:
            deadline, number = deadlines[0]
            if deadline > self.clock.ms:
                self._set_alarm(deadline)
                return
            heappop(deadlines)
            session = self.sessions.get(number)
            if session is not None:
                blocked = session.blocked
                if blocked is not None and blocked.deadline == deadline:
                    session.unblock(blocked.timed_out)

    def _set_alarm(self, at: int) -> None:
        if self.alarm == 0 or at < self.alarm:
            self.alarm = at

    # ---- pause

    def pause(self, until: int, writes_only: bool) -> None:
        """Postpones commands until a time, milliseconds since the epoch; longer pauses prevail."""
        if not self.gate & PAUSED or not writes_only:
            self.paused_writes_only = writes_only
        self.paused_until = max(self.paused_until, until)
        self._set_alarm(self.paused_until)
        self.gate |= PAUSED
        self._freeze()

    def unpause(self) -> None:
        """Runs what was postponed."""
        if not self.gate & PAUSED:
            return
        self.gate &= ~PAUSED
        self.paused_until = 0
        self._freeze()
        postponed = list(self.postponed)
        self.postponed = {}
        for session in postponed:
            blocked = session.blocked
            session.blocked = None
            if blocked is not None:
                session.outlet.retry(blocked.args)

    def _freeze(self) -> None:
        """Keeps expired keys, though hidden, while nothing may be written."""
        frozen = bool(self.gate & (PAUSED | UNWRITABLE))
        for db in self.databases:
            db.frozen = frozen

    def postpones(self, session: Session, command: Command, args: list[bytes]) -> bool:
        """Whether the pause holds a command up."""
        if self.depth or not self.pausable:
            return False
        if not self.paused_writes_only:
            return True
        if command.name == b"exec":
            return any([self._may_write(queued, words) for queued, words in session.queue])
        return self._may_write(command, args)

    def _may_write(self, command: Command, args: list[bytes]) -> bool:
        """Whether a pause of the writes holds a command up."""
        flags = command.flags
        if flags & WRITE:
            return True
        return bool(flags & MAY_REPLICATE) and not self.scripts.only_reads(command, args)

    # ---- watching the work

    def monitor(self, session: Session, args: list[bytes]) -> None:
        """Shows a request to all monitors."""
        line = b"%d.%06d [%d %s] %s" % (
            self.clock.ms // 1000,
            self.clock.ms % 1000 * 1000,
            session.db.index,
            session.outlet.address or b"lua",
            b" ".join([quoted(arg) for arg in shown(args)]),
        )
        status = Status(line)
        for monitor in list(self.monitors):
            monitor.outlet.send(status)

    def start_monitoring(self, session: Session) -> None:
        """Makes a session a monitor."""
        session.monitoring = True
        self.monitors[session] = None
        self.gate |= MONITORED

    def stop_monitoring(self, session: Session) -> None:
        """Ends a session's being a monitor."""
        session.monitoring = False
        self.monitors.pop(session, None)
        if not self.monitors:
            self.gate &= ~MONITORED

    def slow(self, session: Session, command: Command, args: list[bytes], elapsed: int) -> None:
        """Looks at a command that took long, microseconds."""
        threshold = self._slow_threshold
        if 0 <= threshold <= elapsed and not command.flags & SKIP_SLOWLOG:
            self.slowlog.add(
                self.clock.ms // 1000, elapsed, shown(args), session.outlet.address, session.name
            )
        latency = self.settings.integer("latency-monitor-threshold")
        if latency and elapsed >= latency * 1000:
            event = b"fast-command" if command.flags & FAST else b"command"
            self.latency.sample(event, self.clock.ms // 1000, elapsed // 1000)

    def count_error(self, failure: Failure) -> None:
        """Counts an error reply by its first word."""
        message = failure.message
        space = message.find(b" ")
        code = message if space < 0 else message[:space]
        self.error_count += 1
        if code in self.errors or len(self.errors) < 128:
            self.errors[code] = self.errors.get(code, 0) + 1

    # ---- refusals

    def used_bytes(self) -> int:
        """Bytes that data and the buffers of clients take: what `maxmemory` limits."""
        return self.ledger.total + self.clients_bytes

    def overhead_bytes(self) -> int:
        """The part of it that is neither keys' names nor values."""
        overhead = self.ledger_at_start + self.clients_bytes
        for db in self.databases:
            overhead += db.overhead_bytes()
        return overhead

    def make_room(self) -> bool:
        """Evicts keys until there is room for data, or for as long as a command may be held up.

        False if there is no room and nothing can be evicted. Within a transaction or a script
        nothing is: what was true before it stays true.
        """
        eviction = self.eviction
        limit = eviction.limit
        if self.depth or limit == 0:
            return not eviction.stuck
        if self._weighed_at + _CLIENTS_WEIGHED_EVERY + len(self.sessions) // 32 <= self.clock.ms:
            self._weigh_clients()
        if self.ledger.total + self.clients_bytes <= limit:
            eviction.stuck = False
            return True
        if self.clients_bytes > limit >> 6 and self._weighed_at != self.clock.ms:
            self._weigh_clients()  # keys must not make room for what is no more
        self.making_room = True
        try:
            return self._evict(eviction.budget)
        finally:
            self.making_room = False

    def _evict(self, budget: i64) -> bool:
        """Evicts for about so many microseconds; False if there is no room and none can be made."""
        eviction = self.eviction
        until = self.clock.microseconds() + budget
        turns: i64 = 0
        eviction.stuck = False
        while self.ledger.total + self.clients_bytes > eviction.limit and turns < _MOST_EVICTED:
            if self.garbage:
                self._free(_AT_ONCE)
                turns |= _BETWEEN_LOOKS  # that may have taken long
            elif not self._evict_one():
                eviction.stuck = True
                break
            turns += 1
            if turns & _BETWEEN_LOOKS == 0 and self.clock.microseconds() >= until:
                break
        if self.stream.recording:
            self.stream.commit(self.clock.ms)
        return not eviction.stuck

    def _evict_one(self) -> bool:
        """Evicts a key; whether there was one that may be evicted."""
        victim = self.eviction.victim(self.clock.ms)
        if victim is None:
            return False
        db = self.databases[victim.db]
        key = victim.key
        value = db.take(key)
        self.evicted_keys += 1
        if self.stream.recording:
            self.stream.add(db.index, [b"DEL", key])
        db.notify(EVICTED, b"evicted", key)
        if db.observed:
            self.key_changed(db.index, key)
        if isinstance(value, Value) and len(value) > _LARGE:
            self.discard([value])
        return True

    def refuse_writes(self, failure: Failure) -> None:
        """Answers writes so from now on: the disk refuses."""
        self._unwritable = failure
        self.gate |= UNWRITABLE
        self._freeze()

    def accept_writes(self) -> None:
        """Ends what `refuse_writes` began."""
        self._unwritable = None
        self.gate &= ~UNWRITABLE
        self._freeze()

    def unwritable(self, command: Command) -> Failure | None:
        """Why a write can't run, while the disk refuses."""
        return self._unwritable

    def busy_failure(self) -> Failure:
        """What others are told while a script runs for too long."""
        return self.scripts.busy_failure()

    # ---- client-side caching

    def start_tracking(self, session: Session, mode: TrackingMode) -> None:
        """Turns client-side caching on for a session, or changes its mode."""
        self.tracking.start(session, mode)
        session.gate |= TRACKING
        self.observe()

    def stop_tracking(self, session: Session) -> None:
        """Turns client-side caching off for a session."""
        self.tracking.stop(session)
        session.gate &= ~TRACKING
        self.observe()

    def end_tick(self) -> None:
        """To be called by the host before replies leave: tells what was gathered."""
        self.tracking.broadcast()
        self.live.broadcast()

    # ---- in the background

    def step(self, limit: int) -> bool:
        """Does a bounded piece of what is to be done in the background; whether more is due.

        The host calls it again until it has no more or the host's time is up. `limit` bounds the
        keys it looks at.
        """
        if self.gate & BUSY:
            return False
        if self.gate & PAUSED and self.paused_until <= self.clock.ms:
            self.unpause()
        if 0 < self.alarm <= self.clock.ms:
            self.time_out()
        if self._measured_at + _WEIGHED_EVERY <= self.clock.ms:
            self._weigh()
        more = self._shrink()
        if self.active_expiry:
            more = self._expire(limit) or more
            if self.stream.recording:
                self.stream.commit(self.clock.ms)
            if self.ready:
                self.serve_ready()
            self.tracking.broadcast()
        self.live.broadcast()
        more = self.live.step(limit) or more
        self.pubsub.history.step(limit)
        if self.garbage:
            self._free(limit * 8)
            more = more or bool(self.garbage)
        return more

    def _weigh(self) -> None:
        """Looks at what is not counted as it changes."""
        self._measured_at = self.clock.ms
        for db in self.databases:
            db.measure()
        self._weigh_clients()
        self.peak = max(self.peak, self.ledger.total + self.clients_bytes)

    def _weigh_clients(self) -> None:
        self._weighed_at = self.clock.ms
        self.clients_bytes = 0
        for session in self.sessions.values():
            self.clients_bytes += session.memory()
        limit = self.settings.integer("maxmemory-clients")
        if limit < 0:
            limit = int(self.eviction.limit) * -limit // 100
        if 0 < limit < self.clients_bytes:
            self._evict_clients(limit)

    def _evict_clients(self, limit: i64) -> None:
        """Disconnects the clients whose buffers are largest until all are within the limit."""
        heaviest = sorted(
            [(session.memory(), session.id) for session in self.sessions.values()], reverse=True
        )
        for size, number in heaviest:
            session = self.sessions[number]
            if session.no_evict:
                continue
            self.evicted_clients += 1
            self.clients_bytes -= size
            session.outlet.close(after_reply=False)
            if self.clients_bytes <= limit:
                break

    def _shrink(self) -> bool:
        """Evicts keys in the background; whether more are to be evicted."""
        limit = self.eviction.limit
        if limit == 0 or self.ledger.total + self.clients_bytes <= limit:
            self.eviction.stuck = False
            return False
        return self._evict(_EVICTION_STEP) and self.ledger.total + self.clients_bytes > limit

    def _expire(self, limit: int) -> bool:
        """Goes through the databases in turn, from where it stopped."""
        count = len(self.databases)
        for _ in range(count):
            db = self.databases[self._expire_at_database]
            if db.volatile and db.expire_due(limit) >= limit:
                return True
            if self._expire_fields(db, limit):
                return True
            self._expire_at_database = (self._expire_at_database + 1) % count
        return False

    def _expire_fields(self, db: Keyspace, limit: int) -> bool:
        """Removes expired fields of hashes; whether there were as many as it may remove at once."""
        left = limit
        for key in db.parts_due(limit):
            value = db.peek(key)
            if isinstance(value, Hash):
                value.scheduled = 0
                if left > 0:
                    left -= self.expire_fields(db, key, value, left)
                else:
                    db.schedule_parts(key, value)
        return left <= 0

    def _free(self, limit: int) -> None:
        rest = self.garbage[-1]
        if isinstance(rest, list):
            self.garbage.pop()
            for _ in range(min(limit, len(rest))):
                item = rest.pop()
                if isinstance(item, Entry):
                    self.ledger.total -= self.databases[0].entry_bytes + text_bytes(len(item.key))
                    if item.size >= 0:
                        self.ledger.total -= item.size
                    else:
                        self.garbage.append(item.value)
            if rest:
                self.garbage.insert(0, rest)
        elif isinstance(rest, dict):
            for _ in range(min(limit, len(rest))):
                rest.popitem()
            if not rest:
                self.garbage.pop()
        elif not isinstance(rest, Value):
            self.garbage.pop()
        elif not rest.release(limit):
            rest.detach()
            self.garbage.pop()
