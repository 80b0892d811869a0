"""HTTP messages as values: a request that has been read, and the bytes of a response.

Reading is llhttp's, in `server/http.py`; nothing here touches a socket.
Source: RFC 9110 and RFC 9112
"""

from typing import Final

REASONS: Final = {
    200: b"OK",
    204: b"No Content",
    304: b"Not Modified",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    414: b"URI Too Long",
    426: b"Upgrade Required",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}
"""What stands beside a status."""

JSON: Final = b"application/json"
BYTES: Final = b"application/octet-stream"
TEXT: Final = b"text/plain; charset=utf-8"

_NIBBLES: Final = {digit: int(chr(digit), 16) for digit in b"0123456789abcdefABCDEF"}


class Request:
    """A request that has come in whole.

    Attributes:
        path: the target's part before the question mark, as it was sent.
        query: name and value of each parameter, in their order; a value is None where there is no
            equals sign.
        headers: by name in lower case; repeated ones stand in one, after commas.
        keep_alive: whether the connection may serve another request.
        chunked: whether the client knows chunks, as of HTTP/1.1.
    """

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        keep_alive: bool = True,
        chunked: bool = True,
    ) -> None:
        path, mark, query = target.partition(b"?")
        if not path.startswith(b"/"):  # the absolute form: http://host/path
            _, _, rest = path.partition(b"://")
            path = b"/" + rest.partition(b"/")[2]
        self.method = method
        self.path = path
        self.query = parameters(query) if mark else []
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive
        self.chunked = chunked

    def header(self, name: bytes) -> bytes:
        """A header's value, empty where there is none."""
        return self.headers.get(name, b"")

    def parameter(self, name: bytes) -> bytes:
        """The first value of a parameter, empty where there is none."""
        for known, value in self.query:
            if known == name:
                return value or b""
        return b""


class Response:
    """What is answered.

    Attributes:
        status: a key of REASONS.
        headers: beyond those about content and connection.
        final: whether the connection ends with it.
    """

    def __init__(
        self,
        status: int,
        body: bytes,
        headers: list[tuple[bytes, bytes]] | None = None,
        content_type: bytes = JSON,
        final: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers or []
        self.content_type = content_type
        self.final = final


def head(status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
    """A response up to its body."""
    lines = [b"HTTP/1.1 %d %s\r\n" % (status, REASONS[status])]
    for name, value in headers:
        lines.append(b"%s: %s\r\n" % (name, value))
    lines.append(b"\r\n")
    return b"".join(lines)


def chunk(data: bytes) -> bytes:
    """A piece of a body whose length is not known ahead."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def unescaped(text: bytes, plus: bool = False) -> bytes:
    """Percent-encoded text as it was meant; in a query, a plus means a space."""
    if plus:
        text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text
    pieces = text.split(b"%")
    parts = [pieces[0]]
    for piece in pieces[1:]:
        high = _NIBBLES.get(piece[0], -1) if len(piece) > 1 else -1
        low = _NIBBLES.get(piece[1], -1) if len(piece) > 1 else -1
        if high < 0 or low < 0:  # a percent sign that encodes nothing stands for itself
            parts.append(b"%" + piece)
        else:
            parts.append(bytes([high * 16 + low]) + piece[2:])
    return b"".join(parts)


def parameters(query: bytes) -> list[tuple[bytes, bytes | None]]:
    """The parameters of a query string."""
    found: list[tuple[bytes, bytes | None]] = []
    for word in query.split(b"&"):
        if word:
            name, equals, value = word.partition(b"=")
            found.append(
                (unescaped(name, plus=True), unescaped(value, plus=True) if equals else None)
            )
    return found
