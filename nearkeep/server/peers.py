"""Requests to other servers, for commands that speak to one (MIGRATE)."""

import asyncio
from typing import Final

from nearkeep.wire.reply import encode

_KEPT_SECONDS: Final = 10.0
"""How long a connection is kept for the next request."""

_FAILURES: Final = (OSError, OverflowError, UnicodeError, EOFError, asyncio.LimitOverrunError)
"""Also those of a name that is none, a port that is none, and a reply without an end."""

_Use = tuple[str, int, tuple[bytes, ...]]
"""Host, port and the first request, which may have been a password: no other may profit by it."""

_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Peers:
    """The servers that were spoken to, with a connection to each that is free."""

    def __init__(self) -> None:
        self._free: dict[_Use, tuple[_Stream, asyncio.TimerHandle]] = {}

    def __len__(self) -> int:
        """How many connections are kept."""
        return len(self._free)

    async def exchange(
        self, host: str, port: int, seconds: float, requests: list[list[bytes]]
    ) -> tuple[list[bytes], bytes]:
        """The first lines of the replies, and what could not be done.

        That is "connecting", "writing", "reading" or nothing. Each step has so many seconds.
        Replies of more than one line are not understood.
        """
        use = (host, port, tuple(requests[0]))
        kept = self._take(use)
        if kept is not None:
            lines, failed = await self._ask(kept, use, seconds, requests)
            if lines or not failed:
                return lines, failed
            # It was closed at the other end before it could be used.
        doing = b"connecting"
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().getaddrinfo(host, port)
                doing = b"writing"  # so Redis calls all that follows
                stream = await asyncio.open_connection(host, port)
        except _FAILURES:
            return [], doing
        return await self._ask(stream, use, seconds, requests)

    async def _ask(
        self, stream: _Stream, use: _Use, seconds: float, requests: list[list[bytes]]
    ) -> tuple[list[bytes], bytes]:
        reader, writer = stream
        lines: list[bytes] = []
        doing = b"writing"
        try:
            for request in requests:
                writer.write(encode([*request], 2))
                async with asyncio.timeout(seconds):
                    await writer.drain()
            doing = b"reading"
            for _ in requests:
                async with asyncio.timeout(seconds):
                    line = await reader.readuntil(b"\r\n")
                lines.append(line[:-2])
        except _FAILURES:
            writer.close()
            return lines, doing
        except BaseException:
            writer.close()
            raise
        self._keep(use, stream)
        return lines, b""

    def _take(self, use: _Use) -> _Stream | None:
        found = self._free.pop(use, None)
        if found is None:
            return None
        stream, timer = found
        timer.cancel()
        return stream

    def _keep(self, use: _Use, stream: _Stream) -> None:
        self._close(use)
        loop = asyncio.get_running_loop()
        self._free[use] = (stream, loop.call_later(_KEPT_SECONDS, self._close, use))

    def _close(self, use: _Use) -> None:
        stream = self._take(use)
        if stream is not None:
            stream[1].close()

    def close(self) -> None:
        """Ends all connections that are kept."""
        for use in list(self._free):
            self._close(use)
