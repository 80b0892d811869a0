"""One client's state, and the way of each of its commands.

A front end (a RESP connection, an HTTP request, a script, an embedded caller) makes a `Session` with
an `Outlet` and calls `execute` with one request after the other. It gets a reply value back, or:

- `NO_REPLY`: nothing is to be written. If `session.blocked` is set then, the front end hands in no
  further request until the engine calls `Outlet.resume`.
- pushes, replies of commands that answer in several messages, and what is delivered later come
  through `Outlet.send`, before `execute` returns or at any later time. What a command sends to its
  own client stands in `session.deferred` and follows the reply.
"""

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.command import (
    ALLOW_BUSY,
    COMMANDS,
    DENYOOM,
    NO_AUTH,
    NO_MULTI,
    UNMONITORED,
    WRITE,
    Command,
)
from nearkeep.engine.keyspace import NOTHING, Keyspace
from nearkeep.engine.latency import Histogram
from nearkeep.engine.text import c_string
from nearkeep.wire.reply import NO_REPLY, NULL_ARRAY, QUEUED, Failure, Reply

if TYPE_CHECKING:
    from nearkeep.engine.acl import User
    from nearkeep.engine.namespace import Namespace
    from nearkeep.engine.tracking import TrackingMode

# Why a command of a session can't simply run: bits of Session.gate.
UNAUTHENTICATED: Final = 1
IN_MULTI: Final = 2
SUBSCRIBED: Final = 4  # RESP2 only: a subscriber may do little else
RESTRICTED: Final = 8  # the user may not do everything
MUTED: Final = 16  # CLIENT REPLY
UNTOUCHING: Final = 32  # CLIENT NO-TOUCH
TRACKING: Final = 64  # client-side caching
IN_SCRIPT: Final = 128  # the commands of a script

# The same for all sessions of a namespace: bits of Namespace.gate.
MONITORED: Final = 1
PAUSED: Final = 2
BUSY: Final = 4  # a script runs for too long
FULL: Final = 8  # a limit of memory may be reached
UNWRITABLE: Final = 16  # the disk refuses
LOADING: Final = 32

NOAUTH: Final = Failure(b"NOAUTH Authentication required.")
NESTED_MULTI: Final = Failure(b"ERR Command not allowed inside a transaction")
OUT_OF_MEMORY: Final = Failure(b"OOM command not allowed when used memory > 'maxmemory'.")

_INTERNAL: Final = Failure(b"ERR internal error, see the server's log")

_ALLOWED_SUBSCRIBED: Final = frozenset(
    (
        b"subscribe",
        b"ssubscribe",
        b"psubscribe",
        b"unsubscribe",
        b"sunsubscribe",
        b"punsubscribe",
        b"ping",
        b"quit",
        b"reset",
    )
)
_NEVER_QUEUED: Final = frozenset((b"exec", b"discard", b"multi", b"watch", b"quit", b"reset"))


@mypyc_attr(allow_interpreted_subclasses=True)
class Outlet:
    """Where a session's messages go; each front end has its own kind.

    Attributes:
        kind: the protocol, for INFO and metrics: "resp", "http", "websocket", "embedded", ….
        address, local_address: `host:port` of both ends, or a path.
    """

    kind = "embedded"

    def __init__(self) -> None:
        self.address = b""
        self.local_address = b""

    def send(self, message: Reply) -> None:
        """Delivers a message outside of a reply."""

    def resume(self, reply: Reply) -> None:
        """Delivers the reply of a blocked session, which may go on with its next request."""

    def retry(self, args: list[bytes]) -> None:
        """The session may run a request that was postponed, and go on."""

    def close(self, after_reply: bool) -> None:
        """Ends the connection: at once, or when what was said has been sent."""

    def output_size(self) -> int:
        """Bytes waiting to be sent."""
        return 0

    def output_limit(self) -> int:
        """Bytes of one reply that end the client, 0 for none."""
        return 0

    def descriptor(self) -> int:
        """The socket's file descriptor, or -1."""
        return -1

    def input_size(self) -> int:
        """Bytes received of requests not yet run."""
        return 0


class Blocked:
    """What a blocked session waits for.

    Attributes:
        args: its request, run again when a key is ready.
        keys: the keys it waits for, in its database.
        db: the database's number.
        deadline: milliseconds since the epoch, 0 for never.
        timed_out: the reply when the time is over.
        reason: the type of value that it waits for ("list", "zset", "stream"), or another word for
            it ("pause").
        keyless: whether it is also to know that a key has gone or is of another type.
        errand: what the request has in hand elsewhere, where it does not wait for keys.
    """

    def __init__(
        self,
        args: list[bytes],
        keys: list[bytes],
        db: int,
        deadline: int,
        timed_out: Reply,
        reason: bytes,
        keyless: bool = False,
    ) -> None:
        self.args = args
        self.keys = keys
        self.db = db
        self.deadline = deadline
        self.timed_out = timed_out
        self.reason = reason
        self.keyless = keyless
        self.errand: object = None


class Session:
    """One client of a namespace.

    Attributes:
        id: number of the client, unique in the namespace.
        db: the selected database.
        protocol: 2 or 3.
        gate: bits that say why its commands can't simply run, 0 as a rule.
        queue: the commands since MULTI.
        said: within EXEC, the messages of a command that answers in several.
        aborted: whether a queued command was refused (EXECABORT).
        watched: keys under WATCH, with their databases.
        dirty: whether a watched key has changed.
        written: number of the last batch of the mutation stream that it brought about.
        blocked: what it waits for, or None.
    """

    def __init__(self, namespace: "Namespace", outlet: Outlet) -> None:
        self.namespace = namespace
        self.outlet = outlet
        self.id = namespace.next_session_id()
        self.db: Keyspace = namespace.databases[0]
        self.user: User = namespace.users.default
        self.protocol = 2
        self.gate = 0
        self.name = b""
        self.library = b""
        self.library_version = b""
        self.created = namespace.clock.ms
        self.active: i64 = namespace.clock.ms
        self.last: Command | None = None
        self._usual: Command | None = None  # what the last request named, as most do again
        self._usual_word = b""
        self.commands_run: i64 = 0
        self.input_bytes: i64 = 0
        self.output_bytes: i64 = 0
        self.written: i64 = 0
        self.queue: list[tuple[Command, list[bytes]]] = []
        self.queued_bytes = 0
        self.aborted = False
        self.executing = False
        self.said: list[object] = []
        self.watched: list[tuple[int, bytes, bool]] = []
        self.dirty = False
        self.blocked: Blocked | None = None
        self.waiting_command: Command | None = None
        self.still_blocked = False
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self.shard_channels: dict[bytes, None] = {}
        self.reply_mode = b"on"
        self.no_evict = False
        self.monitoring = False
        self.closing = False
        self.effects_replaced = False
        self.deferred: list[object] = []
        self.tracking: TrackingMode | None = None
        namespace.enter(self)

    # ---- running

    def execute(self, args: list[bytes]) -> Reply:
        """Runs one request (a name and its arguments) and returns the reply."""
        word = args[0]
        command = self._usual
        if command is None or word != self._usual_word:
            command = COMMANDS.get(word)
            if command is not None and command.subcommands is None:
                self._usual = command
                self._usual_word = word
            else:
                found = self._resolve(args)
                if isinstance(found, Failure):
                    return self._heard(self._refuse(found, None))
                command = found
        self.active = self.namespace.clock.ms
        count = len(args)
        if count < command.minimum or count > command.maximum:
            return self._heard(self._refuse(wrong_arity(command), command))
        if self.gate or self.namespace.gate:
            return self._guarded(command, args)
        return self.call(command, args)

    def call(self, command: Command, args: list[bytes]) -> Reply:
        """Runs a command that may run, counts it, and hands on what it changed."""
        namespace = self.namespace
        clock = namespace.clock
        start = namespace.stopwatch
        changes = namespace.changes
        self.last = command
        if namespace.depth == 0:  # else it is a script's, or one of EXEC: its caller's doing
            namespace.current = self
        namespace.depth += 1
        try:
            reply: Reply = command.run(self, args)
        except Failure as failure:
            reply = failure
        except Exception as error:  # noqa: BLE001 - one command's bug is not every client's end
            namespace.host.report(command.name, error)
            reply = _INTERNAL
        finally:
            namespace.depth -= 1
        end = clock.microseconds()
        elapsed = end - start
        if elapsed < 0:
            elapsed = 0
        namespace.stopwatch = end
        command.calls += 1
        command.microseconds += elapsed
        self.commands_run += 1
        namespace.commands_run += 1
        if namespace.tracks_latency:
            histogram = command.latency
            if histogram is None:
                histogram = command.latency = Histogram()
            histogram.observe(elapsed)
        if elapsed >= namespace.slow_from and (reply is not NO_REPLY or self.blocked is None):
            namespace.slow(self, command, args, elapsed)
        recording = namespace.stream.recording
        if recording and namespace.changes != changes and not self.effects_replaced:
            namespace.stream.add(self.db.index, args)
        if isinstance(reply, Failure):
            command.failed += 1
            namespace.count_error(reply)
        if namespace.depth == 0:
            namespace.current = None
            self.effects_replaced = False
            if namespace.stream.recording and namespace.stream.commit(clock.ms):
                self.written = namespace.stream.sequence
            clock.ms = end // 1000
            if namespace.ready:
                namespace.serve_ready()
        elif self.effects_replaced:
            self.effects_replaced = False
        return reply

    def effect(self, *words: bytes) -> None:
        """Says what a command did in place of its own words, as one deterministic command.

        May be said several times; the effects stand in that order.
        """
        self.effects_replaced = True
        self.namespace.stream.add(self.db.index, list(words))

    def no_effect(self) -> None:
        """What the command did is told by others (EXEC by its commands) or to nobody."""
        self.effects_replaced = True

    def _resolve(self, args: list[bytes]) -> Command | Failure:
        """The command or subcommand that a request names."""
        command = COMMANDS.get(args[0]) or COMMANDS.get(args[0].lower())
        if command is None:
            if args[0].lower() in (b"post", b"host:"):
                # A browser is being used to speak to us: its next lines could be commands.
                self.outlet.close(after_reply=False)
            return unknown_command(args)
        if command.subcommands is None:
            return command
        if len(args) < 2:
            return command
        sub = command.subcommands.get(args[1].lower())
        if sub is None:
            return Failure(
                b"ERR unknown subcommand '%s'. Try %s HELP."
                % (c_string(args[1][:128]), command.name.upper())
            )
        return sub

    def _refuse(self, failure: Failure, command: Command | None) -> Failure:
        """Answers without running; inside a MULTI that dooms the EXEC."""
        if command is not None and command.name == b"exec":
            self.clear_transaction()
            failure = Failure(
                b"EXECABORT Transaction discarded because of: %s"
                % failure.message.removeprefix(b"ERR ")
            )
        if self.gate & IN_MULTI:
            self.aborted = True
        if self.reply_mode == b"skip":
            self.reply_mode = b"skipping"
        if command is not None:
            command.rejected += 1
        self.namespace.count_error(failure)
        return failure

    def _guarded(self, command: Command, args: list[bytes]) -> Reply:
        """Runs a command for which there is something to be heeded first."""
        if not self.gate & MUTED:
            return self._admit(command, args)
        if self.reply_mode == b"skip":
            self.reply_mode = b"skipping"
        return self._heard(self._admit(command, args))

    def _heard(self, reply: Reply) -> Reply:
        """The reply, unless CLIENT REPLY holds it back; SKIP does so once."""
        if not self.gate & MUTED:
            return reply
        if self.reply_mode == b"skipping":
            self.reply_mode = b"on"
            self.gate &= ~MUTED
        return NO_REPLY

    def _admit(self, command: Command, args: list[bytes]) -> Reply:
        """Refuses, queues, postpones or runs a command, in the order in which Redis asks."""
        gate = self.gate
        namespace = self.namespace
        flags = command.flags
        if gate & UNAUTHENTICATED and not flags & NO_AUTH:
            return self._refuse(NOAUTH, command)
        if gate & IN_MULTI and flags & NO_MULTI:
            return self._refuse(NESTED_MULTI, command)
        if gate & RESTRICTED and not flags & NO_AUTH:
            denied = namespace.users.denied(self, command, args)
            if denied is not None:
                return self._refuse(denied, command)
        if namespace.gate & FULL and not namespace.make_room() and self._adds(command):
            return self._refuse(OUT_OF_MEMORY, command)
        if namespace.gate & UNWRITABLE and self._writes(command):
            failure = namespace.unwritable(command)
            if failure is not None:
                return self._refuse(failure, command)
        if gate & SUBSCRIBED and self.protocol == 2 and command.name not in _ALLOWED_SUBSCRIBED:
            return self._refuse(
                Failure(
                    b"ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT"
                    b" / RESET are allowed in this context" % command.name
                ),
                command,
            )
        if namespace.gate & BUSY and not flags & ALLOW_BUSY:
            return self._refuse(namespace.busy_failure(), command)
        if namespace.gate & PAUSED and namespace.postpones(self, command, args):
            self.blocked = Blocked(args, [], self.db.index, 0, NULL_ARRAY, b"pause")
            namespace.postponed[self] = None
            return NO_REPLY
        if gate & IN_MULTI and command.name not in _NEVER_QUEUED:
            self.queue.append((command, args))
            for arg in args:
                self.queued_bytes += len(arg)
            return QUEUED
        reply = self._run(command, args)
        if namespace.gate & MONITORED and not flags & UNMONITORED:
            namespace.monitor(self, args)
        return reply

    def _run(self, command: Command, args: list[bytes]) -> Reply:
        """Runs a command in the way that the client has chosen."""
        gate = self.gate
        if gate & UNTOUCHING and command.name != b"touch":
            return self.call_untouching(command, args)
        reply = self.call(command, args)
        if gate & TRACKING:
            self.namespace.tracking.remember(self, command, args)
            self._caching_ends(command)
        return reply

    def call_untouching(self, command: Command, args: list[bytes]) -> Reply:
        """Runs a command that leaves no trace of the use of keys."""
        db = self.db
        touching = db.touching
        db.touching = NOTHING
        try:
            return self.call(command, args)
        finally:
            db.touching = touching

    def _adds(self, command: Command) -> bool:
        """Whether a command may not run while memory is full.

        What is queued takes memory too, and EXEC runs what was queued.
        """
        if command.flags & DENYOOM:
            return True
        if not self.gate & IN_MULTI:
            return False
        if command.name == b"exec":
            return any([queued.flags & DENYOOM for queued, _ in self.queue])
        return command.name not in _NEVER_QUEUED

    def _writes(self, command: Command) -> bool:
        """Whether a command can't be run while the disk refuses; PING tells of it, as in Redis."""
        if command.name == b"exec":
            return any([queued.flags & WRITE for queued, _ in self.queue])
        return bool(command.flags & WRITE) or command.name == b"ping"

    def _caching_ends(self, command: Command) -> None:
        """What CLIENT CACHING said holds for one command, or for one transaction."""
        mode = self.tracking
        if mode is not None and not self.gate & IN_MULTI and command.name != b"client|caching":
            mode.caching = None

    # ---- blocking

    def block(
        self,
        keys: list[bytes],
        timeout_ms: int,
        timed_out: Reply,
        args: list[bytes],
        reason: bytes,
        keyless: bool = False,
    ) -> Reply:
        """Waits for keys, from within a command: `return session.block(…)`.

        When one of the keys is ready, the request `args` is run again, as a whole. A timeout of 0
        waits for ever. Where nothing may block (MULTI, scripts) the answer is `timed_out` at once.
        """
        if self.executing or self.gate & IN_SCRIPT:
            return timed_out
        self._uncount()
        if self.blocked is not None:  # run again in vain: it keeps its place in the queues
            self.still_blocked = True
            return NO_REPLY
        deadline = self.namespace.clock.ms + timeout_ms if timeout_ms > 0 else 0
        self.blocked = Blocked(args, keys, self.db.index, deadline, timed_out, reason, keyless)
        self.waiting_command = self.last
        self.namespace.wait(self)
        return NO_REPLY

    def run_blocked(self) -> None:
        """Runs the request that waits once more; if it is served, the session goes on."""
        blocked = self.blocked
        command = self.waiting_command
        if blocked is None or command is None:
            return
        self.still_blocked = False
        denied: Failure | None = None
        if self.gate & RESTRICTED:
            denied = self.namespace.users.denied(self, command, blocked.args)
        if denied is None:
            reply = self.call(command, blocked.args)
        else:
            reply = self._refuse(denied, command)
        if self.still_blocked:
            return
        self._go_on(reply)
        if self.gate & TRACKING:
            self.namespace.tracking.remember(self, command, blocked.args)

    def unblock(self, reply: Reply) -> None:
        """Ends the waiting with a reply that is not the command's own."""
        command = self.waiting_command
        if self.blocked is None or command is None:
            return
        command.calls += 1
        self.commands_run += 1
        self.namespace.commands_run += 1
        if isinstance(reply, Failure):
            command.failed += 1
            self.namespace.count_error(reply)
        self._go_on(reply)

    def _go_on(self, reply: Reply) -> None:
        self.namespace.stop_waiting(self)
        self.blocked = None
        self.waiting_command = None
        self.outlet.resume(reply)

    def _uncount(self) -> None:
        """Takes back, ahead of `call`, that a command has run: it counts when it is served."""
        if self.last is not None:
            self.last.calls -= 1
        self.commands_run -= 1
        self.namespace.commands_run -= 1

    # ---- state

    def memory(self) -> int:
        """Bytes that the client's buffers take, and its queue."""
        outlet = self.outlet
        return outlet.output_size() + outlet.input_size() + self.queued_bytes

    def tell(self, message: Reply) -> None:
        """Delivers a message, after the reply if it comes from the session's own command."""
        if self.namespace.current is self:
            self.deferred.append(message)
        else:
            self.outlet.send(message)

    def select(self, index: int) -> None:
        """Makes a database the session's own."""
        self.db = self.namespace.databases[index]

    def clear_transaction(self) -> None:
        """Forgets MULTI with its queue and all WATCHes."""
        self.queue = []
        self.queued_bytes = 0
        self.aborted = False
        self.gate &= ~IN_MULTI
        self.unwatch()

    def unwatch(self) -> None:
        """Forgets all WATCHes."""
        if self.watched:
            self.namespace.unwatch(self)
            self.watched = []
        self.dirty = False

    def subscriptions(self) -> int:
        """To how many channels and patterns it listens."""
        return len(self.channels) + len(self.patterns)

    def update_subscribed(self) -> None:
        """To be called after each change of subscriptions."""
        if self.channels or self.patterns or self.shard_channels:
            self.gate |= SUBSCRIBED
        else:
            self.gate &= ~SUBSCRIBED

    def become(self, user: "User") -> None:
        """Authenticates as a user."""
        self.user = user
        self.gate &= ~(UNAUTHENTICATED | RESTRICTED)
        if not user.unrestricted:
            self.gate |= RESTRICTED

    def is_local(self) -> bool:
        """Whether the client is on this machine: by loopback, a Unix socket or in the process."""
        address = self.outlet.address
        return not address or address.startswith((b"127.", b"[::1]", b"/", b":"))

    def authenticated(self) -> bool:
        """Whether it may run commands."""
        return not self.gate & UNAUTHENTICATED

    def end(self) -> None:
        """The client has gone; to be called once by the front end."""
        self.clear_transaction()
        self.namespace.leave(self)


def wrong_arity(command: Command) -> Failure:
    """The error for a wrong number of arguments."""
    return Failure(b"ERR wrong number of arguments for '%s' command" % command.name)


def unknown_command(args: list[bytes]) -> Failure:
    """The error for a name that is no command, with its first arguments."""
    beginning = b""
    for arg in args[1:]:
        if len(beginning) >= 128:
            break
        beginning += b"'%s' " % c_string(arg[: 128 - len(beginning)])
    return Failure(
        b"ERR unknown command '%s', with args beginning with: %s"
        % (c_string(args[0][:128]), beginning)
    )
