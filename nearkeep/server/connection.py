"""A RESP connection: bytes to the session, replies to the transport.

What all connections want to send is written once per tick of the loop, after all requests that had
arrived were run: few system calls, and one place before which a write must be safe.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from nearkeep.engine.namespace import Namespace
from nearkeep.engine.session import MUTED, UNAUTHENTICATED, Session
from nearkeep.server.client import Client, address_of
from nearkeep.wire.first_line import HTTP, UNDECIDED, protocol_of
from nearkeep.wire.reply import NO_REPLY, Failure, Push, Reply, Writer
from nearkeep.wire.request import ProtocolError, RequestParser

if TYPE_CHECKING:
    import asyncio

EAGER: Final = 1 << 20
"""Bytes of replies that are written at once and not only at the end of the tick."""

NEVER: Final = 1 << 62
"""No batch of the mutation stream has such a number."""

UNCOUNTED: Final = 1 << 14
"""Bytes of replies that fall under no limit, as in Redis, where they have their place beforehand."""


class Tick:
    """The end of a tick of the loop: what waited is run and written.

    Attributes:
        before_replies: called before replies leave; makes safe what they confirm, and returns the
            number of the last batch of the mutation stream that is. A connection that has brought
            about a later one keeps its replies until `release`.
        limits: client-output-buffer-limit, for classes normal, replica and pubsub each the hard
            limit, the soft limit (bytes) and the seconds above it.
    """

    def __init__(self, namespace: Namespace, call_soon: Callable[..., object]) -> None:
        self.namespace = namespace
        self.before_replies: Callable[[], int] | None = None
        self.alarm_changed: Callable[[int], None] | None = None
        self.limits: list[int] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
        self.query_limit: i64 = 1 << 30
        self.max_bulk = 1 << 29
        self._call_soon = call_soon
        self._scheduled = False
        self._alarm: i64 = 0
        self._waiting: list[Client] = []
        self._runnable: list[Client] = []
        self._held: list[Client] = []

    def write(self, connection: Client) -> None:
        """Has a connection's replies sent at the end of the tick."""
        self._waiting.append(connection)
        if not self._scheduled:
            self._scheduled = True
            self._call_soon(self.end)

    def run(self, connection: Client) -> None:
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
        safe: i64 = NEVER
        if self.before_replies is not None:
            safe = self.before_replies()
        waiting = self._waiting
        self._waiting = []
        for connection in waiting:
            session = connection.session
            if session is not None and session.written > safe:
                self._held.append(connection)
            else:
                connection.flush()
        alarm = self.namespace.alarm
        if alarm != self._alarm:
            self._alarm = alarm
            if self.alarm_changed is not None:
                self.alarm_changed(alarm)

    def release(self) -> None:
        """Sends the replies that were held, as far as what they confirm is safe by now."""
        self._waiting += self._held
        self._held = []
        self.end()


class Connection(Client):
    """One client over TCP, TLS or a Unix socket. An asyncio protocol.

    Attributes:
        switch: hands the connection over to HTTP, with the bytes that have come; None once they
            have told that it speaks RESP, or where there is no HTTP.
    """

    kind = "resp"

    def __init__(self, tick: Tick, admit: "Callable[[Connection], bytes | None]") -> None:
        super().__init__(tick)
        self.admit = admit
        self.switch: Callable[[Connection, bytes], None] | None = None
        self._parser = RequestParser(tick.max_bulk)
        self._writer = Writer()
        self._waiting = False
        self._postponed: list[list[bytes]] = []
        self._running = False
        self._told: list[Reply] = []
        self._first = b""  # what has come while the protocol is not known

    # ---- what the loop calls

    def connection_made(self, transport: "asyncio.Transport") -> None:
        self.transport = transport
        self.address = address_of(transport.get_extra_info("peername"))
        self.local_address = address_of(transport.get_extra_info("sockname"))
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
        if self.switch is not None:
            data = self._settle_protocol(data)
            if not data:
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

    def _settle_protocol(self, data: bytes) -> bytes:
        """What is for RESP of the first bytes: nothing while they don't tell, or if they are HTTP."""
        first = self._first + data
        protocol = protocol_of(first)
        if protocol == UNDECIDED:
            self._first = first
            return b""
        switch = self.switch
        self.switch = None
        self._first = b""
        if protocol == HTTP and switch is not None:
            switch(self, first)
            return b""
        return first

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
        # The reply to the command that caused it goes first; what made room for it goes before.
        if self._running and not session.namespace.making_room:
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
                self.leave()

    def held(self) -> int:
        return self._writer.size()

    def input_size(self) -> int:
        return self._parser.pending() + len(self._first)

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
        session = self.session
        if self.tick.before_replies is not None and session is not None:
            safe: i64 = self.tick.before_replies()
            if session.written > safe:
                return
        self._send()

    def flush(self) -> None:
        """Hands what was answered to the transport."""
        self._waiting = False
        self._send()
        if self.closing and self.transport is not None:
            self.transport.close()
            self.leave()

    def _send(self) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():  # a write would raise
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
                self.overflow(transport)
                return
        if len(parts) == 1:
            transport.write(parts[0])
        else:
            transport.writelines(parts)
        self.count_sent(sent)

    def set_max_bulk(self, size: int) -> None:
        """The longest argument from now on, bytes (`proto-max-bulk-len`)."""
        self._parser.max_bulk = size
