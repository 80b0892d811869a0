"""A RESP connection: bytes to the session, replies to the transport.

What all connections want to send is written once per tick of the loop, after all requests that had
arrived were run: few system calls, and one place before which a write must be safe.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from nearkeep.engine.namespace import Namespace
from nearkeep.engine.session import MUTED, UNAUTHENTICATED, Outlet, Session
from nearkeep.wire.reply import NO_REPLY, Failure, Push, Reply, Writer
from nearkeep.wire.request import ProtocolError, RequestParser

if TYPE_CHECKING:
    import asyncio

EAGER: Final = 1 << 20
"""Bytes of replies that are written at once and not only at the end of the tick."""

UNCOUNTED: Final = 1 << 14
"""Bytes of replies that fall under no limit, as in Redis, where they have their place beforehand."""

NORMAL: Final = 0
PUBSUB: Final = 2


class Tick:
    """The end of a tick of the loop: what waited is run and written.

    Attributes:
        before_replies: called before replies leave; by then what they confirm must be safe.
        limits: client-output-buffer-limit, for classes normal, replica and pubsub each the hard
            limit, the soft limit (bytes) and the seconds above it.
    """

    def __init__(self, namespace: Namespace, call_soon: Callable[..., object]) -> None:
        self.namespace = namespace
        self.before_replies: Callable[[], None] | None = None
        self.alarm_changed: Callable[[int], None] | None = None
        self.limits: list[int] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
        self.query_limit: i64 = 1 << 30
        self.max_bulk = 1 << 29
        self._call_soon = call_soon
        self._scheduled = False
        self._alarm: i64 = 0
        self._waiting: list[Connection] = []
        self._runnable: list[Connection] = []

    def write(self, connection: "Connection") -> None:
        """Has a connection's replies sent at the end of the tick."""
        self._waiting.append(connection)
        if not self._scheduled:
            self._scheduled = True
            self._call_soon(self.end)

    def run(self, connection: "Connection") -> None:
        """Has a connection that was blocked go on at the end of the tick."""
        self._runnable.append(connection)
        if not self._scheduled:
            self._scheduled = True
            self._call_soon(self.end)

    def end(self) -> None:
        """Runs and writes what waits."""
        self._scheduled = False
        while self._runnable:
            runnable = self._runnable
            self._runnable = []
            self.namespace.begin()
            for connection in runnable:
                connection.go_on()
        self.namespace.end_tick()
        if self.before_replies is not None:
            self.before_replies()
        waiting = self._waiting
        self._waiting = []
        for connection in waiting:
            connection.flush()
        alarm = self.namespace.alarm
        if alarm != self._alarm:
            self._alarm = alarm
            if self.alarm_changed is not None:
                self.alarm_changed(alarm)


class Connection(Outlet):
    """One client over TCP, TLS or a Unix socket. An asyncio protocol."""

    kind = "resp"

    def __init__(self, tick: Tick, admit: "Callable[[Connection], bytes | None]") -> None:
        super().__init__()
        self.tick = tick
        self.admit = admit
        self.on_lost: Callable[[Connection], None] | None = None
        self.closing = False
        self.lost = False
        self.transport: asyncio.Transport | None = None
        self.session: Session | None = None
        self._parser = RequestParser(tick.max_bulk)
        self._writer = Writer()
        self._waiting = False
        self._postponed: list[list[bytes]] = []
        self._running = False
        self._told: list[Reply] = []
        self._over_soft_since: i64 = 0

    # ---- what the loop calls

    def connection_made(self, transport: "asyncio.Transport") -> None:
        self.transport = transport
        self.address = _address(transport.get_extra_info("peername"))
        self.local_address = _address(transport.get_extra_info("sockname"))
        refusal = self.admit(self)
        if refusal is not None:
            self.tick.namespace.connections_refused += 1
            transport.write(b"-%s\r\n" % refusal)
            transport.close()
            self.closing = True
            return
        namespace = self.tick.namespace
        namespace.begin()
        self.session = Session(namespace, self)

    def data_received(self, data: bytes) -> None:
        session = self.session
        if session is None or self.closing:
            return
        namespace = self.tick.namespace
        namespace.begin()
        size: i64 = len(data)
        session.input_bytes += size
        namespace.input_bytes += size
        self._parser.feed(data)
        if session.blocked is None:
            self._run(session)
        if size >= 4096 and self._parser.pending() > self.tick.query_limit:
            namespace.query_limit_hits += 1
            self.close(after_reply=False)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        """The limits of the output buffer decide (see flush)."""

    def resume_writing(self) -> None:
        """The limits of the output buffer decide (see flush)."""

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost = True
        self.closing = True
        self._leave()
        if self.on_lost is not None:
            self.on_lost(self)

    def _leave(self) -> None:
        """Ends the session: nobody is to find it any more, though the socket closes later."""
        session = self.session
        if session is not None:
            self.session = None
            session.end()

    # ---- requests

    def _run(self, session: Session) -> None:
        """Runs the requests that are whole."""
        parser = self._parser
        writer = self._writer
        parser.trusted = not session.gate & UNAUTHENTICATED
        try:
            while session.blocked is None and not self.closing:
                args = parser.next()
                if args is None:
                    break
                self._running = True
                reply = session.execute(args)
                self._running = False
                if reply is not NO_REPLY:
                    writer.protocol = session.protocol
                    if type(reply) is bytes:
                        writer.bulk(reply)
                    else:
                        writer.reply(reply)
                    if not self._waiting:
                        self._waiting = True
                        self.tick.write(self)
                    elif writer.size() > EAGER and writer.size() > self.output_limit():
                        self._write_now()
                if self._told:
                    self._pass_on()
                if session.deferred:
                    self._send_deferred(session)
                if not parser.trusted:
                    parser.trusted = not session.gate & UNAUTHENTICATED
        except ProtocolError as error:
            self.tick.namespace.protocol_errors += 1
            failure = Failure(error.message)
            self.tick.namespace.count_error(failure)
            self._answer(failure)
            self.close(after_reply=True)

    def _send_deferred(self, session: Session) -> None:
        messages = session.deferred
        session.deferred = []
        for message in messages:
            self.send(message)

    def go_on(self) -> None:
        """Runs what waited while the session was blocked."""
        session = self.session
        if session is None or self.closing:
            return
        while self._postponed and session.blocked is None:
            args = self._postponed.pop()
            reply = session.execute(args)
            if reply is not NO_REPLY:
                self._answer(reply)
            self._send_deferred(session)
        if session.blocked is None:
            self._run(session)

    # ---- what the engine calls

    def send(self, message: Reply) -> None:
        session = self.session
        if session is None or self.closing:
            return
        # CLIENT REPLY holds back replies, not messages.
        if session.gate & MUTED and not isinstance(message, Push):
            return
        if self._running:  # the reply to the command that caused it goes first
            self._told.append(message)
            return
        self._answer(message)
        if self._writer.size() > EAGER:
            self._write_now()

    def resume(self, reply: Reply) -> None:
        session = self.session
        if session is None or self.closing:
            return
        if reply is not NO_REPLY and not session.gate & MUTED:
            self._answer(reply)
        self._send_deferred(session)
        self.tick.run(self)

    def retry(self, args: list[bytes]) -> None:
        self._postponed.append(args)
        self.tick.run(self)

    def close(self, after_reply: bool) -> None:
        self.closing = True
        if after_reply:
            if not self._waiting:
                self._waiting = True
                self.tick.write(self)
        elif self.transport is not None:
            self.transport.abort()
            if not self._running:
                self._leave()

    def output_size(self) -> int:
        transport = self.transport
        if transport is None or self.lost:
            return 0
        return self._writer.size() + int(transport.get_write_buffer_size())

    def output_limit(self) -> int:
        session = self.session
        return 0 if session is None else self.tick.limits[_kind(session) * 3]

    def descriptor(self) -> int:
        transport = self.transport
        bound = None if transport is None else transport.get_extra_info("socket")
        return -1 if bound is None else int(bound.fileno())

    def input_size(self) -> int:
        return self._parser.pending()

    # ---- replies

    def _answer(self, reply: Reply) -> None:
        session = self.session
        writer = self._writer
        if session is not None:
            writer.protocol = session.protocol
        writer.reply(reply)
        if not self._waiting:
            self._waiting = True
            self.tick.write(self)

    def _pass_on(self) -> None:
        """Sends what the client's own command told it."""
        told = self._told
        self._told = []
        for message in told:
            self._answer(message)

    def _write_now(self) -> None:
        """Sends before the end of the tick, so that not too much is held."""
        if self.tick.before_replies is not None:
            self.tick.before_replies()
        self._send()

    def flush(self) -> None:
        """Hands what was answered to the transport."""
        self._waiting = False
        self._send()
        if self.closing and self.transport is not None:
            self.transport.close()
            self._leave()

    def _send(self) -> None:
        transport = self.transport
        if self.lost or transport is None:
            return
        parts = self._writer.take()
        if not parts:
            return
        sent: i64 = 0
        for part in parts:
            sent += len(part)
        if sent > UNCOUNTED:
            hard: i64 = self.output_limit()
            if 0 < hard < sent + int(transport.get_write_buffer_size()):
                self._overflow(transport)
                return
        self.tick.namespace.output_bytes += sent
        session = self.session
        if session is not None:
            session.output_bytes += sent
        if len(parts) == 1:
            transport.write(parts[0])
        else:
            transport.writelines(parts)
        self._check_limits(transport)

    def _check_limits(self, transport: "asyncio.Transport") -> None:
        """Ends a client that reads too slowly (client-output-buffer-limit)."""
        waiting: i64 = transport.get_write_buffer_size()
        if waiting == 0:
            self._over_soft_since = 0
            return
        session = self.session
        if session is None:
            return
        kind = _kind(session)
        limits = self.tick.limits
        hard: i64 = limits[kind * 3]
        soft: i64 = limits[kind * 3 + 1]
        seconds: i64 = limits[kind * 3 + 2]
        now = self.tick.namespace.clock.ms
        over = 0 < hard <= waiting
        if soft and waiting >= soft:
            if self._over_soft_since == 0:
                self._over_soft_since = now
            elif now - self._over_soft_since > seconds * 1000:
                over = True
        else:
            self._over_soft_since = 0
        if over:
            self._overflow(transport)

    def _overflow(self, transport: "asyncio.Transport") -> None:
        """Ends the client; its session ends later, for it may be one of many that are being told."""
        self.tick.namespace.output_limit_hits += 1
        self.closing = True
        transport.abort()

    def set_max_bulk(self, size: int) -> None:
        """The longest argument from now on, bytes (`proto-max-bulk-len`)."""
        self._parser.max_bulk = size

    def idle_seconds(self) -> int:
        """How long it has asked for nothing; 0 for those who only listen or are blocked."""
        session = self.session
        if session is None or session.blocked is not None or session.monitoring:
            return 0
        if session.channels or session.patterns or session.shard_channels:
            return 0
        return (self.tick.namespace.clock.ms - session.active) // 1000

    def check_limits(self) -> None:
        """To be called now and then: a soft limit may be exceeded by time alone."""
        if self.transport is not None and not self.lost:
            self._check_limits(self.transport)


def _kind(session: Session) -> int:
    """The class of limits that a client is under."""
    if session.channels or session.patterns or session.shard_channels:
        return PUBSUB
    return NORMAL


def _address(name: object) -> bytes:
    """An address as CLIENT LIST shows it: host:port, [host]:port, or a path."""
    if isinstance(name, tuple):
        host = str(name[0])
        return f"[{host}]:{name[1]}".encode() if ":" in host else f"{host}:{name[1]}".encode()
    if isinstance(name, bytes):
        return name + b":0"
    return str(name or "").encode() + b":0"
