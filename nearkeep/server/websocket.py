"""WebSocket: frames between a transport and what speaks through them.

The frames are the `websockets` package's, whose sans-I/O side reads them with all their rules. To its
client (RESP's `Connection`, or one of JSON) a `WebSocket` is the transport. What goes to many sockets is
framed, and compressed, once: `text_frame` makes bytes that any of them can send, which is why no socket
keeps a compression context.

Source: RFC 6455, RFC 7692
"""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from nearkeep.wire.http import Request

PING_SECONDS: Final = 20
"""Seconds between pings; who is silent for more than two of them is gone."""

CLOSE_SECONDS: Final = 2
"""Seconds that the other side has to answer a close frame."""

DEFLATE_FROM: Final = 512
"""Bytes from which compressing pays."""

OFFERED: Final = ("resp", "json")
"""Subprotocols; who names none speaks json."""

_DEFLATED: Final = 0x40
"""The bit of a frame's first byte that says so."""


class Speaker(Protocol):
    """What is above a WebSocket."""

    def message_received(self, data: bytes, is_text: bool) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class WebSocket:
    """One WebSocket. An asyncio protocol to what is below it, a transport to what is above.

    Attributes:
        deflates: whether frames may be compressed.
        is_open: whether messages may still be sent.
        subprotocol: the one that was agreed upon, or None.
    """

    def __init__(self, transport: asyncio.Transport, stopping: Callable[[], bool]) -> None:
        self.speaker: Speaker | None = None
        self.deflates = False
        self.is_open = False
        self.is_closing = transport.is_closing
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.get_extra_info = transport.get_extra_info
        self.subprotocol: str | None = None
        self._transport = transport
        self._stopping = stopping
        self._loop = asyncio.get_running_loop()
        self._protocol = ServerProtocol(
            extensions=[ServerPerMessageDeflateFactory(True, True)],
            select_subprotocol=_select,
        )
        self._pieces: list[bytes] = []  # of a message in several frames
        self._is_text = False
        self._heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    # ---- the beginning

    def accept(self, request: Request, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Answers the request for a WebSocket; whether there is one now."""
        lines = [b"%s: %s\r\n" % one for one in request.headers.items()]
        self._protocol.receive_data(b"GET / HTTP/1.1\r\n" + b"".join(lines) + b"\r\n")
        for event in self._protocol.events_received():
            if isinstance(event, Handshake):
                response = self._protocol.accept(event)
                for name, value in headers:
                    response.headers[name.decode()] = value.decode("latin-1")
                self._protocol.send_response(response)
        self._send()
        self.deflates = bool(self._protocol.extensions)
        self.subprotocol = self._protocol.subprotocol
        self.is_open = self._protocol.state is OPEN
        if not self.is_open:
            return False
        self._timer = self._loop.call_later(PING_SECONDS, self._ping)
        return True

    def limit(self, size: int) -> None:
        """The longest message from now on, bytes."""
        self._protocol.max_message_size = size

    # ---- what the loop calls

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame_received(event)
        self._send()

    def _frame_received(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._is_text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        self._pieces.append(bytes(frame.data))
        if frame.fin and self.speaker is not None:
            data = b"".join(self._pieces)
            self._pieces = []
            if self.is_open:
                self.speaker.message_received(data, self._is_text)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        if self.speaker is not None:
            self.speaker.pause_writing()

    def resume_writing(self) -> None:
        if self.speaker is not None:
            self.speaker.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        speaker, self.speaker = self.speaker, None
        if speaker is not None:
            speaker.connection_lost(exc)

    def _ping(self) -> None:
        silent = self._loop.time() - self._heard
        if silent > 2.5 * PING_SECONDS:
            self._transport.abort()
            return
        if self._protocol.state is OPEN:
            self._protocol.send_ping(b"")
            self._send()
            self._timer = self._loop.call_later(PING_SECONDS, self._ping)

    # ---- a transport, to what is above

    def write(self, data: bytes) -> None:
        """Sends bytes as a binary message."""
        self.write_frames(_frame(Opcode.BINARY, data, self.deflates))

    def writelines(self, parts: list[bytes]) -> None:
        """Sends bytes as a binary message."""
        self.write(b"".join(parts))

    def write_frames(self, frames: bytes) -> None:
        """Sends what `text_frame` made."""
        if self.is_open and not self.is_closing():
            self._transport.write(frames)

    def fail(self, code: int, reason: str) -> None:
        """Ends the connection, and says why."""
        self._protocol.fail(CloseCode(code), reason)
        self._send()

    def close(self) -> None:
        """Ends the connection in an orderly way."""
        if self._protocol.state is OPEN:
            going = self._stopping()
            code = CloseCode.GOING_AWAY if going else CloseCode.NORMAL_CLOSURE
            self._protocol.send_close(code)
            self._send()
            self._loop.call_later(CLOSE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        self._transport.abort()

    def _send(self) -> None:
        self.is_open = self._protocol.state is OPEN
        for data in self._protocol.data_to_send():
            if self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            else:
                self._transport.close()


def text_frame(data: bytes, deflate: bool) -> bytes:
    """A text message as bytes for any WebSocket, compressed if `deflate` and it pays."""
    return _frame(Opcode.TEXT, data, deflate)


def _frame(opcode: Opcode, data: bytes, deflate: bool) -> bytes:
    if not deflate or len(data) < DEFLATE_FROM:
        return Frame(opcode, data).serialize(mask=False)
    compressor = zlib.compressobj(1, wbits=-15)
    deflated = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    frame = bytearray(Frame(opcode, deflated[:-4]).serialize(mask=False))
    frame[0] |= _DEFLATED
    return bytes(frame)


def _select(_protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    for name in offered:
        if name in OFFERED:
            return name
    return None
