"""HTTP/1.1: requests to the session, replies as responses, server-sent events.

llhttp reads, strictly: what could be understood in two ways (two lengths, a length beside chunks, bare
line feeds) ends the connection. Requests that come one after the other on a connection are answered in
their order; each stands for itself, with its own user, and leaves nothing behind in the session. All
responses leave at the end of the tick, like those of RESP.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from typing import Final, cast

import httptools
import orjson

from nearkeep.engine.acl import WRONG_PASS, User
from nearkeep.engine.session import NOAUTH, UNAUTHENTICATED, Session
from nearkeep.server.caller import Caller
from nearkeep.server.client import Client
from nearkeep.server.connection import Connection, Tick
from nearkeep.server.origin import Origins, refused_site
from nearkeep.server.rpc import Leases, RpcBatch, RpcOverWebSocket
from nearkeep.server.throttle import Throttle
from nearkeep.server.websocket import WebSocket
from nearkeep.server.websocket_clients import JsonOverWebSocket, RespOverWebSocket
from nearkeep.wire.events import COMMENT, message_event, place
from nearkeep.wire.http import BYTES, TEXT, Request, Response, chunk, head
from nearkeep.wire.json_reply import error, outcome
from nearkeep.wire.reply import NO_REPLY, Failure, Reply, Several, encode
from nearkeep.wire.rest import (
    ALLOWED,
    COMMAND,
    EVENTS,
    LIVE,
    TRANSACTION,
    Call,
    RestError,
    call_of,
    credentials,
)

HEAD_LIMIT: Final = 65536
"""Bytes of a request up to its body."""

HEAD_SECONDS: Final = 10
"""Seconds within which a request must have come up to its body."""

BODY_SECONDS: Final = 30
"""Seconds for a body, and one more for each of SLOWEST."""

SLOWEST: Final = 1024
"""Bytes a second below which a body comes too slowly."""

AHEAD: Final = 64
"""Requests that may wait for their turn until no more are read."""

COMMENT_SECONDS: Final = 15
"""Seconds of silence until an event stream sends a comment."""

RPC_PATH: Final = b"/rpc"

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_END_OF_CHUNKS: Final = b"0\r\n\r\n"
_DENIED: Final = (b"NOAUTH", b"WRONGPASS")


class Site:
    """What all HTTP connections of a server share.

    Attributes:
        identity: tells this process from others, in sync tokens.
        replace: puts a client in the place of the one whose connection it took over.
        is_stopping: whether the server is about to end.
    """

    def __init__(
        self,
        tick: Tick,
        origins: Origins,
        identity: bytes,
        replace: Callable[[Client, Client], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        self.tick = tick
        self.origins = origins
        self.identity = identity
        self.replace = replace
        self.is_stopping = is_stopping
        self.throttle = Throttle()
        self.leases = Leases()
        self._second = 0
        self._date = b""

    def date(self) -> bytes:
        """The present as HTTP writes it."""
        second = self.tick.namespace.clock.ms // 1000
        if second != self._second:
            self._second = second
            self._date = formatdate(int(second), usegmt=True).encode()
        return self._date


class Arriving:
    """A request that is being read.

    Attributes:
        answer: what is wrong with it, where that is clear before its end.
        user: who asks, once the header is whole.
    """

    def __init__(self, began: int) -> None:
        self.began = began
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.size = 0
        self.body: list[bytes] = []
        self.body_size = 0
        self.head_done = False
        self.request: Request | None = None
        self.user: User | None = None
        self.answer: Response | None = None


class Http(Caller):
    """One HTTP connection, taken over from the protocol that read its first bytes."""

    kind = "http"

    def __init__(self, site: Site, first: Connection) -> None:
        super().__init__(site.tick)
        self.site = site
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._arriving: Arriving | None = None
        self._arrived: deque[Arriving] = deque()
        self._streaming: Request | None = None
        self._rpc: RpcBatch | None = None
        self._spoke = 0  # when the event stream last said something, milliseconds
        self._paused = False
        self.take_over(first)

    # ---- reading

    def data_received(self, data: bytes) -> None:
        session, parser = self.session, self._parser
        if session is None or parser is None or self.closing:
            return
        namespace = self.tick.namespace
        namespace.begin()
        session.input_bytes += len(data)
        namespace.input_bytes += len(data)
        if self._streaming is not None:  # nothing more is expected, nor listened to
            return
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as problem:
            namespace.protocol_errors += 1
            self._refuse(400, f"ERR Protocol error: {problem}")
        arriving = self._arriving
        if arriving is not None and not arriving.head_done:
            arriving.size += len(data)
            if arriving.size > HEAD_LIMIT and arriving.answer is None:
                self._refuse(431, "ERR the request's header is too large")
        self.ready(session)

    def on_message_begin(self) -> None:
        self._arriving = Arriving(self.tick.namespace.clock.ms)

    def on_url(self, url: bytes) -> None:
        arriving = self._arriving
        if arriving is not None:
            arriving.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        arriving = self._arriving
        if arriving is not None:
            name = name.lower()
            known = arriving.headers.get(name)
            arriving.headers[name] = value if known is None else known + b", " + value

    def on_headers_complete(self) -> None:
        arriving, parser = self._arriving, self._parser
        if arriving is None or parser is None:
            return
        arriving.head_done = True
        version = parser.get_http_version()
        request = arriving.request = Request(
            parser.get_method(),
            arriving.url,
            arriving.headers,
            b"",
            keep_alive=parser.should_keep_alive(),
            chunked=version != "1.0",
        )
        arriving.answer = self._obstacle(request, version, arriving)
        if request.header(b"content-length") not in (b"", b"0") or b"transfer-encoding" in (
            request.headers
        ):
            if arriving.answer is not None:  # not worth reading the body
                arriving.answer.final = True
            elif (
                request.header(b"expect").lower() == b"100-continue"
                and not self._is_serving()
                and not self._arrived
            ):
                self.write(_CONTINUE)
        if arriving.answer is not None and arriving.answer.final:
            self._arrive(arriving)

    def on_body(self, data: bytes) -> None:
        arriving = self._arriving
        if arriving is None or arriving.answer is not None:
            return
        arriving.body.append(data)
        arriving.body_size += len(data)
        if arriving.body_size > self.tick.query_limit:
            self.tick.namespace.query_limit_hits += 1
            self._refuse(413, "ERR the request is larger than client-query-buffer-limit")

    def on_message_complete(self) -> None:
        arriving = self._arriving
        if arriving is not None and arriving.request is not None:
            arriving.request.body = b"".join(arriving.body)
            arriving.body = []
            self._arrive(arriving)

    def _arrive(self, arriving: Arriving) -> None:
        """Queues a request, whole or refused."""
        self._arriving = None
        self._arrived.append(arriving)
        transport = self.transport
        if len(self._arrived) > AHEAD and not self._paused and transport is not None:
            self._paused = True
            transport.pause_reading()

    def _refuse(self, status: int, message: str) -> None:
        """Answers what can't be read on, after what came before it."""
        arriving = self._arriving or Arriving(0)
        if arriving.request is None:
            arriving.request = Request(b"", b"/", {}, b"", keep_alive=False)
        arriving.answer = Response(status, error(message), final=True)
        self._arrive(arriving)
        self._parser = None

    # ---- who may

    def _obstacle(self, request: Request, version: str, arriving: Arriving) -> Response | None:
        """Why a request is not served, where its header tells."""
        if version not in ("1.0", "1.1"):
            return Response(505, error("ERR expected HTTP/1.1"), final=True)
        origin = request.header(b"origin")
        if origin and not self.site.origins.allow(origin, request.header(b"host")):
            return Response(
                403, error(f"ERR http-origins does not list {origin.decode('latin-1')}")
            )
        if request.method == b"OPTIONS":
            return Response(204, b"", self.site.origins.preflight(request))
        if self._may_log_in_later(request):
            return None
        known = self._authenticate(request)
        if isinstance(known, Response):
            return known
        arriving.user = known
        return None

    def _may_log_in_later(self, request: Request) -> bool:
        """Whether it is a WebSocket whose first message can be AUTH."""
        default: User = self.tick.namespace.users.default
        return (
            request.header(b"upgrade").lower() == b"websocket"
            and request.path != RPC_PATH
            and credentials(request) is None
            and not default.open
        )

    def _authenticate(self, request: Request) -> User | Response:
        """Who asks, or what is answered in place of their request."""
        session = self.session
        namespace = self.tick.namespace
        users, now = namespace.users, namespace.clock.ms
        given = credentials(request)
        if session is None:
            return Response(503, b"")
        if given is None:
            default: User = users.default
            if not default.open or not default.enabled:
                return _unauthorized(NOAUTH)
            why = refused_site(request) if session.is_local() else ""
            return Response(403, error(why)) if why else default
        host = self.address.rpartition(b":")[0]
        wait = self.site.throttle.seconds_left(host, now)
        if wait:
            retry = [(b"Retry-After", b"%d" % wait)]
            return Response(429, error("ERR too many wrong tokens from this address"), retry)
        user = users.authenticate(session, given[0], [b"AUTH", given[1]])
        if user is None:
            self.site.throttle.fail(host, now)
            return _unauthorized(WRONG_PASS)
        return user

    # ---- serving

    def _is_serving(self) -> bool:
        """Whether a request has begun that has not ended."""
        return self.commands is not None or self._streaming is not None or self._rpc is not None

    def ready(self, session: Session) -> None:
        """Serves requests until one has to wait."""
        if self._rpc is not None:
            self._rpc.calls.next(session)
            self._rpc.end_if_done()
        while self._arrived and not self._is_serving() and not self.closing:
            arrived = self._arrived.popleft()
            request, user = arrived.request, arrived.user
            if request is None:
                continue
            if arrived.answer is not None:
                self._respond(request, arrived.answer)
            elif user is not None:
                session.become(user)
                self._begin(session, request)
        transport = self.transport
        if self._paused and len(self._arrived) <= AHEAD // 2 and transport is not None:
            self._paused = False
            transport.resume_reading()

    def _begin(self, session: Session, request: Request) -> None:
        if request.path == RPC_PATH and request.method == b"POST":
            self._rpc = RpcBatch(self, self.site.leases, partial(self._end_batch, session, request))
            session.protocol = 3
            self._rpc.receive(request.body)
            self._rpc.end_if_done()
            return
        try:
            call = call_of(request)
        except RestError as problem:
            headers = [(b"Allow", ALLOWED)] if problem.status == 405 else []
            self._respond(request, Response(problem.status, error(problem.message), headers))
            return
        commands = call.commands
        if call.kind == EVENTS:
            self._stream(session, request, commands[0])
            return
        if call.kind == TRANSACTION:
            commands = [[b"MULTI"], *commands, [b"EXEC"]]
        self.run(session, commands, partial(self._answer, session, request, call))

    def _end_batch(self, session: Session, request: Request, answers: bytes) -> None:
        session.protocol = 2
        self._rpc = None
        self._respond(request, Response(200, answers, content_type=TEXT))

    def _answer(self, session: Session, request: Request, call: Call, replies: list[Reply]) -> None:
        self._respond(request, self._response(session, request, call, replies))

    def _response(
        self, session: Session, request: Request, call: Call, replies: list[Reply]
    ) -> Response:
        if call.kind == TRANSACTION:
            return _transaction(replies, call.base64)
        if call.resp2:
            failed = call.kind == COMMAND and isinstance(replies[0], Failure)
            body = b"".join([encode(reply) for reply in replies])
            return Response(400 if failed else 200, body, content_type=BYTES)
        if call.kind != COMMAND:
            return Response(200, orjson.dumps([outcome(reply, call.base64) for reply in replies]))
        reply = replies[0]
        body = orjson.dumps(outcome(reply, call.base64))
        if isinstance(reply, Failure):
            return Response(400, body)
        args = call.commands[0]
        if request.method in (b"GET", b"HEAD") and len(args) == 2 and args[0].lower() == b"get":
            return _cacheable(session, request, args[1], body)
        return Response(200, body)

    # ---- events

    def _stream(self, session: Session, request: Request, args: list[bytes]) -> None:
        """Makes the connection a stream of events."""
        session.protocol = 3
        live = args[0] == LIVE
        reply = NO_REPLY if live else self.execute(session, args)
        if isinstance(reply, Failure):
            session.protocol = 2
            self._respond(request, Response(400, error(reply.message.decode(errors="replace"))))
            return
        headers = [(b"Content-Type", b"text/event-stream; charset=utf-8")]
        headers += [(b"Cache-Control", b"no-cache"), (b"X-Accel-Buffering", b"no")]
        headers.append(
            (b"Transfer-Encoding", b"chunked") if request.chunked else (b"Connection", b"close")
        )
        self.write(head(200, headers + self._common(request)))
        self._streaming = request
        if live:
            for pattern in args[1:]:
                session.namespace.live.watch(session, pattern)
            return
        for message in reply.messages if isinstance(reply, Several) else [reply]:
            self.deliver(message)
        history = session.namespace.pubsub.history
        if history.active() and not session.monitoring:
            since = request.header(b"last-event-id") or request.parameter(b"since")
            if since:
                channels, patterns = list(session.channels), list(session.patterns)
                for missed in history.since(since, channels, patterns):
                    self.deliver(missed)
            self.write(place(history.position(), request.chunked))

    def deliver(self, message: Reply) -> None:
        if self._streaming is not None and not self.closing:
            self._spoke = self.tick.namespace.clock.ms
            self.write(message_event(message, self._streaming.chunked))

    # ---- what the engine and the tick call

    def close(self, after_reply: bool) -> None:
        if not after_reply:
            self.closing = True
            if self.transport is not None:
                self.transport.abort()
            return
        if not self.closing:
            self.closing = True
            if self._streaming is not None and self._streaming.chunked:
                self._out.append(_END_OF_CHUNKS)
            self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._parser = None  # which knows its connection, as this knows it
        if self._rpc is not None:
            self._rpc.abandon()
        super().connection_lost(exc)

    def idle_seconds(self) -> int:
        return 0 if self._streaming is not None else super().idle_seconds()

    def input_size(self) -> int:
        arriving = self._arriving
        return 0 if arriving is None else arriving.size + arriving.body_size

    def each_second(self) -> None:
        now = self.tick.namespace.clock.ms
        arriving = self._arriving
        if self._streaming is not None:
            if now - self._spoke >= COMMENT_SECONDS * 1000:
                self._spoke = now
                self.write(chunk(COMMENT) if self._streaming.chunked else COMMENT)
        elif arriving is not None and arriving.answer is None and not self.closing:
            limit = HEAD_SECONDS
            if arriving.head_done:
                limit = BODY_SECONDS + arriving.body_size // SLOWEST
            if now - arriving.began > limit * 1000:
                self._refuse(408, "ERR the request comes too slowly")
                if self.session is not None:
                    self.ready(self.session)
        super().each_second()

    # ---- writing

    def _common(self, request: Request) -> list[tuple[bytes, bytes]]:
        """Headers of every response."""
        namespace = self.tick.namespace
        return [
            (b"Date", self.site.date()),
            (b"Upstash-Sync-Token", b"%s=%d" % (self.site.identity, namespace.changes)),
            *self.site.origins.headers(request),
        ]

    def _respond(self, request: Request, response: Response) -> None:
        headers = self._common(request) + response.headers
        if response.status not in (204, 304):
            headers.append((b"Content-Type", response.content_type))
            headers.append((b"Content-Length", b"%d" % len(response.body)))
        last = response.final or not request.keep_alive
        if last:
            headers.append((b"Connection", b"close"))
        elif not request.chunked:
            headers.append((b"Connection", b"keep-alive"))
        self.write(head(response.status, headers))
        if response.body and request.method != b"HEAD" and response.status != 304:
            self.write(response.body)
        if last:
            self.close(after_reply=True)

    # ---- WebSocket

    def _upgrade(self, rest: bytes) -> None:
        """Another protocol is asked for: WebSocket is there, for all else HTTP goes on."""
        session = self.session
        arrived = self._arrived[-1] if self._arrived else None
        if session is None or arrived is None or arrived.request is None:
            return
        request = arrived.request
        if request.header(b"upgrade").lower() == b"websocket" and arrived.answer is None:
            if len(self._arrived) > 1 or self._is_serving():
                self._arrived.pop()
                self._arriving = arrived
                self._refuse(400, "ERR a WebSocket must not be asked for after other requests")
            else:
                self._become_websocket(session, request, arrived.user, rest)
                return
        else:
            self._parser = httptools.HttpRequestParser(self)
        self.ready(session)
        if rest:
            self.data_received(rest)

    def _become_websocket(
        self, session: Session, request: Request, user: User | None, rest: bytes
    ) -> None:
        transport = self.transport
        if transport is None:
            return
        self._parser = None
        self._arrived.clear()
        socket = WebSocket(transport, self.site.is_stopping)
        transport.set_protocol(cast("asyncio.BaseProtocol", socket))
        if not socket.accept(request, self._common(request)):
            self.close(after_reply=True)
            return
        if user is None:
            session.user = self.tick.namespace.users.default
            session.gate |= UNAUTHENTICATED
        else:
            session.become(user)
        client: Client
        if request.path == RPC_PATH:
            client = RpcOverWebSocket(self.tick, socket, self.site.leases)
            client.take_over(self)
            client.begin()
            socket.speaker = client
        elif socket.subprotocol == "resp":
            client = Connection(self.tick, lambda _: None)
            client.take_over(self)
            socket.speaker = RespOverWebSocket(socket, client)
        else:
            base64 = (b"encoding", b"base64") in request.query
            client = JsonOverWebSocket(self.tick, socket, base64)
            client.take_over(self)
            client.begin()
            socket.speaker = client
        client.transport = cast("asyncio.Transport", socket)
        self.site.replace(self, client)
        if rest:
            socket.data_received(rest)


def _unauthorized(failure: Failure) -> Response:
    return Response(401, error(failure.message.decode()), [(b"WWW-Authenticate", b"Bearer")])


def _transaction(replies: list[Reply], base64: bool) -> Response:
    """What EXEC answered, or why there was no transaction."""
    last = replies[-1]
    if isinstance(last, list):
        return Response(200, orjson.dumps([outcome(reply, base64) for reply in last]))
    refusals = [reply for reply in replies[:-1] if isinstance(reply, Failure)]
    if refusals:
        reason = refusals[0].message.removeprefix(b"ERR ")
        last = Failure(b"EXECABORT Transaction discarded because of: " + reason)
    return Response(400, orjson.dumps(outcome(last)))


def _cacheable(session: Session, request: Request, key: bytes, body: bytes) -> Response:
    """What GET of a key answers: with the time that it is good for, and a tag to ask again with."""
    expiry = session.db.expiry(key)
    seconds = (expiry - session.namespace.clock.ms) // 1000 if expiry > 0 else 0
    fresh = b"private, max-age=%d" % seconds if seconds > 0 else b"private, no-cache"
    tag = b'"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
    headers = [
        (b"Cache-Control", fresh),
        (b"ETag", tag),
        (b"Vary", b"Authorization, Upstash-Encoding, Upstash-Response-Format"),
    ]
    known = [
        word.strip().removeprefix(b"W/") for word in request.header(b"if-none-match").split(b",")
    ]
    if tag in known or b"*" in known:
        return Response(304, b"", headers)
    return Response(200, body, headers)
