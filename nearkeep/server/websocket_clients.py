"""What speaks over WebSockets: RESP, whose connection does not know it, and JSON messages."""

from collections import deque
from functools import partial
from typing import Final

from nearkeep.engine.session import NOAUTH, UNAUTHENTICATED, Session
from nearkeep.server.caller import Caller
from nearkeep.server.connection import Connection, Tick
from nearkeep.server.websocket import WebSocket, text_frame
from nearkeep.wire.json_messages import (
    BEGINNINGS,
    WATCHES,
    Ask,
    MessageError,
    event,
    read,
    refusal,
    reply_to,
)
from nearkeep.wire.json_reply import as_base64, as_text
from nearkeep.wire.reply import OK, Failure, Push, Reply

UNKNOWN_LIMIT: Final = 65536
"""Bytes of a message from someone who has not logged in."""

UNSUPPORTED: Final = 1003
INVALID: Final = 1007
POLICY: Final = 1008


class RespOverWebSocket:
    """Hands the bytes of binary messages to a connection of RESP."""

    def __init__(self, socket: WebSocket, connection: Connection) -> None:
        self._socket = socket
        self._connection = connection
        self._limit()

    def _limit(self) -> None:
        session = self._connection.session
        unknown = session is None or session.gate & UNAUTHENTICATED
        self._socket.limit(UNKNOWN_LIMIT if unknown else self._connection.tick.query_limit)

    def message_received(self, data: bytes, is_text: bool) -> None:
        if is_text:
            self._socket.fail(UNSUPPORTED, "RESP comes in binary messages")
            return
        self._connection.data_received(data)
        self._limit()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()


class JsonOverWebSocket(Caller):
    """One client that sends commands as JSON and gets replies and events."""

    kind = "websocket"

    def __init__(self, tick: Tick, socket: WebSocket, base64: bool) -> None:
        super().__init__(tick)
        self._socket = socket
        self._base64 = base64
        self._form = f"json {base64} {socket.deflates}"
        self._asks: deque[Ask] = deque()
        self._received = 0  # bytes of what waits
        self._watched: set[bytes] = set()

    def begin(self) -> None:
        """To be called once it has its session."""
        session = self.session
        if session is not None:
            session.protocol = 3
            self._limit(session)

    def _limit(self, session: Session) -> None:
        unknown = session.gate & UNAUTHENTICATED
        self._socket.limit(UNKNOWN_LIMIT if unknown else self.tick.query_limit)

    def message_received(self, data: bytes, is_text: bool) -> None:
        session = self.session
        if session is None or self.closing:
            return
        namespace = self.tick.namespace
        namespace.begin()
        session.input_bytes += len(data)
        namespace.input_bytes += len(data)
        if not is_text:
            self._socket.fail(UNSUPPORTED, "JSON comes in text messages")
            return
        try:
            ask = read(data)
        except MessageError as problem:
            namespace.protocol_errors += 1
            if not _is_utf8(data):
                self._socket.fail(INVALID, "text must be UTF-8")
                return
            self._send(refusal(problem))
            return
        self._asks.append(ask)
        self._received += len(data)
        if self._received > self.tick.query_limit:
            namespace.query_limit_hits += 1
            self._socket.fail(POLICY, "too much waits for a command that blocks")
            return
        if self.commands is None:
            self.ready(session)

    def ready(self, session: Session) -> None:
        while self._asks and self.commands is None and not self.closing:
            ask = self._asks.popleft()
            if not self._asks:
                self._received = 0
            if ask.deed in WATCHES:
                self._watch(session, ask)
            else:
                self.run(session, ask.commands, partial(self._answer, ask))
            self._limit(session)

    def _watch(self, session: Session, ask: Ask) -> None:
        reply: Reply = NOAUTH if session.gate & UNAUTHENTICATED else OK
        if reply is OK:
            live = session.namespace.live
            for pattern in ask.commands[0][1:]:
                if ask.deed == "watch":
                    self._watched.add(pattern)
                    live.watch(session, pattern)
                else:
                    self._watched.discard(pattern)
                    live.unwatch(session, pattern)
        if ask.id is not None:
            self._send(reply_to(ask, [reply], self._base64))

    def _answer(self, ask: Ask, replies: list[Reply]) -> None:
        at = b""
        history = self.tick.namespace.pubsub.history
        if history.active() and ask.deed in BEGINNINGS and not isinstance(replies[0], Failure):
            names = ask.commands[0][1:]
            channels, patterns = (names, []) if ask.deed == "subscribe" else ([], names)
            for missed in history.since(ask.since, channels, patterns) if ask.since else []:
                self.deliver(missed)
            at = history.position()
        if ask.id is not None:
            self._send(reply_to(ask, replies, self._base64, at))

    def _send(self, message: bytes) -> None:
        self.write(text_frame(message, self._socket.deflates))

    def send(self, message: Reply) -> None:
        # The way of a message that goes to thousands: all but the first find it framed.
        if isinstance(message, Push) and message.forms is not None:
            frame = message.forms.get(self._form)
            if frame is not None and not (self._running or self._clogged or self.closing):
                self._out.append(frame)
                if not self._waiting:
                    self._waiting = True
                    self.tick.write(self)
                return
        super().send(message)

    def deliver(self, message: Reply) -> None:
        text = as_base64 if self._base64 else as_text
        if not isinstance(message, Push):
            self._send(event(message, text))
            return
        forms = message.forms
        if forms is None:
            forms = message.forms = {}
        frame = forms.get(self._form)
        if frame is None:
            frame = forms[self._form] = text_frame(event(message, text), self._socket.deflates)
        self.write(frame)

    def flush(self) -> None:
        self._waiting = False
        parts, self._out = self._out, []
        if parts:
            frames = parts[0] if len(parts) == 1 else b"".join(parts)
            self._socket.write_frames(frames)
            self.count_sent(len(frames))
        if self.closing:
            self._socket.close()

    def close(self, after_reply: bool) -> None:
        self.closing = True
        if after_reply:
            self.wake()
        else:
            self._socket.abort()

    def idle_seconds(self) -> int:
        return 0 if self._watched else super().idle_seconds()

    def input_size(self) -> int:
        return self._received


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
