"""What every client of the server has, whatever it speaks: a transport, a session, and limits."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.session import Outlet, Session

if TYPE_CHECKING:
    import asyncio

    from nearkeep.server.connection import Tick

NORMAL: Final = 0
PUBSUB: Final = 2


@mypyc_attr(allow_interpreted_subclasses=True)
class Client(Outlet):
    """One client over TCP, TLS or a Unix socket; its subclasses are asyncio protocols.

    Attributes:
        closing: it is asked for nothing more.
        lost: the transport has gone.
    """

    def __init__(self, tick: "Tick") -> None:
        super().__init__()
        self.tick = tick
        self.on_lost: Callable[[Client], None] | None = None
        self.closing = False
        self.lost = False
        self.transport: asyncio.Transport | None = None
        self.session: Session | None = None
        self._over_soft_since: i64 = 0

    def take_over(self, other: "Client") -> None:
        """Goes on with another client's transport and session."""
        self.transport = other.transport
        self.address = other.address
        self.local_address = other.local_address
        self.session = other.session
        other.session = None
        if self.session is not None:
            self.session.outlet = self

    # ---- what the loop calls

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        """The limits of the output buffer decide (see check_limits)."""

    def resume_writing(self) -> None:
        """The limits of the output buffer decide (see check_limits)."""

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost = True
        self.closing = True
        self.leave()
        if self.on_lost is not None:
            self.on_lost(self)

    def leave(self) -> None:
        """Ends the session: nobody is to find it any more, though the socket closes later."""
        session = self.session
        if session is not None:
            self.session = None
            session.end()

    # ---- what the tick calls

    def flush(self) -> None:
        """Hands what was answered to the transport."""

    def go_on(self) -> None:
        """Runs what waited while the session was blocked."""

    def each_second(self) -> None:
        """Sees to what depends on time alone."""
        self.check_limits()

    # ---- what the engine and the server ask

    def held(self) -> int:
        """Bytes of replies that the transport does not have yet."""
        return 0

    def output_size(self) -> int:
        transport = self.transport
        if transport is None or self.lost:
            return 0
        return self.held() + int(transport.get_write_buffer_size())

    def output_limit(self) -> int:
        session = self.session
        return 0 if session is None else self.tick.limits[_kind(session) * 3]

    def descriptor(self) -> int:
        transport = self.transport
        bound = None if transport is None else transport.get_extra_info("socket")
        return -1 if bound is None else int(bound.fileno())

    def set_max_bulk(self, size: int) -> None:
        """The longest argument from now on, bytes (`proto-max-bulk-len`)."""

    def idle_seconds(self) -> int:
        """How long it has asked for nothing; 0 for those who only listen or are blocked."""
        session = self.session
        if session is None or session.blocked is not None or session.monitoring:
            return 0
        if session.channels or session.patterns or session.shard_channels:
            return 0
        return (self.tick.namespace.clock.ms - session.active) // 1000

    # ---- limits of what waits to be sent

    def count_sent(self, size: int) -> None:
        """To be called when bytes have been handed to the transport."""
        self.tick.namespace.output_bytes += size
        session = self.session
        if session is not None:
            session.output_bytes += size
        self.check_limits()

    def check_limits(self) -> None:
        """Ends a client that reads too slowly (client-output-buffer-limit)."""
        transport = self.transport
        session = self.session
        if transport is None or self.lost:
            return
        waiting: i64 = transport.get_write_buffer_size()
        if waiting == 0:
            self._over_soft_since = 0
            return
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
            self.overflow(transport)

    def overflow(self, transport: "asyncio.Transport") -> None:
        """Ends the client; its session ends later, for it may be one of many that are being told."""
        self.tick.namespace.output_limit_hits += 1
        self.closing = True
        transport.abort()


def _kind(session: Session) -> int:
    """The class of limits that a client is under."""
    if session.channels or session.patterns or session.shard_channels:
        return PUBSUB
    return NORMAL


def address_of(name: object) -> bytes:
    """An address as CLIENT LIST shows it: host:port, [host]:port, or a path."""
    if isinstance(name, tuple):
        host = str(name[0])
        return f"[{host}]:{name[1]}".encode() if ":" in host else f"{host}:{name[1]}".encode()
    if isinstance(name, bytes):
        return name + b":0"
    return str(name or "").encode() + b":0"
