"""Requests to another server, for commands that speak to one (MIGRATE)."""

import asyncio

from nearkeep.wire.reply import encode

_FAILURES = (OSError, OverflowError, UnicodeError, EOFError, asyncio.LimitOverrunError)
"""Also those of a name that is none, a port that is none, and a reply without an end."""


async def exchange(
    host: str, port: int, seconds: float, requests: list[list[bytes]]
) -> tuple[list[bytes], bytes]:
    """The first lines of the replies, and what could not be done.

    That is "connecting", "writing", "reading" or nothing. Each step has so many seconds. Replies
    of more than one line are not understood.
    """
    lines: list[bytes] = []
    doing = b"connecting"
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().getaddrinfo(host, port)
            doing = b"writing"  # so Redis calls all that follows
            reader, writer = await asyncio.open_connection(host, port)
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
        return lines, doing
    finally:
        if writer is not None:
            writer.close()
    return lines, b""
